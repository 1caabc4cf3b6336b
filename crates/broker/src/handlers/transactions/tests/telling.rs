//! What tools are told of transactions.

use ottla_protocol::messages::describe_producers_request::TopicRequest;
use ottla_protocol::messages::{
    ApiVersionsRequest, DescribeProducersRequest, DescribeTransactionsRequest,
    ListTransactionsRequest, UpdateFeaturesRequest, update_features_request,
};

use super::support::{FEW, Level, Writer};
use crate::node::testing::{TestClient, TestNode, name_of, text, topic_name};

async fn node_with_transactions() -> (TestNode, TestClient, Writer) {
    let node = TestNode::start(FEW).await;
    let mut client = node.client().await;
    client.create("t", 2, &[]).await;
    let mut open = Writer::begin(&node, Level::Two, "open").await;
    assert_eq!(open.write(0, &["a"]).await, "NONE");
    Writer::begin(&node, Level::Two, "empty").await;
    (node, client, open)
}

#[tokio::test]
async fn transactions_are_described() {
    let (_node, mut client, open) = node_with_transactions().await;
    let ids = ["open", "empty", "unknown"];
    let request = DescribeTransactionsRequest::default()
        .with_transactional_ids(ids.map(|id| text(id).into()).to_vec());
    let told = client.ask(0, &request).await.transaction_states;
    let states: Vec<_> = told
        .iter()
        .map(|it| (name_of(it.error_code), &*it.transaction_state))
        .collect();
    let unknown = ("TRANSACTIONAL_ID_NOT_FOUND", "");
    assert_eq!(states, [("NONE", "Ongoing"), ("NONE", "Empty"), unknown]);
    assert_eq!(
        (told[0].producer_id.0, told[0].producer_epoch),
        (open.id, open.epoch)
    );
    assert_eq!(
        (
            &*told[0].topics[0].topic.0,
            &told[0].topics[0].partitions[..]
        ),
        ("t", &[0][..])
    );
    assert!(told[0].transaction_start_time_ms > 0 && told[1].transaction_start_time_ms == -1);
}

#[tokio::test]
async fn transactions_are_listed_by_state_producer_duration_and_pattern() {
    let (_node, mut client, open) = node_with_transactions().await;
    let mut list = async |request: ListTransactionsRequest| {
        let told = client.ask(2, &request).await;
        assert_eq!(name_of(told.error_code), "NONE");
        let mut ids: Vec<_> = told
            .transaction_states
            .iter()
            .map(|it| it.transactional_id.to_string())
            .collect();
        ids.sort();
        (ids, told.unknown_state_filters.len())
    };
    let all = ListTransactionsRequest::default().with_duration_filter(-1);
    assert_eq!(list(all.clone()).await.0, ["empty", "open"]);
    let ongoing = all
        .clone()
        .with_state_filters(vec![text("Ongoing"), text("Strange")]);
    assert_eq!(list(ongoing).await, (vec!["open".to_owned()], 1));
    let of_producer = all.clone().with_producer_id_filters(vec![open.id.into()]);
    assert_eq!(list(of_producer).await.0, ["open"]);
    let long = all
        .clone()
        .with_duration_filter(3_600_000)
        .with_state_filters(vec![text("Ongoing")]);
    assert!(list(long).await.0.is_empty());
    let pattern = all
        .clone()
        .with_transactional_id_pattern(Some(text("o.*|x")));
    assert_eq!(list(pattern).await.0, ["open"]);
    let bad = all.with_transactional_id_pattern(Some(text("(")));
    let told = client.ask(2, &bad).await;
    assert_eq!(name_of(told.error_code), "INVALID_REGULAR_EXPRESSION");
}

#[tokio::test]
async fn producers_of_a_partition_are_described() {
    let (_node, mut client, open) = node_with_transactions().await;
    let topic = |name, partitions: &[i32]| {
        TopicRequest::default()
            .with_name(topic_name(name))
            .with_partition_indexes(partitions.to_vec())
    };
    let topics = vec![topic("t", &[0, 1, 5]), topic("u", &[0]), topic("?", &[0])];
    let request = DescribeProducersRequest::default().with_topics(topics);
    let told = client.ask(0, &request).await;
    let partitions = told.topics.iter().flat_map(|topic| &topic.partitions);
    let partitions: Vec<_> = partitions
        .map(|it| (name_of(it.error_code), it.active_producers.len()))
        .collect();
    let unknown = ("UNKNOWN_TOPIC_OR_PARTITION", 0);
    let invalid = ("INVALID_TOPIC_EXCEPTION", 0);
    assert_eq!(
        partitions,
        [("NONE", 1), ("NONE", 0), unknown, unknown, invalid]
    );
    let producer = &told.topics[0].partitions[0].active_producers[0];
    assert_eq!(producer.producer_id.0, open.id);
    assert_eq!(
        (producer.last_sequence, producer.current_txn_start_offset),
        (0, 0)
    );
}

#[tokio::test]
async fn the_level_of_transactions_is_told_and_changed() {
    let node = TestNode::start(FEW).await;
    let mut client = node.client().await;
    let mut update = async |level: i16, kind: i8| {
        let key = update_features_request::FeatureUpdateKey::default()
            .with_feature(text("transaction.version"))
            .with_max_version_level(level)
            .with_upgrade_type(kind);
        let request = UpdateFeaturesRequest::default()
            .with_timeout_ms(20_000)
            .with_feature_updates(vec![key]);
        let told = name_of(client.ask(2, &request).await.error_code);
        let request = ApiVersionsRequest {
            client_software_name: text("test"),
            client_software_version: text("1"),
            ..ApiVersionsRequest::default()
        };
        let versions = client.ask(4, &request).await;
        let finalized = versions.finalized_features.iter();
        let level = finalized
            .filter(|it| &*it.name == "transaction.version")
            .map(|it| it.max_version_level)
            .next();
        (told, level)
    };
    assert_eq!(update(2, 1).await, ("NONE", Some(2)));
    assert_eq!(update(1, 1).await, ("INVALID_UPDATE_VERSION", Some(2)));
    assert_eq!(update(1, 2).await, ("NONE", Some(1)));
    assert_eq!(update(0, 3).await, ("NONE", None));
    assert_eq!(update(3, 1).await, ("INVALID_UPDATE_VERSION", None));
    assert_eq!(update(2, 1).await, ("NONE", Some(2)));
}
