//! Fetching: what comes, how much of it, and which errors.

use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla_protocol::messages::fetch_response::PartitionData;
use ottla_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use ottla_protocol::records::Batches;
use uuid::Uuid;

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, batch, name_of, topic_name};

pub(super) const NO_ID: Uuid = Uuid::nil();

/// A partition to be fetched, as the wire has it.
pub(super) fn wanted(topic: &str, id: Uuid, partition: i32, offset: i64) -> FetchTopic {
    let partition = FetchPartition::default()
        .with_partition(partition)
        .with_current_leader_epoch(-1)
        .with_last_fetched_epoch(-1)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    FetchTopic::default()
        .with_topic(topic_name(topic))
        .with_topic_id(id)
        .with_partitions(vec![partition])
}

/// A fetch without a session that does not wait.
pub(super) fn fetch_request(topics: Vec<FetchTopic>) -> FetchRequest {
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(0)
        .with_min_bytes(1)
        .with_max_bytes(1 << 25)
        .with_session_epoch(-1)
        .with_topics(topics)
}

pub(super) fn partitions(response: &FetchResponse) -> Vec<&PartitionData> {
    response
        .responses
        .iter()
        .flat_map(|topic| &topic.partitions)
        .collect()
}

/// Base offsets of the batches that came with a partition.
pub(super) fn offsets(partition: &PartitionData) -> Vec<i64> {
    let records = partition.records.clone().expect("never null");
    Batches(records)
        .map(|batch| batch.unwrap().header.base_offset)
        .collect()
}

async fn fetch(client: &mut TestClient, version: i16, topic: FetchTopic) -> PartitionData {
    let response = client.ask(version, &fetch_request(vec![topic])).await;
    assert_eq!(response.error_code, 0);
    partitions(&response)[0].clone()
}

#[tokio::test]
async fn every_version_gets_the_same_records() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    for _ in 0..3 {
        client.produce("t", 0, batch(&["a", "b"])).await;
    }
    for version in 4..=18 {
        let (name, id) = if version >= 13 {
            ("", id)
        } else {
            ("t", NO_ID)
        };
        let got = fetch(&mut client, version, wanted(name, id, 0, 2)).await;
        assert_eq!(name_of(got.error_code), "NONE", "version {version}");
        assert_eq!(offsets(&got), [2, 4], "version {version}");
        assert_eq!((got.high_watermark, got.last_stable_offset), (6, 6));
        assert_eq!(got.aborted_transactions, None);
    }
}

#[tokio::test]
async fn a_fetch_into_a_batch_gets_the_whole_batch_and_one_at_the_end_gets_zero_bytes() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["a", "b", "c"])).await;
    assert_eq!(
        offsets(&fetch(&mut client, 12, wanted("t", NO_ID, 0, 1)).await),
        [0]
    );
    let end = fetch(&mut client, 12, wanted("t", NO_ID, 0, 3)).await;
    assert_eq!(
        (end.error_code, end.records.map(|records| records.len())),
        (0, Some(0))
    );
}

#[tokio::test]
async fn limits_hold_but_for_the_first_batch() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 2, &[]).await;
    let size = batch(&["value"]).len();
    for partition in [0, 0, 0, 1, 1] {
        client.produce("t", partition, batch(&["value"])).await;
    }
    let both = || vec![wanted("t", NO_ID, 0, 0), wanted("t", NO_ID, 1, 0)];
    for (max_bytes, expected) in [
        (0, [1, 0]),
        (1, [1, 0]),
        (size, [1, 0]),
        (2 * size, [2, 0]),
        (4 * size, [3, 1]),
        (100 * size, [3, 2]),
    ] {
        let request = fetch_request(both()).with_max_bytes(i32::try_from(max_bytes).unwrap());
        let response = client.ask(12, &request).await;
        let got: Vec<usize> = partitions(&response)
            .into_iter()
            .map(|one| offsets(one).len())
            .collect();
        assert_eq!(got, expected, "{max_bytes} bytes");
    }
    let mut narrow = both();
    narrow[0].partitions[0].partition_max_bytes = 1;
    narrow[1].partitions[0].partition_max_bytes = 1;
    let response = client.ask(12, &fetch_request(narrow)).await;
    let got: Vec<usize> = partitions(&response)
        .into_iter()
        .map(|one| offsets(one).len())
        .collect();
    assert_eq!(got, [1, 0]);
}

