//! DeleteRecords.

use ottla_protocol::messages::DeleteRecordsRequest;
use ottla_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, batch, name_of, topic_name};

async fn delete(
    client: &mut TestClient,
    topic: &str,
    partition: i32,
    offset: i64,
) -> (&'static str, i64) {
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(partition)
        .with_offset(offset);
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_timeout_ms(20_000)
        .with_topics(vec![topic]);
    let response = client.ask(2, &request).await;
    let result = &response.topics[0].partitions[0];
    (name_of(result.error_code), result.low_watermark)
}

#[tokio::test]
async fn the_log_start_moves_forward_and_stays_there() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for _ in 0..5 {
        client.produce("t", 0, batch(&["value"])).await;
    }
    assert_eq!(delete(&mut client, "t", 0, 3).await, ("NONE", 3));
    assert_eq!(delete(&mut client, "t", 0, 1).await, ("NONE", 3));
    assert_eq!(
        delete(&mut client, "t", 0, 6).await,
        ("OFFSET_OUT_OF_RANGE", -1)
    );
    assert_eq!(
        delete(&mut client, "t", 0, -2).await,
        ("OFFSET_OUT_OF_RANGE", -1)
    );
    let node = node.restarted().await;
    let mut client = node.client().await;
    assert_eq!(delete(&mut client, "t", 0, 0).await, ("NONE", 3));
    assert_eq!(delete(&mut client, "t", 0, -1).await, ("NONE", 5));
    assert_eq!(
        client
            .produce("t", 0, batch(&["value"]))
            .await
            .log_start_offset,
        5
    );
}

#[tokio::test]
async fn what_may_not_be_deleted_is_not() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client
        .create("compacted", 1, &[("cleanup.policy", "compact")])
        .await;
    client
        .create("both", 1, &[("cleanup.policy", "compact,delete")])
        .await;
    client.create("__consumer_offsets", 1, &[]).await;
    for (topic, partition, expected) in [
        ("compacted", 0, "POLICY_VIOLATION"),
        ("both", 0, "NONE"),
        ("both", 1, "UNKNOWN_TOPIC_OR_PARTITION"),
        ("nope", 0, "UNKNOWN_TOPIC_OR_PARTITION"),
        ("__consumer_offsets", 0, "INVALID_TOPIC_EXCEPTION"),
    ] {
        assert_eq!(
            delete(&mut client, topic, partition, 0).await.0,
            expected,
            "{topic}"
        );
    }
}

#[tokio::test]
async fn who_may_not_delete_is_not_told_what_exists() {
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Delete]), &[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for topic in ["t", "nope"] {
        let refused = delete(&mut client, topic, 0, 0).await;
        assert_eq!(refused, ("TOPIC_AUTHORIZATION_FAILED", -1));
    }
}
