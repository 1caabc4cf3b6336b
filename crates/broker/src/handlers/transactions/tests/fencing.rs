//! Who may not, any more or yet.

use ottla_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use ottla_protocol::messages::write_txn_markers::WritableTxnMarker;
use ottla_protocol::messages::write_txn_markers_request::WritableTxnMarkerTopic;
use ottla_protocol::messages::{
    AddPartitionsToTxnRequest, InitProducerIdRequest, WriteTxnMarkersRequest,
};

use super::support::{FEW, Level, Writer, node_with_topic, read, read_stable};
use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestNode, name_of, stamped_batch, text, topic_name};

#[tokio::test]
async fn who_comes_after_fences_who_was_before() {
    for level in Level::BOTH {
        let (node, mut reader) = node_with_topic().await;
        let mut old = Writer::begin(&node, level, "tx").await;
        assert_eq!(old.write(0, &["old"]).await, "NONE");
        let mut new = Writer::begin(&node, level, "tx").await;
        assert_eq!(new.id, old.id);
        assert!(new.epoch > old.epoch);
        assert_eq!(
            old.write_unadded(0, &["zombie"]).await,
            "INVALID_PRODUCER_EPOCH"
        );
        assert_eq!(
            old.write_unadded(1, &["zombie"]).await,
            "INVALID_PRODUCER_EPOCH"
        );
        assert_eq!(old.end(true).await, "PRODUCER_FENCED");
        assert_eq!(new.write(0, &["new"]).await, "NONE");
        assert_eq!(new.end(true).await, "NONE");
        let seen = read_stable(&mut reader, 0).await;
        assert_eq!(
            (seen.values, seen.aborted),
            (vec!["old".into(), "new".into()], vec![(old.id, 0)])
        );
    }
}

#[tokio::test]
async fn nothing_is_written_that_the_coordinator_does_not_know_of() {
    let (node, mut reader) = node_with_topic().await;
    let mut writer = Writer::begin(&node, Level::One, "tx").await;
    assert_eq!(
        writer.write_unadded(0, &["a"]).await,
        "TRANSACTION_ABORTABLE"
    );
    let request = writer.produce_request("t", 0, &["a"]);
    let told = writer.client.ask(9, &request).await;
    let told = told.responses[0].partition_responses[0].error_code;
    assert_eq!(name_of(told), "INVALID_TXN_STATE");
    assert_eq!(writer.add(0).await, "NONE");
    assert_eq!(writer.write_unadded(0, &["a"]).await, "NONE");
    assert_eq!(
        writer.write_unadded(1, &["b"]).await,
        "TRANSACTION_ABORTABLE"
    );
    assert_eq!(writer.end(true).await, "NONE");
    assert_eq!(read_stable(&mut reader, 0).await.values, ["a"]);
    assert_eq!(
        writer.write_unadded(0, &["c"]).await,
        "TRANSACTION_ABORTABLE",
        "the next was not begun"
    );
    assert_eq!(read(&mut reader, 1, false).await.high_watermark, 0);
}

#[tokio::test]
async fn strangers_are_refused() {
    let (node, mut client) = node_with_topic().await;
    let mut writer = Writer::begin(&node, Level::Two, "tx").await;
    let id = writer.id;
    writer.id = id + 1_000_000;
    assert_eq!(writer.write(0, &["a"]).await, "INVALID_PRODUCER_ID_MAPPING");
    assert_eq!(writer.end(true).await, "INVALID_PRODUCER_ID_MAPPING");
    writer.id = id;
    writer.epoch += 5;
    assert_eq!(writer.write(0, &["a"]).await, "INVALID_PRODUCER_EPOCH");
    assert_eq!(writer.end(true).await, "PRODUCER_FENCED");
    writer.epoch -= 5;
    assert_eq!(
        writer.end(true).await,
        "INVALID_TXN_STATE",
        "there is nothing to commit"
    );
    let plain = writer
        .produce_request("t", 0, &["a"])
        .with_transactional_id(None);
    let told = client.ask(12, &plain).await;
    let told = told.responses[0].partition_responses[0].error_code;
    assert_eq!(name_of(told), "TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
}

#[tokio::test]
async fn what_is_no_part_of_a_transaction_is_refused_while_one_is_open() {
    let (node, mut client) = node_with_topic().await;
    let mut writer = Writer::begin(&node, Level::Two, "tx").await;
    assert_eq!(writer.write(0, &["a"]).await, "NONE");
    let plain = stamped_batch(&["b"], writer.id, writer.epoch, 1);
    let told = client.produce("t", 0, plain).await;
    assert_eq!(name_of(told.error_code), "INVALID_TXN_STATE");
}

#[tokio::test]
async fn timeouts_and_ids_have_bounds() {
    let node = TestNode::start(FEW).await;
    let mut writer = Writer::begin(&node, Level::Two, "tx").await;
    let mut init = async |id: &str, timeout_ms: i32| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(text(id).into()))
            .with_transaction_timeout_ms(timeout_ms)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        name_of(writer.client.ask(4, &request).await.error_code)
    };
    assert_eq!(init("tx", 900_001).await, "INVALID_TRANSACTION_TIMEOUT");
    assert_eq!(init("tx", 0).await, "INVALID_TRANSACTION_TIMEOUT");
    assert_eq!(init("", 1_000).await, "INVALID_REQUEST");
    assert_eq!(init("tx", 900_000).await, "NONE");
}

