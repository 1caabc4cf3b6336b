//! DescribeConfigs.

use ottla_protocol::messages::DescribeConfigsRequest;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, name_of, text};

pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const LOGGER: i8 = 8;
pub(super) const CLIENT_METRICS: i8 = 16;
pub(super) const GROUP: i8 = 32;

fn request(kind: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsRequest {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(keys.map(|keys| keys.iter().map(|key| text(key)).collect()));
    DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true)
}

pub(super) async fn describe(
    client: &mut TestClient,
    kind: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> DescribeConfigsResult {
    client
        .ask(4, &request(kind, name, keys))
        .await
        .results
        .remove(0)
}

/// `value source [synonym=value@source …]`.
pub(super) fn shown(entry: &DescribeConfigsResourceResult) -> String {
    let value = entry.value.as_deref().unwrap_or("null");
    let mut shown = format!("{value} {}", entry.config_source);
    for synonym in &entry.synonyms {
        let value = synonym.value.as_deref().unwrap_or("null");
        shown += &format!(" {}={value}@{}", &*synonym.name, synonym.source);
    }
    shown
}

#[tokio::test]
async fn a_topics_settings_tell_where_they_come_from() {
    let node = TestNode::start(&["log.segment.bytes=2000000"]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[("retention.ms", "5")]).await;
    for (key, expected) in [
        ("retention.ms", "5 1 retention.ms=5@1"),
        (
            "segment.bytes",
            "2000000 4 log.segment.bytes=2000000@4 log.segment.bytes=1073741824@5",
        ),
        ("cleanup.policy", "delete 5 log.cleanup.policy=delete@5"),
    ] {
        let result = describe(&mut client, TOPIC, "t", Some(&[key])).await;
        assert_eq!(result.error_code, 0);
        assert_eq!(result.configs.len(), 1);
        assert_eq!(shown(&result.configs[0]), expected);
        assert_eq!(result.configs[0].documentation, None);
    }
    let all = describe(&mut client, TOPIC, "t", None).await.configs.len();
    assert!(all >= 37);
    assert_eq!(
        describe(&mut client, TOPIC, "t", Some(&[]))
            .await
            .configs
            .len(),
        all
    );
    assert_eq!(
        describe(&mut client, TOPIC, "t", Some(&["nonsense"]))
            .await
            .configs
            .len(),
        0
    );
    let documented = request(TOPIC, "t", None).with_include_documentation(true);
    for version in 1..=4 {
        let plain = if version < 3 {
            request(TOPIC, "t", None)
        } else {
            documented.clone()
        };
        let response = client.ask(version, &plain).await;
        let entry = &response.results[0].configs[0];
        let documentation = entry.documentation.as_deref().unwrap_or("");
        assert_eq!(documentation.is_empty(), version < 3);
    }
}

#[tokio::test]
async fn the_brokers_settings_are_those_it_was_started_with() {
    let node = TestNode::start(&["num.partitions=7"]).await;
    let mut client = node.client().await;
    let result = describe(&mut client, BROKER, "1", Some(&["num.partitions"])).await;
    assert_eq!(
        shown(&result.configs[0]),
        "7 4 num.partitions=7@4 num.partitions=1@5"
    );
    assert!(result.configs[0].read_only);
    assert!(
        describe(&mut client, BROKER, "", None)
            .await
            .configs
            .is_empty()
    );
}

#[tokio::test]
async fn what_has_no_settings_is_refused_as_kafka_does() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    for (kind, name, expected) in [
        (TOPIC, "nope", "UNKNOWN_TOPIC_OR_PARTITION"),
        (TOPIC, "bad/name", "INVALID_TOPIC_EXCEPTION"),
        (TOPIC, "", "INVALID_TOPIC_EXCEPTION"),
        (BROKER, "2", "INVALID_REQUEST"),
        (BROKER, "x", "INVALID_REQUEST"),
        (LOGGER, "", "INVALID_REQUEST"),
        (LOGGER, "2", "INVALID_REQUEST"),
        (LOGGER, "1", "NONE"),
        (CLIENT_METRICS, "", "INVALID_REQUEST"),
        (CLIENT_METRICS, "s", "NONE"),
        (GROUP, "", "INVALID_REQUEST"),
        (7, "x", "INVALID_REQUEST"),
    ] {
        let result = describe(&mut client, kind, name, None).await;
        assert_eq!(name_of(result.error_code), expected, "{kind} '{name}'");
        assert_eq!((result.resource_type, &*result.resource_name), (kind, name));
    }
}

#[tokio::test]
async fn settings_are_shown_to_those_who_may_see_them() {
    let gate = Gate::refusing(&[Operation::DescribeConfigs]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for (kind, name, expected) in [
        (TOPIC, "t", "TOPIC_AUTHORIZATION_FAILED"),
        (TOPIC, "nope", "TOPIC_AUTHORIZATION_FAILED"),
        (BROKER, "1", "CLUSTER_AUTHORIZATION_FAILED"),
        (LOGGER, "1", "CLUSTER_AUTHORIZATION_FAILED"),
        (CLIENT_METRICS, "s", "CLUSTER_AUTHORIZATION_FAILED"),
        (GROUP, "g", "GROUP_AUTHORIZATION_FAILED"),
    ] {
        let result = describe(&mut client, kind, name, None).await;
        assert_eq!(name_of(result.error_code), expected, "{kind} '{name}'");
        assert!(result.configs.is_empty());
    }
}
