//! What clients of both levels can rely on.

use std::time::Duration;

use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::{ListOffsetsRequest, list_offsets_request};
use tokio::time::sleep;

use super::support::{FEW, Level, Writer, node_with_topic, read, read_stable};
use crate::node::testing::{TestNode, topic_name};

#[tokio::test]
async fn what_is_not_committed_is_not_read_and_then_all_of_it_is() {
    for level in Level::BOTH {
        let (node, mut reader) = node_with_topic().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        assert_eq!(writer.write(0, &["a", "b"]).await, "NONE", "{level:?}");
        assert_eq!(writer.write(1, &["c"]).await, "NONE");
        let open = read(&mut reader, 0, true).await;
        assert_eq!(
            (
                open.values.len(),
                open.last_stable_offset,
                open.high_watermark
            ),
            (0, 0, 2)
        );
        assert_eq!(read(&mut reader, 0, false).await.values, ["a", "b"]);
        assert_eq!(writer.end(true).await, "NONE");
        let first = read_stable(&mut reader, 0).await;
        assert_eq!(
            (first.values, first.aborted),
            (vec!["a".into(), "b".into()], vec![])
        );
        assert_eq!(read_stable(&mut reader, 1).await.values, ["c"]);
        assert_eq!(first.high_watermark, 3, "the marker takes an offset");
    }
}

#[tokio::test]
async fn an_aborted_transaction_is_named_to_who_reads_what_is_committed() {
    for level in Level::BOTH {
        let (node, mut reader) = node_with_topic().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        let id = writer.id;
        writer.write(0, &["no"]).await;
        assert_eq!(writer.end(false).await, "NONE");
        let aborted = read_stable(&mut reader, 0).await;
        assert_eq!(aborted.aborted, [(id, 0)]);
        assert_eq!(writer.write(0, &["yes"]).await, "NONE", "{level:?}");
        assert_eq!(writer.end(true).await, "NONE");
        let both = read_stable(&mut reader, 0).await;
        assert_eq!((both.values.len(), both.aborted), (2, vec![(id, 0)]));
        let node = node.restarted().await;
        let mut reader = node.client().await;
        assert_eq!(read_stable(&mut reader, 0).await.aborted, [(id, 0)]);
    }
}

#[tokio::test]
async fn many_transactions_one_after_the_other() {
    for level in Level::BOTH {
        let (node, mut reader) = node_with_topic().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        for round in 0..30 {
            let value = round.to_string();
            let mut told = writer.write(round % 2, &[&value]).await;
            while told == "CONCURRENT_TRANSACTIONS" {
                told = writer.write(round % 2, &[&value]).await;
            }
            assert_eq!(told, "NONE", "{level:?}, round {round}");
            assert_eq!(writer.end(round % 3 != 0).await, "NONE");
        }
        let seen = read_stable(&mut reader, 0).await;
        assert_eq!((seen.values.len(), seen.aborted.len()), (15, 5));
    }
}

#[tokio::test]
async fn a_transaction_survives_a_restart_and_goes_on() {
    for level in Level::BOTH {
        let (node, _) = node_with_topic().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        assert_eq!(writer.write(0, &["a"]).await, "NONE");
        let node = node.restarted().await;
        writer.client = node.client().await;
        let mut reader = node.client().await;
        assert_eq!(read(&mut reader, 0, true).await.values.len(), 0);
        assert_eq!(writer.write(0, &["b"]).await, "NONE", "{level:?}");
        assert_eq!(writer.end(true).await, "NONE");
        assert_eq!(read_stable(&mut reader, 0).await.values, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_is_aborted_also_after_a_restart() {
    const QUICK: &str = "transaction.abort.timed.out.transaction.cleanup.interval.ms=50";
    for restarts in [false, true] {
        let node = TestNode::start(&[FEW, &[QUICK]].concat()).await;
        let mut client = node.client().await;
        client.create("t", 2, &[]).await;
        let mut writer = Writer::begin_with_timeout(&node, Level::Two, "tx", 100).await;
        assert_eq!(writer.write(0, &["late"]).await, "NONE");
        let node = match restarts {
            true => node.restarted().await,
            false => node,
        };
        let mut reader = node.client().await;
        writer.client = node.client().await;
        let seen = read_stable(&mut reader, 0).await;
        assert_eq!(seen.aborted, [(writer.id, 0)]);
        assert_eq!(
            writer.end(true).await,
            "INVALID_TXN_STATE",
            "restarts: {restarts}"
        );
        assert_eq!(writer.write(0, &["more"]).await, "INVALID_PRODUCER_EPOCH");
    }
}

#[tokio::test]
async fn offsets_are_told_as_far_as_the_reader_may_see() {
    let (node, mut reader) = node_with_topic().await;
    let mut writer = Writer::begin(&node, Level::Two, "tx").await;
    reader
        .produce("t", 0, crate::node::testing::batch(&["plain"]))
        .await;
    writer.write(0, &["a", "b"]).await;
    let mut end = async |committed_only: bool| {
        let partition = ListOffsetsPartition::default().with_timestamp(-1);
        let topic = ListOffsetsTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(vec![partition]);
        let request = list_offsets_request::ListOffsetsRequest::default()
            .with_replica_id((-1).into())
            .with_isolation_level(committed_only.into())
            .with_topics(vec![topic]);
        let told = reader.ask(5, &ListOffsetsRequest(request)).await;
        told.topics[0].partitions[0].offset
    };
    assert_eq!((end(true).await, end(false).await), (1, 3));
}

#[tokio::test]
async fn a_deleted_topic_keeps_no_transaction_open() {
    for level in Level::BOTH {
        let (node, mut client) = node_with_topic().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        assert_eq!(writer.write(0, &["a"]).await, "NONE");
        client.delete("t").await;
        assert_eq!(writer.end(true).await, "NONE");
        client.create("t", 2, &[]).await;
        let mut told = writer.write(0, &["b"]).await;
        for _ in 0..100 {
            if told != "CONCURRENT_TRANSACTIONS" {
                break;
            }
            sleep(Duration::from_millis(20)).await;
            told = writer.write(0, &["b"]).await;
        }
        assert_eq!(told, "NONE", "{level:?}");
    }
}
