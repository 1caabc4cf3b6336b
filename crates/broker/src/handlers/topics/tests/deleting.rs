//! Deleting topics.

use ottla_protocol::messages::DeleteTopicsRequest;
use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use uuid::Uuid;

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, batch, metadata_request, name_of, topic_name};

const NO_ID: Uuid = Uuid::nil();

fn request(topics: &[(Option<&str>, Uuid)]) -> DeleteTopicsRequest {
    let topics = topics.iter().map(|(name, id)| {
        DeleteTopicState::default()
            .with_name(name.map(topic_name))
            .with_topic_id(*id)
    });
    DeleteTopicsRequest::default()
        .with_timeout_ms(20_000)
        .with_topics(topics.collect())
}

/// Name and error of each result.
async fn delete(
    client: &mut TestClient,
    topics: &[(Option<&str>, Uuid)],
) -> Vec<(Option<String>, &'static str)> {
    let response = client.ask(6, &request(topics)).await;
    let results = response.responses.into_iter();
    let shown = results.map(|one| {
        (
            one.name.map(|name| name.to_string()),
            name_of(one.error_code),
        )
    });
    shown.collect()
}

#[tokio::test]
async fn deleted_topics_are_gone_and_their_names_are_free() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let first = client.create("t", 2, &[]).await;
    client.produce("t", 0, batch(&["value"])).await;
    assert_eq!(
        delete(&mut client, &[(Some("t"), NO_ID)]).await,
        [(Some("t".into()), "NONE")]
    );
    let metadata = client.ask(13, &metadata_request(Some(&["t"]), false)).await;
    assert_eq!(
        name_of(metadata.topics[0].error_code),
        "UNKNOWN_TOPIC_OR_PARTITION"
    );
    let gone = client.produce("t", 0, batch(&["value"])).await;
    assert_eq!(name_of(gone.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    let second = client.create("t", 1, &[]).await;
    assert_ne!(first, second);
    assert_eq!(
        client.produce("t", 0, batch(&["value"])).await.base_offset,
        0
    );
    assert_eq!(
        delete(&mut client, &[(None, second)]).await,
        [(Some("t".into()), "NONE")]
    );
    let node = node.restarted().await;
    let mut client = node.client().await;
    assert!(
        client
            .ask(13, &metadata_request(None, false))
            .await
            .topics
            .is_empty()
    );
}

#[tokio::test]
async fn what_cannot_be_deleted_is_refused_as_kafka_does() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    let unknown = Uuid::from_u128(9);
    let name = || Some("t".to_owned());
    for (topics, expected) in [
        (
            vec![(Some("nope"), NO_ID)],
            (Some("nope".into()), "UNKNOWN_TOPIC_OR_PARTITION"),
        ),
        (vec![(None, unknown)], (None, "UNKNOWN_TOPIC_ID")),
        (vec![(None, NO_ID)], (None, "INVALID_REQUEST")),
        (vec![(Some("t"), id)], (name(), "INVALID_REQUEST")),
        (
            vec![(Some("t"), NO_ID), (Some("t"), NO_ID)],
            (name(), "INVALID_REQUEST"),
        ),
        (vec![(None, id), (None, id)], (None, "INVALID_REQUEST")),
        (
            vec![(None, id), (Some("t"), NO_ID)],
            (name(), "INVALID_REQUEST"),
        ),
    ] {
        assert_eq!(delete(&mut client, &topics).await, [expected], "{topics:?}");
    }
}

#[tokio::test]
async fn older_versions_name_topics_and_know_fewer_errors() {
    let node = TestNode::start(&["delete.topic.enable=false"]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for version in 1..=5 {
        let request = DeleteTopicsRequest::default()
            .with_timeout_ms(20_000)
            .with_topic_names(vec![topic_name("t")]);
        let response = client.ask(version, &request).await;
        let expected = if version < 3 {
            "INVALID_REQUEST"
        } else {
            "TOPIC_DELETION_DISABLED"
        };
        assert_eq!(
            name_of(response.responses[0].error_code),
            expected,
            "version {version}"
        );
    }
}

#[tokio::test]
async fn who_may_not_delete_is_refused_by_name_and_by_id() {
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Delete]), &[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    let refused = "TOPIC_AUTHORIZATION_FAILED";
    for topic in [(Some("t"), NO_ID), (None, id)] {
        assert_eq!(
            delete(&mut client, &[topic]).await,
            [(Some("t".into()), refused)]
        );
    }
    let gate = Gate::refusing(&[Operation::Delete, Operation::Describe]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    assert_eq!(delete(&mut client, &[(None, id)]).await, [(None, refused)]);
    // Whether there is such a topic is not told either.
    let nope = delete(&mut client, &[(Some("nope"), NO_ID)]).await;
    assert_eq!(nope, [(Some("nope".into()), refused)]);
}
