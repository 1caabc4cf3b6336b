//! Reading from the replica nearest to the consumer (KIP-392), in a cluster of three racks.

use std::time::Duration;

use ottla_protocol::messages::FetchResponse;
use ottla_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use ottla_protocol::messages::{DeleteRecordsRequest, FetchRequest};
use tokio::time::{Instant, sleep, timeout};

use super::fetching::{NO_ID, fetch_request, offsets, partitions, wanted};
use crate::metrics::exposition::parse;
use crate::node::test_cluster::{
    create_replicated, leader, produce, replica, three, three_with, topic, until,
};
use crate::node::testing::{PATIENCE, TestNode, name_of, text, topic_name};

const RACK_AWARE: &str =
    "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// Three nodes, each in the rack of its number, and a topic that all of them hold with one record.
async fn three_racks() -> Vec<TestNode> {
    let nodes = three_with(|id| vec![format!("broker.rack=r{id}"), RACK_AWARE.to_owned()]).await;
    create_replicated(&nodes[0], "t").await;
    assert_eq!(produce(&nodes, "t", "a").await, 0);
    until_all_know(&nodes, 1).await;
    nodes
}

/// Waits until all nodes know that what is below an offset is committed, and are in sync.
async fn until_all_know(nodes: &[TestNode], high_watermark: i64) {
    for node in nodes {
        let replica = replica(node, "t").await;
        until("a commit is known", async || {
            replica.watermarks().high_watermark >= high_watermark
        })
        .await;
    }
    let (at, _) = leader(nodes, "t").await;
    let topic = topic(&nodes[at], "t").await;
    let broker = nodes[at].broker();
    until("all are in sync", async || {
        crate::leader::of(broker, &topic, 0).is_some_and(|it| it.in_sync.len() == nodes.len())
    })
    .await;
}

fn from_rack(rack: &str, offset: i64) -> FetchRequest {
    fetch_request(vec![wanted("t", NO_ID, 0, offset)]).with_rack_id(text(rack))
}

async fn ask(node: &TestNode, version: i16, request: FetchRequest) -> FetchResponse {
    node.client().await.ask(version, &request).await
}

/// The error, the replica to go to, and the base offsets of the batches that came.
fn told(response: &FetchResponse) -> (&'static str, i32, Vec<i64>) {
    let partition = partitions(response)[0];
    (
        name_of(partition.error_code),
        partition.preferred_read_replica.0,
        offsets(partition),
    )
}