#[tokio::test]
async fn what_does_not_exist_says_so_and_the_rest_comes() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["value"])).await;
    for (version, missing, expected) in [
        (
            12,
            wanted("nope", NO_ID, 0, 0),
            "UNKNOWN_TOPIC_OR_PARTITION",
        ),
        (12, wanted("t", NO_ID, 9, 0), "UNKNOWN_TOPIC_OR_PARTITION"),
        (13, wanted("", Uuid::from_u128(9), 0, 0), "UNKNOWN_TOPIC_ID"),
        (13, wanted("", id, 9, 0), "UNKNOWN_TOPIC_OR_PARTITION"),
    ] {
        let good = if version >= 13 {
            wanted("", id, 0, 0)
        } else {
            wanted("t", NO_ID, 0, 0)
        };
        let response = client
            .ask(version, &fetch_request(vec![missing, good]))
            .await;
        let got = partitions(&response);
        // Refusals come last.
        let codes: Vec<&str> = got.iter().map(|one| name_of(one.error_code)).collect();
        assert_eq!(codes, ["NONE", expected]);
        assert_eq!(offsets(got[0]), [0]);
        assert_eq!(got[1].aborted_transactions, Some(Vec::new()));
    }
}

#[tokio::test]
async fn offsets_and_epochs_that_do_not_fit_the_log_are_refused() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["value"])).await;
    let with = |change: &dyn Fn(&mut FetchPartition)| {
        let mut topic = wanted("t", NO_ID, 0, 0);
        change(&mut topic.partitions[0]);
        topic
    };
    for (case, topic, expected) in [
        ("beyond", wanted("t", NO_ID, 0, 2), "OFFSET_OUT_OF_RANGE"),
        ("negative", wanted("t", NO_ID, 0, -1), "OFFSET_OUT_OF_RANGE"),
        (
            "newer epoch",
            with(&|one| one.current_leader_epoch = 99),
            "UNKNOWN_LEADER_EPOCH",
        ),
        (
            "older epoch",
            with(&|one| one.current_leader_epoch = 0),
            "FENCED_LEADER_EPOCH",
        ),
        (
            "unknown last",
            with(&|one| one.last_fetched_epoch = 99),
            "OFFSET_OUT_OF_RANGE",
        ),
    ] {
        let got = fetch(&mut client, 12, topic).await;
        assert_eq!(name_of(got.error_code), expected, "{case}");
        assert_eq!(
            (got.high_watermark, got.log_start_offset),
            (-1, -1),
            "{case}"
        );
    }
}

#[tokio::test]
async fn a_partition_named_twice_counts_once_as_it_was_named_last() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["value"])).await;
    let twice = vec![wanted("t", NO_ID, 0, 77), wanted("t", NO_ID, 0, 0)];
    let response = client.ask(12, &fetch_request(twice)).await;
    let got = partitions(&response);
    assert_eq!((got.len(), got[0].error_code), (1, 0));
}

#[tokio::test]
async fn a_consumer_ahead_of_an_epochs_end_is_told_where_it_parted() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["value"])).await;
    let node = node.restarted().await;
    let mut client = node.client().await;
    client.produce("t", 0, batch(&["value"])).await;
    let mut topic = wanted("t", NO_ID, 0, 2);
    topic.partitions[0].last_fetched_epoch = 1;
    let got = fetch(&mut client, 12, topic).await;
    assert_eq!(got.error_code, 0);
    assert_eq!(
        (got.diverging_epoch.epoch, got.diverging_epoch.end_offset),
        (1, 1)
    );
}

#[tokio::test]
async fn committed_reads_name_aborted_transactions_even_if_there_are_none() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["value"])).await;
    let request = fetch_request(vec![wanted("t", NO_ID, 0, 0)]).with_isolation_level(1);
    let response = client.ask(12, &request).await;
    let got = partitions(&response)[0];
    assert_eq!(got.aborted_transactions, Some(Vec::new()));
    assert_eq!(offsets(got), [0]);
}

#[tokio::test]
async fn replicas_do_not_fetch_here_and_who_may_not_read_is_not_told_what_exists() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let request = fetch_request(vec![wanted("t", NO_ID, 0, 0)]).with_replica_id(BrokerId(5));
    let response = client.ask(12, &request).await;
    assert_eq!(
        name_of(partitions(&response)[0].error_code),
        "NOT_LEADER_OR_FOLLOWER"
    );

    let node = TestNode::start_behind(Gate::refusing(&[Operation::Read]), &[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for topic in ["t", "nope"] {
        let got = fetch(&mut client, 12, wanted(topic, NO_ID, 0, 0)).await;
        assert_eq!(name_of(got.error_code), "TOPIC_AUTHORIZATION_FAILED");
    }
}
