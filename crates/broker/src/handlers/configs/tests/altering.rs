//! AlterConfigs and IncrementalAlterConfigs, and that what they change takes effect.

use std::time::Instant;

use ottla_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use ottla_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use ottla_protocol::messages::{
    AlterConfigsRequest, IncrementalAlterConfigsRequest, alter_configs_request,
};

use super::describing::{BROKER, CLIENT_METRICS, GROUP, LOGGER, TOPIC, describe, shown};
use crate::authorize::{Gate, Operation};
use crate::node::testing::{PATIENCE, TestClient, TestNode, batch, name_of, text};

pub(super) const SET: i8 = 0;
pub(super) const DELETE: i8 = 1;
pub(super) const APPEND: i8 = 2;
pub(super) const SUBTRACT: i8 = 3;

type Ops<'a> = &'a [(&'a str, i8, Option<&'a str>)];

pub(super) fn resource(kind: i8, name: &str, ops: Ops<'_>) -> AlterConfigsResource {
    let configs = ops.iter().map(|(key, operation, value)| {
        AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(*operation)
            .with_value(value.map(text))
    });
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(configs.collect())
}

pub(super) async fn alter_all(
    client: &mut TestClient,
    resources: Vec<AlterConfigsResource>,
    validate_only: bool,
) -> Vec<AlterConfigsResourceResponse> {
    let request = IncrementalAlterConfigsRequest::default()
        .with_resources(resources)
        .with_validate_only(validate_only);
    client.ask(1, &request).await.responses
}

/// The name of the error of one change.
pub(super) async fn alter(
    client: &mut TestClient,
    kind: i8,
    name: &str,
    ops: Ops<'_>,
) -> &'static str {
    let responses = alter_all(client, vec![resource(kind, name, ops)], false).await;
    let response = &responses[0];
    let echoed = (response.resource_type, &*response.resource_name);
    assert_eq!(echoed, (kind, name));
    let is_silent = response.error_message.is_none();
    assert_eq!(is_silent, response.error_code == 0, "{response:?}");
    name_of(response.error_code)
}

async fn described(client: &mut TestClient, kind: i8, name: &str, key: &str) -> String {
    let result = describe(client, kind, name, Some(&[key])).await;
    result.configs.first().map_or_else(String::new, shown)
}

#[tokio::test]
async fn a_topics_configuration_changes_key_by_key() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[("retention.ms", "5")]).await;
    let ops: Ops<'_> = &[
        ("flush.ms", SET, Some("7")),
        ("retention.ms", DELETE, None),
        ("cleanup.policy", APPEND, Some("compact")),
    ];
    assert_eq!(alter(&mut client, TOPIC, "t", ops).await, "NONE");
    assert_eq!(
        described(&mut client, TOPIC, "t", "flush.ms").await,
        "7 1 flush.ms=7@1"
    );
    assert_eq!(
        described(&mut client, TOPIC, "t", "retention.ms").await,
        "604800000 5"
    );
    assert_eq!(
        described(&mut client, TOPIC, "t", "cleanup.policy").await,
        "delete,compact 1 cleanup.policy=delete,compact@1 log.cleanup.policy=delete@5"
    );
    let ops: Ops<'_> = &[("cleanup.policy", SUBTRACT, Some("delete,compact"))];
    assert_eq!(alter(&mut client, TOPIC, "t", ops).await, "NONE");
    let policy = described(&mut client, TOPIC, "t", "cleanup.policy").await;
    assert!(policy.starts_with(" 1 "), "{policy}");
}

/// Produces until the answer is the one that is due, because settings reach logs a moment later.
async fn produce_until(client: &mut TestClient, expected: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let produced = client.produce("t", 0, batch(&[&"x".repeat(2_000)])).await;
        let found = name_of(produced.error_code);
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "still {found}, not {expected}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn changes_act_on_the_logs_that_are_open_and_survive_a_restart() {
    let mut node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    produce_until(&mut client, "NONE").await;
    for (kind, name, key) in [
        (TOPIC, "t", "max.message.bytes"),
        (BROKER, "", "message.max.bytes"),
        (BROKER, "1", "message.max.bytes"),
    ] {
        let set = alter(&mut client, kind, name, &[(key, SET, Some("1000"))]).await;
        assert_eq!(set, "NONE");
        produce_until(&mut client, "MESSAGE_TOO_LARGE").await;
        node = node.restarted().await;
        client = node.client().await;
        produce_until(&mut client, "MESSAGE_TOO_LARGE").await;
        let gone = alter(&mut client, kind, name, &[(key, DELETE, None)]).await;
        assert_eq!(gone, "NONE");
        produce_until(&mut client, "NONE").await;
    }
}

