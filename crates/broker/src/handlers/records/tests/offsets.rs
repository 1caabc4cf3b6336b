//! ListOffsets and OffsetForLeaderEpoch.

use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use ottla_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use ottla_protocol::messages::{
    BrokerId, ListOffsetsRequest, OffsetForLeaderEpochRequest, list_offsets_request,
};

use crate::node::testing::{TestClient, TestNode, batch, name_of, now_ms, topic_name};

fn list_request(topic: &str, partitions: &[(i32, i32, i64)]) -> ListOffsetsRequest {
    let partitions = partitions.iter().map(|&(partition, epoch, timestamp)| {
        ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_current_leader_epoch(epoch)
            .with_timestamp(timestamp)
    });
    let topic = ListOffsetsTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(partitions.collect());
    let request = list_offsets_request::ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic]);
    ListOffsetsRequest(request)
}

async fn list(
    client: &mut TestClient,
    version: i16,
    topic: &str,
    partition: i32,
    timestamp: i64,
) -> ListOffsetsPartitionResponse {
    let request = list_request(topic, &[(partition, -1, timestamp)]);
    let mut response = client.ask(version, &request).await.0;
    response.topics.remove(0).partitions.remove(0)
}

#[tokio::test]
async fn special_timestamps_mean_something_from_their_version_on() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for _ in 0..3 {
        client.produce("t", 0, batch(&["value"])).await;
    }
    for (timestamp, first, offset) in [
        (-1, 1, 3),
        (-2, 1, 0),
        (-4, 8, 0),
        (-5, 9, -1),
        (-6, 11, -1),
    ] {
        for version in 1..=11 {
            let answer = list(&mut client, version, "t", 0, timestamp).await;
            let expected = if version >= first {
                "NONE"
            } else {
                "UNSUPPORTED_VERSION"
            };
            assert_eq!(
                name_of(answer.error_code),
                expected,
                "{timestamp} in version {version}"
            );
            let expected = if version >= first { offset } else { -1 };
            assert_eq!(answer.offset, expected, "{timestamp} in version {version}");
        }
    }
    for unknown in [-7, i64::MIN] {
        let answer = list(&mut client, 11, "t", 0, unknown).await;
        assert_eq!(name_of(answer.error_code), "UNSUPPORTED_VERSION");
    }
}

#[tokio::test]
async fn records_are_found_by_time() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let empty = list(&mut client, 7, "t", 0, -3).await;
    assert_eq!(
        (empty.error_code, empty.timestamp, empty.offset),
        (0, -1, -1)
    );
    let before = now_ms();
    client.produce("t", 0, batch(&["a", "b"])).await;
    let found = list(&mut client, 7, "t", 0, before).await;
    assert_eq!((found.error_code, found.offset), (0, 0));
    assert!(found.timestamp >= before && found.leader_epoch >= 0);
    let largest = list(&mut client, 7, "t", 0, -3).await;
    assert_eq!(largest.timestamp, found.timestamp);
    let beyond = list(&mut client, 7, "t", 0, now_ms() + 1_000_000).await;
    assert_eq!(
        (beyond.error_code, beyond.timestamp, beyond.offset),
        (0, -1, -1)
    );
    // Version 3 has no place for an epoch.
    assert_eq!(list(&mut client, 3, "t", 0, before).await.leader_epoch, -1);
}

#[tokio::test]
async fn offsets_of_what_does_not_exist_or_is_asked_twice_are_refused() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let nowhere = list(&mut client, 7, "nope", 0, -1).await;
    assert_eq!(name_of(nowhere.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    let nowhere = list(&mut client, 7, "t", 1, -1).await;
    assert_eq!(name_of(nowhere.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    let twice = list_request("t", &[(0, -1, -1), (0, -1, -2)]);
    for answer in &client.ask(7, &twice).await.0.topics[0].partitions {
        assert_eq!(name_of(answer.error_code), "INVALID_REQUEST");
    }
    for (epoch, expected) in [(99, "UNKNOWN_LEADER_EPOCH"), (0, "FENCED_LEADER_EPOCH")] {
        let request = list_request("t", &[(0, epoch, -1)]);
        let answer = &client.ask(7, &request).await.0.topics[0].partitions[0];
        assert_eq!(name_of(answer.error_code), expected);
    }
}

#[tokio::test]
async fn an_epoch_ends_where_the_log_ends_or_the_next_begins() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["a", "b"])).await;
    let first = list(&mut client, 7, "t", 0, -1).await.leader_epoch;
    assert_eq!(
        epoch_end(&mut client, "t", 0, -1, first).await,
        ("NONE", first, 2)
    );
    let node = node.restarted().await;
    let mut client = node.client().await;
    client.produce("t", 0, batch(&["c"])).await;
    let second = list(&mut client, 7, "t", 0, -1).await.leader_epoch;
    assert!(second > first);
    assert_eq!(
        epoch_end(&mut client, "t", 0, second, first).await,
        ("NONE", first, 2)
    );
    assert_eq!(
        epoch_end(&mut client, "t", 0, second, second).await,
        ("NONE", second, 3)
    );
    assert_eq!(
        epoch_end(&mut client, "t", 0, -1, second + 9).await,
        ("NONE", -1, -1)
    );
    let fenced = epoch_end(&mut client, "t", 0, first, first).await;
    assert_eq!(fenced, ("FENCED_LEADER_EPOCH", -1, -1));
    let unknown = epoch_end(&mut client, "nope", 0, -1, first).await;
    assert_eq!(unknown, ("UNKNOWN_TOPIC_OR_PARTITION", -1, -1));
}

async fn epoch_end(
    client: &mut TestClient,
    topic: &str,
    partition: i32,
    believed: i32,
    epoch: i32,
) -> (&'static str, i32, i64) {
    let partition = OffsetForLeaderPartition::default()
        .with_partition(partition)
        .with_current_leader_epoch(believed)
        .with_leader_epoch(epoch);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
    let response = client.ask(4, &request).await;
    let end = &response.topics[0].partitions[0];
    (name_of(end.error_code), end.leader_epoch, end.end_offset)
}