fn metric(node: &TestNode, series: &str) -> f64 {
    let samples = parse(&node.metrics());
    samples
        .into_iter()
        .find(|(name, _)| name == series)
        .unwrap()
        .1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_sent_to_the_follower_in_its_rack_and_reads_there() {
    let nodes = three_racks().await;
    let (at, _) = leader(&nodes, "t").await;
    let (leading, near) = (&nodes[at], &nodes[(at + 1) % 3]);
    let rack = format!("r{}", near.id().0);
    for version in [11, 12] {
        let response = ask(leading, version, from_rack(&rack, 0)).await;
        assert_eq!(told(&response), ("NONE", near.id().0, vec![]), "{version}");
        assert_eq!(partitions(&response)[0].high_watermark, 1);
        let read = ask(near, version, from_rack(&rack, 0)).await;
        assert_eq!(told(&read), ("NONE", -1, vec![0]), "{version}");
        assert_eq!(partitions(&read)[0].high_watermark, 1);
    }
    assert!(metric(near, "ottla_fetched_bytes_total{from=\"follower\"}") > 0.0);
    assert_eq!(
        metric(near, "ottla_fetched_bytes_total{from=\"leader\"}"),
        0.0
    );
    assert_eq!(metric(leading, "ottla_fetches_sent_nearer_total"), 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_nearer_replica_reads_from_the_leader() {
    let nodes = three_racks().await;
    let (at, _) = leader(&nodes, "t").await;
    let own_rack = format!("r{}", nodes[at].id().0);
    let near = nodes[(at + 1) % 3].id().0;
    let elsewhere = format!("r{near}");
    for (version, rack, offset, expected) in [
        (12, own_rack.as_str(), 0, ("NONE", -1, vec![0])),
        (12, "nowhere", 0, ("NONE", -1, vec![0])),
        (12, "", 0, ("NONE", -1, vec![0])),
        (10, "", 0, ("NONE", -1, vec![0])),
        (12, &elsewhere, 0, ("NONE", near, vec![])),
        // No follower has more than the leader.
        (12, &elsewhere, 7, ("OFFSET_OUT_OF_RANGE", -1, vec![])),
        (12, &elsewhere, -1, ("OFFSET_OUT_OF_RANGE", -1, vec![])),
    ] {
        let response = ask(&nodes[at], version, from_rack(rack, offset)).await;
        assert_eq!(told(&response), expected, "{version} {rack:?} {offset}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_elsewhere_unless_the_broker_is_told_to_look_at_racks() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    let (at, _) = leader(&nodes, "t").await;
    let response = ask(&nodes[at], 12, from_rack("r1", 0)).await;
    assert_eq!(told(&response), ("NONE", -1, vec![0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_not_sent_to_a_follower_that_is_gone() {
    let mut nodes = three_racks().await;
    let (at, _) = leader(&nodes, "t").await;
    let gone = nodes.remove((at + 1) % 3);
    let rack = format!("r{}", gone.id().0);
    let (at, _) = leader(&nodes, "t").await;
    let sent = ask(&nodes[at], 12, from_rack(&rack, 0)).await;
    assert_eq!(told(&sent).1, gone.id().0);
    timeout(PATIENCE, gone.node.shutdown())
        .await
        .unwrap()
        .unwrap();
    until("the leader gives the records itself", async || {
        let response = ask(&nodes[at], 12, from_rack(&rack, 0)).await;
        told(&response) == ("NONE", -1, vec![0])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_says_no_to_older_consumers_and_to_offsets_it_does_not_have() {
    let nodes = three_racks().await;
    let (at, epoch) = leader(&nodes, "t").await;
    assert_eq!(produce(&nodes, "t", "b").await, 1);
    until_all_know(&nodes, 2).await;
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![DeleteRecordsPartition::default().with_offset(1)]);
    let request = DeleteRecordsRequest::default()
        .with_timeout_ms(20_000)
        .with_topics(vec![topic]);
    let deleted = nodes[at].client().await.ask(2, &request).await;
    assert_eq!(deleted.topics[0].partitions[0].error_code, 0);
    let near = &nodes[(at + 1) % 3];
    let follower = replica(near, "t").await;
    until("the follower knows the log start", async || {
        follower.watermarks().log_start_offset == 1
    })
    .await;
    for (version, offset, believed, expected) in [
        (10, 1, -1, "NOT_LEADER_OR_FOLLOWER"),
        (11, 1, -1, "NONE"),
        (12, 0, -1, "OFFSET_OUT_OF_RANGE"),
        (12, 1, epoch, "NONE"),
        (12, 2, epoch, "NONE"),
        (12, 3, epoch, "OFFSET_OUT_OF_RANGE"),
        (12, 1, epoch - 1, "FENCED_LEADER_EPOCH"),
        (12, 1, epoch + 1, "UNKNOWN_LEADER_EPOCH"),
    ] {
        let mut request = from_rack("", offset);
        request.topics[0].partitions[0].current_leader_epoch = believed;
        let response = ask(near, version, request).await;
        assert_eq!(told(&response).0, expected, "{version} {offset} {believed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_waits_at_a_follower_is_woken_by_the_commit() {
    let nodes = three_racks().await;
    let (at, _) = leader(&nodes, "t").await;
    let near = &nodes[(at + 1) % 3];
    let request = from_rack("", 1).with_max_wait_ms(60_000);
    let waiting = async {
        let response = timeout(PATIENCE, ask(near, 12, request)).await;
        assert_eq!(
            told(&response.expect("woken, not late")),
            ("NONE", -1, vec![1])
        );
    };
    let producing = async {
        until("the fetch waits", async || {
            near.broker().purgatory.waiting() == 1
        })
        .await;
        assert_eq!(produce(&nodes, "t", "b").await, 1);
    };
    tokio::join!(waiting, producing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_without_a_leader_sends_its_consumers_away() {
    let mut nodes = three_racks().await;
    let (at, _) = leader(&nodes, "t").await;
    let alone = nodes.remove((at + 1) % 3);
    for node in nodes {
        timeout(PATIENCE, node.node.shutdown())
            .await
            .unwrap()
            .unwrap();
    }
    let began = Instant::now();
    loop {
        let request = from_rack("", 1).with_max_wait_ms(500);
        let response = timeout(PATIENCE, ask(&alone, 12, request)).await;
        if told(&response.expect("in time")).0 == "NOT_LEADER_OR_FOLLOWER" {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "it answers as if it were led");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_hears_of_the_nearer_replica_each_time() {
    let nodes = three_racks().await;
    let (at, _) = leader(&nodes, "t").await;
    let near = nodes[(at + 1) % 3].id().0;
    let rack = format!("r{near}");
    let mut client = nodes[at].client().await;
    let begin = from_rack(&rack, 0).with_session_epoch(0);
    let begun = client.ask(12, &begin).await;
    assert_eq!(told(&begun), ("NONE", near, vec![]));
    for epoch in 1..3 {
        let again = fetch_request(Vec::new())
            .with_rack_id(text(&rack))
            .with_session_id(begun.session_id)
            .with_session_epoch(epoch);
        let response = client.ask(12, &again).await;
        assert_eq!(told(&response), ("NONE", near, vec![]), "{epoch}");
    }
}