#[tokio::test]
async fn what_brokers_are_told_shows_where_topics_say_nothing() {
    let node = TestNode::start(&["log.segment.bytes=2000000"]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let all: Ops<'_> = &[
        ("log.retention.ms", SET, Some("100000")),
        ("log.segment.bytes", SET, Some("3000000")),
    ];
    assert_eq!(alter(&mut client, BROKER, "", all).await, "NONE");
    let own: Ops<'_> = &[("log.retention.ms", SET, Some(" 200000 "))];
    assert_eq!(alter(&mut client, BROKER, "1", own).await, "NONE");
    for (kind, name, key, expected) in [
        (
            TOPIC,
            "t",
            "retention.ms",
            "200000 2 log.retention.ms= 200000 @2 log.retention.ms=100000@3 log.retention.hours=168@5",
        ),
        (
            TOPIC,
            "t",
            "segment.bytes",
            "3000000 3 log.segment.bytes=3000000@3 log.segment.bytes=2000000@4 \
             log.segment.bytes=1073741824@5",
        ),
        (
            BROKER,
            "1",
            "log.retention.ms",
            "200000 2 log.retention.ms= 200000 @2 log.retention.ms=100000@3 log.retention.hours=168@5",
        ),
        (
            BROKER,
            "1",
            "log.retention.hours",
            "168 5 log.retention.hours=168@5",
        ),
        (BROKER, "1", "log.roll.ms", "null 5"),
        (
            BROKER,
            "",
            "log.retention.ms",
            "100000 3 log.retention.ms=100000@3",
        ),
    ] {
        assert_eq!(described(&mut client, kind, name, key).await, expected);
    }
    let keys: &[&str] = &["log.retention.ms", "log.retention.hours"];
    let entries = describe(&mut client, BROKER, "1", Some(keys)).await.configs;
    let fixed: Vec<bool> = entries.iter().map(|entry| entry.read_only).collect();
    assert_eq!(fixed, [true, false], "hours are read at the start alone");
    let created = client.create_told("u", &[]).await;
    let told = |key: &str| {
        let entry = created.iter().find(|entry| *entry.name == *key).unwrap();
        (
            entry.value.as_deref().unwrap().to_owned(),
            entry.config_source,
        )
    };
    assert_eq!(told("segment.bytes"), ("3000000".to_owned(), 3));
    assert_eq!(told("retention.ms").1, 2);
}

#[tokio::test]
async fn a_groups_configuration_is_kept_for_it() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let key = "consumer.session.timeout.ms";
    let default = "group.consumer.session.timeout.ms=45000@5";
    assert_eq!(
        described(&mut client, GROUP, "g", key).await,
        format!("45000 5 {default}")
    );
    let set = alter(&mut client, GROUP, "g", &[(key, SET, Some("50000"))]).await;
    assert_eq!(set, "NONE");
    assert_eq!(
        described(&mut client, GROUP, "g", key).await,
        format!("50000 8 {key}=50000@8 {default}")
    );
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_as_kafka_does() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let long: Ops<'_> = &[("retention.ms", SET, Some("5"))];
    let broker: Ops<'_> = &[("log.retention.ms", SET, Some("5"))];
    let twice: Ops<'_> = &[
        ("retention.ms", SET, Some("5")),
        ("retention.ms", DELETE, None),
    ];
    for (kind, name, ops, expected) in [
        (TOPIC, "nope", long, "UNKNOWN_TOPIC_OR_PARTITION"),
        (TOPIC, "a b", long, "INVALID_TOPIC_EXCEPTION"),
        (TOPIC, "", long, "INVALID_REQUEST"),
        (
            TOPIC,
            "t",
            &[("retention.ms", SET, Some("x"))],
            "INVALID_CONFIG",
        ),
        (
            TOPIC,
            "t",
            &[("never.was", SET, Some("1"))],
            "INVALID_CONFIG",
        ),
        (TOPIC, "t", &[("never.was", DELETE, None)], "NONE"),
        (
            TOPIC,
            "t",
            &[("retention.ms", SET, None)],
            "INVALID_REQUEST",
        ),
        (
            TOPIC,
            "t",
            &[("retention.ms", APPEND, Some("5"))],
            "INVALID_CONFIG",
        ),
        (
            TOPIC,
            "t",
            &[("retention.ms", 9, Some("5"))],
            "INVALID_REQUEST",
        ),
        (TOPIC, "t", twice, "INVALID_REQUEST"),
        (BROKER, "2", broker, "INVALID_REQUEST"),
        (BROKER, "x", broker, "INVALID_REQUEST"),
        (
            BROKER,
            "1",
            &[("num.partitions", SET, Some("3"))],
            "INVALID_REQUEST",
        ),
        (
            BROKER,
            "",
            &[("log.retention.ms", SET, Some("0"))],
            "INVALID_REQUEST",
        ),
        (
            CLIENT_METRICS,
            "s",
            &[("interval.ms", SET, Some("100"))],
            "INVALID_CONFIG",
        ),
        (
            GROUP,
            "",
            &[("consumer.session.timeout.ms", SET, Some("50000"))],
            "INVALID_REQUEST",
        ),
        (7, "x", long, "INVALID_REQUEST"),
    ] {
        let found = alter(&mut client, kind, name, ops).await;
        assert_eq!(found, expected, "{kind} '{name}' {ops:?}");
    }
}

