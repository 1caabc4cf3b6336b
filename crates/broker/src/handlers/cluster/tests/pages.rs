//! DescribeTopicPartitions.

use ottla_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use ottla_protocol::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, name_of, topic_name};

fn request(
    topics: &[&str],
    limit: i32,
    cursor: Option<(&str, i32)>,
) -> DescribeTopicPartitionsRequest {
    let topic = |name: &&str| TopicRequest::default().with_name(topic_name(name));
    let cursor = cursor.map(|(topic, partition)| {
        Cursor::default()
            .with_topic_name(topic_name(topic))
            .with_partition_index(partition)
    });
    DescribeTopicPartitionsRequest::default()
        .with_topics(topics.iter().map(topic).collect())
        .with_response_partition_limit(limit)
        .with_cursor(cursor)
}

/// Topics with the numbers of their partitions, and where the next page begins.
fn shown(response: &DescribeTopicPartitionsResponse) -> String {
    let mut shown = String::new();
    for topic in &response.topics {
        let numbers: Vec<i32> = topic
            .partitions
            .iter()
            .map(|partition| partition.partition_index)
            .collect();
        let name = topic.name.as_ref().unwrap();
        shown += &format!("{}:{numbers:?} ", &**name);
    }
    if let Some(cursor) = &response.next_cursor {
        shown += &format!("> {}:{}", &*cursor.topic_name, cursor.partition_index);
    }
    shown.trim_end().to_owned()
}

async fn node_with_topics() -> (TestNode, TestClient) {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    for name in ["c", "a", "b"] {
        client.create(name, 2, &[]).await;
    }
    (node, client)
}

#[tokio::test]
async fn pages_follow_each_other_in_order_of_names() {
    let (_node, mut client) = node_with_topics().await;
    for (topics, limit, cursor, expected) in [
        (&[][..], 100, None, "a:[0, 1] b:[0, 1] c:[0, 1]"),
        (&[], 3, None, "a:[0, 1] b:[0] > b:1"),
        (&[], 3, Some(("b", 1)), "b:[1] c:[0, 1]"),
        (&[], 2, None, "a:[0, 1] > b:0"),
        (&[], 0, None, "a:[0] > a:1"),
        (&[], -1, None, "a:[0] > a:1"),
        (&["c", "a"], 3, None, "a:[0, 1] c:[0] > c:1"),
        (&["c", "a"], 3, Some(("c", 1)), "c:[1]"),
        (&["a"], 9, Some(("a", 50)), "a:[]"),
        (&["a", "nope"], 2, None, "a:[0, 1] > nope:0"),
        (&["a", "nope"], 3, None, "a:[0, 1] nope:[]"),
    ] {
        let response = client.ask(0, &request(topics, limit, cursor)).await;
        assert_eq!(shown(&response), expected, "{topics:?} {limit} {cursor:?}");
    }
}

#[tokio::test]
async fn a_page_is_bounded_by_the_broker_as_well() {
    let node = TestNode::start(&["max.request.partition.size.limit=1"]).await;
    let mut client = node.client().await;
    client.create("a", 2, &[]).await;
    let response = client.ask(0, &request(&[], 1_000, None)).await;
    assert_eq!(shown(&response), "a:[0] > a:1");
}

#[tokio::test]
async fn what_does_not_exist_and_cursors_that_lead_nowhere_are_refused() {
    let (_node, mut client) = node_with_topics().await;
    let response = client
        .ask(0, &request(&["nope", "bad/name", "a"], 9, None))
        .await;
    let codes: Vec<&str> = response
        .topics
        .iter()
        .map(|one| name_of(one.error_code))
        .collect();
    assert_eq!(
        codes,
        [
            "NONE",
            "INVALID_TOPIC_EXCEPTION",
            "UNKNOWN_TOPIC_OR_PARTITION"
        ]
    );
    for cursor in [("b", 0), ("a", -1)] {
        let response = client.ask(0, &request(&["a"], 9, Some(cursor))).await;
        assert_eq!(name_of(response.topics[0].error_code), "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn partitions_come_with_their_leaders_and_what_may_be_done() {
    let (_node, mut client) = node_with_topics().await;
    let response = client.ask(0, &request(&["a"], 9, None)).await;
    let topic = &response.topics[0];
    assert_eq!(
        (topic.topic_authorized_operations, topic.is_internal),
        (3576, false)
    );
    let partition = &topic.partitions[0];
    assert_eq!((partition.error_code, partition.leader_id.0), (0, 1));
    assert_eq!(partition.eligible_leader_replicas, Some(Vec::new()));
}

#[tokio::test]
async fn who_may_not_describe_is_not_told_what_exists() {
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Describe]), &[]).await;
    let mut client = node.client().await;
    client.create("a", 1, &[]).await;
    let response = client.ask(0, &request(&["a", "nope"], 9, None)).await;
    for topic in &response.topics {
        assert_eq!(name_of(topic.error_code), "TOPIC_AUTHORIZATION_FAILED");
    }
    assert!(
        client
            .ask(0, &request(&[], 9, None))
            .await
            .topics
            .is_empty()
    );
}
