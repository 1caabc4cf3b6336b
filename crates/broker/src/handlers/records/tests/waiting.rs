//! Fetches that wait: woken by records, by what goes wrong, by the stop of the node, and else by
//! their time alone.

use std::time::{Duration, Instant};

use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use ottla_protocol::messages::{DeleteTopicsRequest, FetchRequest};
use tokio::time::timeout;

use super::fetching::{NO_ID, fetch_request, offsets, partitions, wanted};
use crate::node::testing::{PATIENCE, TestNode, batch, name_of, topic_name};

/// Longer than any test may take: what is answered before was woken.
const FOR_EVER_MS: i32 = 600_000;

fn patient(topics: Vec<ottla_protocol::messages::fetch_request::FetchTopic>) -> FetchRequest {
    fetch_request(topics).with_max_wait_ms(FOR_EVER_MS)
}

async fn until_waiting(node: &TestNode, count: usize) {
    let waiting = async {
        while node.node.fetches_waiting() != count {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .expect("fetches wait in time");
}

#[tokio::test]
async fn records_wake_those_who_wait_for_their_partition() {
    let node = TestNode::start(&[]).await;
    let (mut consumer, mut producer) = (node.client().await, node.client().await);
    producer.create("t", 2, &[]).await;
    consumer
        .send(
            12,
            &patient(vec![wanted("t", NO_ID, 0, 0), wanted("t", NO_ID, 1, 0)]),
        )
        .await;
    until_waiting(&node, 1).await;
    producer.produce("t", 1, batch(&["value"])).await;
    let response = consumer.answer::<FetchRequest>(12).await;
    let got: Vec<_> = partitions(&response)
        .into_iter()
        .map(|one| (one.partition_index, offsets(one)))
        .collect();
    assert_eq!(got, [(0, vec![]), (1, vec![0])]);
    assert_eq!(node.node.fetches_waiting(), 0);
}

#[tokio::test]
async fn a_fetch_waits_until_there_is_as_much_as_it_wants() {
    let node = TestNode::start(&[]).await;
    let (mut consumer, mut producer) = (node.client().await, node.client().await);
    producer.create("t", 1, &[]).await;
    let size = i32::try_from(batch(&["value"]).len()).unwrap();
    let request = patient(vec![wanted("t", NO_ID, 0, 0)]).with_min_bytes(3 * size);
    consumer.send(12, &request).await;
    for _ in 0..3 {
        until_waiting(&node, 1).await;
        producer.produce("t", 0, batch(&["value"])).await;
    }
    let response = consumer.answer::<FetchRequest>(12).await;
    assert_eq!(offsets(partitions(&response)[0]), [0, 1, 2]);
}

#[tokio::test]
async fn time_is_over_when_it_is_over() {
    let node = TestNode::start(&[]).await;
    let mut consumer = node.client().await;
    consumer.create("t", 1, &[]).await;
    let begun = Instant::now();
    let unknown = wanted("nope", NO_ID, 0, 0);
    let request = fetch_request(vec![unknown, wanted("t", NO_ID, 0, 0)]).with_max_wait_ms(50);
    let response = consumer.ask(12, &request).await;
    assert!(begun.elapsed() >= Duration::from_millis(50));
    // What was refused beforehand hurries nobody.
    let codes: Vec<_> = partitions(&response)
        .into_iter()
        .map(|one| name_of(one.error_code))
        .collect();
    assert_eq!(codes, ["NONE", "UNKNOWN_TOPIC_OR_PARTITION"]);
}

#[tokio::test]
async fn what_cannot_wait_is_answered_at_once() {
    let node = TestNode::start(&[]).await;
    let mut consumer = node.client().await;
    consumer.create("t", 1, &[]).await;
    for request in [
        patient(Vec::new()),
        patient(vec![wanted("nope", NO_ID, 0, 0)]),
        patient(vec![wanted("t", NO_ID, 0, 99), wanted("t", NO_ID, 0, 99)]),
        patient(vec![wanted("t", NO_ID, 0, 0)]).with_min_bytes(0),
    ] {
        consumer.ask(12, &request).await;
    }
}

#[tokio::test]
async fn the_end_of_a_topic_wakes_those_who_wait_for_it() {
    let node = TestNode::start(&[]).await;
    let (mut consumer, mut admin) = (node.client().await, node.client().await);
    admin.create("t", 1, &[]).await;
    consumer
        .send(12, &patient(vec![wanted("t", NO_ID, 0, 0)]))
        .await;
    until_waiting(&node, 1).await;
    let doomed = DeleteTopicState::default().with_name(Some(topic_name("t")));
    let request = DeleteTopicsRequest::default()
        .with_timeout_ms(20_000)
        .with_topics(vec![doomed]);
    admin.ask(6, &request).await;
    let response = consumer.answer::<FetchRequest>(12).await;
    assert_eq!(
        name_of(partitions(&response)[0].error_code),
        "NOT_LEADER_OR_FOLLOWER"
    );
}

#[tokio::test]
async fn a_node_that_stops_answers_those_who_wait() {
    let node = TestNode::start(&[]).await;
    let mut consumer = node.client().await;
    consumer.create("t", 1, &[]).await;
    consumer
        .send(12, &patient(vec![wanted("t", NO_ID, 0, 0)]))
        .await;
    until_waiting(&node, 1).await;
    let stopping = tokio::spawn(node.node.shutdown());
    let response = consumer.answer::<FetchRequest>(12).await;
    assert_eq!(name_of(partitions(&response)[0].error_code), "NONE");
    timeout(PATIENCE, stopping)
        .await
        .expect("a stop in time")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_consumer_that_leaves_is_forgotten() {
    let node = TestNode::start(&[]).await;
    let mut consumer = node.client().await;
    consumer.create("t", 1, &[]).await;
    let request = fetch_request(vec![wanted("t", NO_ID, 0, 0)]).with_max_wait_ms(100);
    consumer.send(12, &request).await;
    until_waiting(&node, 1).await;
    drop(consumer);
    until_waiting(&node, 0).await;
}