#[tokio::test]
async fn outcomes_come_in_the_order_of_the_request_and_a_repeated_resource_fails() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.create("u", 1, &[]).await;
    let long: Ops<'_> = &[("retention.ms", SET, Some("5"))];
    let resources = vec![
        resource(TOPIC, "t", long),
        resource(TOPIC, "nope", long),
        resource(TOPIC, "u", long),
        resource(TOPIC, "t", &[("flush.ms", SET, Some("5"))]),
    ];
    let responses = alter_all(&mut client, resources, false).await;
    let found: Vec<_> = responses
        .iter()
        .map(|one| (&*one.resource_name, name_of(one.error_code)))
        .collect();
    let expected = [
        ("t", "INVALID_REQUEST"),
        ("nope", "UNKNOWN_TOPIC_OR_PARTITION"),
        ("u", "NONE"),
        ("t", "INVALID_REQUEST"),
    ];
    assert_eq!(found, expected);
    let shown = described(&mut client, TOPIC, "u", "retention.ms").await;
    assert!(shown.starts_with("5 1 "), "{shown}");
}

#[tokio::test]
async fn validating_changes_nothing() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for (value, expected) in [("5", "NONE"), ("x", "INVALID_CONFIG")] {
        let one = resource(TOPIC, "t", &[("retention.ms", SET, Some(value))]);
        let responses = alter_all(&mut client, vec![one], true).await;
        assert_eq!(name_of(responses[0].error_code), expected);
    }
    let shown = described(&mut client, TOPIC, "t", "retention.ms").await;
    assert_eq!(shown, "604800000 5");
}

fn replacement(kind: i8, name: &str, configs: &[(&str, Option<&str>)]) -> AlterConfigsRequest {
    let configs = configs.iter().map(|(key, value)| {
        alter_configs_request::AlterableConfig::default()
            .with_name(text(key))
            .with_value(value.map(text))
    });
    let resource = alter_configs_request::AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(configs.collect());
    AlterConfigsRequest::default().with_resources(vec![resource])
}

#[tokio::test]
async fn the_old_request_replaces_a_configuration_as_a_whole() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[("retention.ms", "5")]).await;
    for version in 0..=2 {
        let request = replacement(TOPIC, "t", &[("flush.ms", Some("7"))]);
        let response = client.ask(version, &request).await;
        assert_eq!(response.responses[0].error_code, 0, "{response:?}");
    }
    let retention = described(&mut client, TOPIC, "t", "retention.ms").await;
    assert_eq!(retention, "604800000 5");
    for (request, expected) in [
        (
            replacement(TOPIC, "t", &[("flush.ms", None)]),
            "INVALID_REQUEST",
        ),
        (
            replacement(TOPIC, "t", &[("x", Some("1"))]),
            "INVALID_CONFIG",
        ),
        (
            replacement(LOGGER, "1", &[("root", Some("INFO"))]),
            "INVALID_REQUEST",
        ),
        (replacement(7, "1", &[]), "INVALID_REQUEST"),
    ] {
        let response = client.ask(2, &request).await;
        assert_eq!(name_of(response.responses[0].error_code), expected);
    }
}

#[tokio::test]
async fn configurations_are_changed_by_those_who_may() {
    let gate = Gate::refusing(&[Operation::AlterConfigs]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    for (kind, name, expected) in [
        (TOPIC, "t", "TOPIC_AUTHORIZATION_FAILED"),
        (BROKER, "", "CLUSTER_AUTHORIZATION_FAILED"),
        (LOGGER, "1", "CLUSTER_AUTHORIZATION_FAILED"),
        (CLIENT_METRICS, "s", "CLUSTER_AUTHORIZATION_FAILED"),
        (GROUP, "g", "GROUP_AUTHORIZATION_FAILED"),
    ] {
        let responses = alter_all(&mut client, vec![resource(kind, name, &[])], false).await;
        assert_eq!(name_of(responses[0].error_code), expected);
        let response = client.ask(2, &replacement(kind, name, &[])).await;
        assert_eq!(name_of(response.responses[0].error_code), expected);
    }
}
