//! Producing: what is accepted, and what is refused with which error.

use bytes::Bytes;
use ottla_protocol::messages::produce_response::PartitionProduceResponse;
use ottla_protocol::messages::{
    ApiVersionsRequest, InitProducerIdRequest, ProduceResponse, StrBytes, TransactionalId,
};
use ottla_protocol::records::{Attributes, Batch, Compression};
use uuid::Uuid;

use crate::authorize::{Gate, Operation};
use crate::node::testing::{
    TestClient, TestNode, batch, keyed_batch, name_of, now_ms, produce_request,
};

const NO_ID: Uuid = Uuid::nil();

fn partition(mut response: ProduceResponse) -> PartitionProduceResponse {
    response.responses.remove(0).partition_responses.remove(0)
}

/// A batch with its head changed and its checksum right.
fn altered(change: impl Fn(&mut Batch)) -> Bytes {
    let mut altered = Batch::split_from(&mut batch(&["value"])).unwrap();
    change(&mut altered);
    altered.header.crc = altered.header.crc_with(&altered.payload);
    altered.to_bytes()
}

#[tokio::test]
async fn every_version_appends_and_tells_where() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    for (version, expected) in (3..=13).zip(0..) {
        let (name, id) = if version >= 13 {
            ("", id)
        } else {
            ("t", NO_ID)
        };
        let request = produce_request(-1, name, id, 0, Some(batch(&["value"])));
        let response = client.ask(version, &request).await;
        assert_eq!(response.responses[0].topic_id, id);
        let answer = partition(response);
        assert_eq!(
            (answer.error_code, answer.base_offset),
            (0, expected),
            "version {version}"
        );
        assert_eq!(answer.log_append_time_ms, -1);
        assert_eq!(answer.log_start_offset, if version >= 5 { 0 } else { -1 });
    }
}

#[tokio::test]
async fn what_does_not_exist_is_refused_by_name_and_by_id() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    let unknown = Uuid::from_u128(99);
    for (version, name, id, number, expected) in [
        (9, "nope", NO_ID, 0, "UNKNOWN_TOPIC_OR_PARTITION"),
        (9, "t", NO_ID, 1, "UNKNOWN_TOPIC_OR_PARTITION"),
        (9, "t", NO_ID, -1, "UNKNOWN_TOPIC_OR_PARTITION"),
        (13, "", unknown, 0, "UNKNOWN_TOPIC_ID"),
        (13, "", id, 7, "UNKNOWN_TOPIC_OR_PARTITION"),
    ] {
        let request = produce_request(-1, name, id, number, Some(batch(&["value"])));
        let answer = partition(client.ask(version, &request).await);
        assert_eq!(
            name_of(answer.error_code),
            expected,
            "{version} '{name}' {number}"
        );
        assert_eq!((answer.base_offset, answer.log_start_offset), (-1, -1));
    }
}

#[tokio::test]
async fn acks_that_kafka_does_not_know_are_refused_and_appended_nowhere() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for acks in [2, -2, i16::MAX] {
        let request = produce_request(acks, "t", NO_ID, 0, Some(batch(&["value"])));
        let answer = partition(client.ask(9, &request).await);
        assert_eq!(name_of(answer.error_code), "INVALID_REQUIRED_ACKS");
    }
    assert_eq!(
        client.produce("t", 0, batch(&["value"])).await.base_offset,
        0
    );
}

#[tokio::test]
async fn without_acks_success_is_silent_and_failure_closes_the_connection() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client
        .send(
            9,
            &produce_request(0, "t", NO_ID, 0, Some(batch(&["value"]))),
        )
        .await;
    // The next answer on the connection is to the next request.
    client.ask(0, &ApiVersionsRequest::default()).await;
    assert_eq!(
        client.produce("t", 0, batch(&["value"])).await.base_offset,
        1
    );
    let bad = produce_request(0, "nope", NO_ID, 0, Some(batch(&["value"])));
    assert!(client.try_ask(9, &bad).await.is_none());
}

#[tokio::test]
async fn batches_that_are_not_sound_are_refused() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let good = batch(&["value"]);
    let mut corrupt = good.to_vec();
    corrupt[65] ^= 1;
    let mut old_magic = good.to_vec();
    old_magic[16] = 1;
    let shift = 100_000_000_000;
    let cases: [(&str, Option<Bytes>, &str); 10] = [
        ("null", None, "INVALID_RECORD"),
        ("empty", Some(Bytes::new()), "INVALID_RECORD"),
        (
            "two batches",
            Some([good.clone(), good.clone()].concat().into()),
            "INVALID_RECORD",
        ),
        ("cut", Some(good.slice(..50)), "INVALID_RECORD"),
        ("old format", Some(old_magic.into()), "INVALID_RECORD"),
        ("bad checksum", Some(corrupt.into()), "CORRUPT_MESSAGE"),
        (
            "control",
            Some(altered(|batch| batch.header.attributes = Attributes(0x20))),
            "INVALID_RECORD",
        ),
        (
            "count",
            Some(altered(|batch| batch.header.record_count = 2)),
            "INVALID_RECORD",
        ),
        (
            "from the future",
            Some(altered(|batch| {
                batch.header.base_timestamp += shift;
                batch.header.max_timestamp += shift;
            })),
            "INVALID_TIMESTAMP",
        ),
        (
            "large",
            Some(batch(&[&"x".repeat(1_100_000)])),
            "MESSAGE_TOO_LARGE",
        ),
    ];
    for (case, records, expected) in cases {
        let request = produce_request(-1, "t", NO_ID, 0, records);
        let answer = partition(client.ask(9, &request).await);
        assert_eq!(name_of(answer.error_code), expected, "{case}");
        assert_eq!(answer.base_offset, -1, "{case}");
    }
    assert_eq!(client.produce("t", 0, good).await.base_offset, 0);
}