#[tokio::test]
async fn a_partition_that_is_not_there_adds_nothing() {
    let (node, mut client) = node_with_topic().await;
    let writer = Writer::begin(&node, Level::One, "tx").await;
    let topic = |name, partition| {
        AddPartitionsToTxnTopic::default()
            .with_name(topic_name(name))
            .with_partitions(vec![partition])
    };
    let topics = vec![topic("t", 0), topic("t", 7), topic("u", 0)];
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(text("tx").into())
        .with_v3_and_below_producer_id(writer.id.into())
        .with_v3_and_below_producer_epoch(writer.epoch)
        .with_v3_and_below_topics(topics);
    let told = client.ask(3, &request).await;
    let told = told.results_by_topic_v3_and_below.iter();
    let told = told.flat_map(|topic| &topic.results_by_partition);
    let told: Vec<_> = told.map(|it| name_of(it.partition_error_code)).collect();
    let unknown = "UNKNOWN_TOPIC_OR_PARTITION";
    assert_eq!(told, ["OPERATION_NOT_ATTEMPTED", unknown, unknown]);
}

#[tokio::test]
async fn brokers_ask_for_several_transactions_at_once() {
    let (node, mut client) = node_with_topic().await;
    let mut known = Writer::begin(&node, Level::One, "a").await;
    assert_eq!(known.add(0).await, "NONE");
    let transaction = |id, partition| {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(vec![partition]);
        AddPartitionsToTxnTransaction::default()
            .with_transactional_id(text(id).into())
            .with_producer_id(known.id.into())
            .with_producer_epoch(known.epoch)
            .with_verify_only(true)
            .with_topics(vec![topic])
    };
    let transactions = vec![transaction("a", 0), transaction("b", 0)];
    let request = AddPartitionsToTxnRequest::default().with_transactions(transactions);
    let told = client.ask(5, &request).await;
    let told = told.results_by_transaction.iter();
    let told: Vec<_> = told
        .map(|it| it.topic_results[0].results_by_partition[0].partition_error_code)
        .map(name_of)
        .collect();
    assert_eq!(told, ["NONE", "INVALID_PRODUCER_ID_MAPPING"]);
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let refused = [Operation::Write, Operation::Alter, Operation::ClusterAction];
    let node = TestNode::start_behind(Gate::refusing(&refused), FEW).await;
    let mut client = node.client().await;
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(text("tx").into()))
        .with_transaction_timeout_ms(1_000);
    let told = client.ask(4, &request).await;
    assert_eq!(
        name_of(told.error_code),
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    );
    let told = client.ask(5, &AddPartitionsToTxnRequest::default()).await;
    assert_eq!(name_of(told.error_code), "CLUSTER_AUTHORIZATION_FAILED");
    let told = client.ask(2, &marker(5, 0, false, 0)).await;
    let told = told.markers[0].topics[0].partitions[0].error_code;
    assert_eq!(name_of(told), "CLUSTER_AUTHORIZATION_FAILED");
}

/// The end of what a producer has open in partition 0 of topic "t".
fn marker(id: i64, epoch: i16, commits: bool, version: i8) -> WriteTxnMarkersRequest {
    let topic = WritableTxnMarkerTopic::default()
        .with_name(topic_name("t"))
        .with_partition_indexes(vec![0]);
    WriteTxnMarkersRequest {
        markers: vec![WritableTxnMarker {
            producer_id: id.into(),
            producer_epoch: epoch,
            transaction_result: commits,
            topics: vec![topic],
            coordinator_epoch: 0,
            transaction_version: version,
            ..WritableTxnMarker::default()
        }],
        ..WriteTxnMarkersRequest::default()
    }
}

#[tokio::test]
async fn a_tool_ends_what_hangs_and_no_late_marker_ends_what_came_after() {
    let (node, mut client) = node_with_topic().await;
    let mut writer = Writer::begin(&node, Level::Two, "tx").await;
    let mut mark = async |id, epoch, version| {
        let told = client.ask(2, &marker(id, epoch, false, version)).await;
        name_of(told.markers[0].topics[0].partitions[0].error_code)
    };
    assert_eq!(writer.write(0, &["a"]).await, "NONE");
    let (id, epoch) = (writer.id, writer.epoch);
    assert_eq!(
        mark(id, epoch, 2).await,
        "INVALID_PRODUCER_EPOCH",
        "it is of the one before"
    );
    assert_eq!(
        mark(id, epoch, 0).await,
        "NONE",
        "that is what kafka-transactions sends"
    );
    let mut reader = node.client().await;
    assert_eq!(read_stable(&mut reader, 0).await.aborted, [(id, 0)]);
    assert_eq!(mark(id, epoch + 1, 2).await, "NONE");
    assert_eq!(
        mark(id, epoch + 1, 2).await,
        "NONE",
        "once more, of the same"
    );
    assert_eq!(mark(id, epoch, 2).await, "INVALID_PRODUCER_EPOCH");
}

#[tokio::test]
async fn an_end_that_comes_late_on_an_old_connection_ends_no_later_transaction() {
    for level in Level::BOTH {
        let (node, mut reader) = node_with_topic().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        assert_eq!(writer.write(0, &["a"]).await, "NONE");
        let late = writer.end_request(true);
        // Its producer waits no longer, and says it again on a new connection.
        let mut old = std::mem::replace(&mut writer.client, node.client().await);
        assert_eq!(writer.end(true).await, "NONE");
        assert_eq!(writer.write(0, &["b"]).await, "NONE");
        let told = old.try_ask(level.end_version(), &late).await;
        match level {
            Level::One => assert!(told.is_none(), "{told:?}"),
            Level::Two => assert_eq!(name_of(told.unwrap().error_code), "PRODUCER_FENCED"),
        }
        assert_eq!(read(&mut reader, 0, true).await.values, ["a"]);
        assert_eq!(writer.end(false).await, "NONE");
        assert_eq!(read_stable(&mut reader, 0).await.aborted.len(), 1);
    }
}