#[tokio::test]
async fn single_records_are_blamed_where_the_version_has_a_place_for_it() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client
        .create("t", 1, &[("cleanup.policy", "compact")])
        .await;
    let records = keyed_batch(&[(Some("key"), "a"), (None, "b"), (None, "c")], None);
    for (version, blamed) in [(7, vec![]), (8, vec![1, 2]), (9, vec![1, 2])] {
        let request = produce_request(-1, "t", NO_ID, 0, Some(records.clone()));
        let answer = partition(client.ask(version, &request).await);
        assert_eq!(name_of(answer.error_code), "INVALID_RECORD");
        let indexes: Vec<i32> = answer
            .record_errors
            .iter()
            .map(|record| record.batch_index)
            .collect();
        assert_eq!(indexes, blamed, "version {version}");
        assert_eq!(answer.error_message.is_some(), version >= 8);
        assert_eq!(answer.log_start_offset, 0);
    }
    let keyed = keyed_batch(&[(Some("key"), "a")], None);
    assert_eq!(client.produce("t", 0, keyed).await.error_code, 0);
}

#[tokio::test]
async fn a_topics_settings_are_obeyed() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client
        .create("stamped", 1, &[("message.timestamp.type", "LogAppendTime")])
        .await;
    client
        .create("small", 1, &[("max.message.bytes", "100")])
        .await;
    let before = now_ms();
    let stamped = client.produce("stamped", 0, batch(&["value"])).await;
    assert!(stamped.log_append_time_ms >= before);
    let small = client.produce("small", 0, batch(&[&"x".repeat(200)])).await;
    assert_eq!(name_of(small.error_code), "MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn zstd_needs_a_version_that_knows_it() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let mut builder = ottla_protocol::records::BatchBuilder::new(Compression::Zstd);
    builder.push(now_ms(), None, Some(b"value"), &[]);
    let records = builder.build().unwrap().to_bytes();
    for (version, expected) in [(6, "UNSUPPORTED_COMPRESSION_TYPE"), (7, "NONE")] {
        let request = produce_request(-1, "t", NO_ID, 0, Some(records.clone()));
        let answer = partition(client.ask(version, &request).await);
        assert_eq!(name_of(answer.error_code), expected);
    }
}

#[tokio::test]
async fn records_of_transactions_that_nobody_coordinates_are_refused() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let records = altered(|batch| {
        batch.header.attributes = Attributes(0x10);
        batch.header.producer_id = 1;
        batch.header.producer_epoch = 0;
        batch.header.base_sequence = 0;
    });
    let request = produce_request(-1, "t", NO_ID, 0, Some(records));
    let answer = partition(client.ask(11, &request).await);
    assert_eq!(
        name_of(answer.error_code),
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    );
    let id = TransactionalId::from(StrBytes::from_static_str("tx"));
    let answer = partition(
        client
            .ask(11, &request.with_transactional_id(Some(id.clone())))
            .await,
    );
    // To be tried again: there may be a coordinator by then.
    assert_eq!(name_of(answer.error_code), "NOT_ENOUGH_REPLICAS");
    // What is wrong with a request is told by anybody.
    let init = InitProducerIdRequest::default().with_transactional_id(Some(id));
    for (timeout_ms, refusal) in [
        (0, "INVALID_TRANSACTION_TIMEOUT"),
        (1_000, "NOT_COORDINATOR"),
    ] {
        let init = init.clone().with_transaction_timeout_ms(timeout_ms);
        let refused = client.ask(4, &init).await;
        assert_eq!(name_of(refused.error_code), refusal);
        assert_eq!((refused.producer_id.0, refused.producer_epoch), (-1, -1));
    }
}

#[tokio::test]
async fn who_may_not_write_is_not_told_what_exists() {
    let gate = Gate::refusing(&[Operation::Write, Operation::IdempotentWrite]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client: TestClient = node.client().await;
    client.create("t", 1, &[]).await;
    for topic in ["t", "nope"] {
        let answer = client.produce(topic, 0, batch(&["value"])).await;
        assert_eq!(name_of(answer.error_code), "TOPIC_AUTHORIZATION_FAILED");
    }
    let init = InitProducerIdRequest::default().with_transactional_id(None);
    let refused = client.ask(4, &init).await;
    assert_eq!(name_of(refused.error_code), "CLUSTER_AUTHORIZATION_FAILED");
}

#[tokio::test]
async fn internal_topics_are_written_by_admin_tools_only() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("__consumer_offsets", 1, &[]).await;
    let answer = client
        .produce("__consumer_offsets", 0, batch(&["value"]))
        .await;
    assert_eq!(name_of(answer.error_code), "INVALID_TOPIC_EXCEPTION");
}
