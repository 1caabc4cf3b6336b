//! Levels of logging.

use super::altering::{APPEND, DELETE, SET, SUBTRACT, alter, alter_all, resource};
use super::describing::{LOGGER, describe};
use crate::node::testing::{TestClient, TestNode, name_of};

async fn level(client: &mut TestClient, logger: &str) -> Option<(String, i8)> {
    let result = describe(client, LOGGER, "1", Some(&[logger])).await;
    let entry = result.configs.first()?;
    Some((entry.value.as_deref()?.to_owned(), entry.config_source))
}

#[tokio::test]
async fn levels_are_set_and_unset_and_told() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let told = |level: &str| Some((level.to_owned(), 6));
    assert_eq!(level(&mut client, "root").await, told("INFO"));
    let module = "ottla_broker::net";
    assert_eq!(level(&mut client, module).await, None);
    let set: &[_] = &[(module, SET, Some("DEBUG"))];
    assert_eq!(alter(&mut client, LOGGER, "1", set).await, "NONE");
    assert_eq!(level(&mut client, module).await, told("DEBUG"));
    let unset: &[_] = &[(module, DELETE, None)];
    assert_eq!(alter(&mut client, LOGGER, "1", unset).await, "NONE");
    assert_eq!(level(&mut client, module).await, None);
}

#[tokio::test]
async fn what_cannot_be_a_level_is_refused_as_kafka_does() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    for (broker, logger, operation, value, expected) in [
        ("1", "root", SET, Some("debug"), "INVALID_CONFIG"),
        ("1", "root", SET, Some("OFF"), "INVALID_CONFIG"),
        ("1", "root", SET, None, "INVALID_REQUEST"),
        ("1", "root", DELETE, None, "INVALID_REQUEST"),
        ("1", "root", APPEND, Some("INFO"), "INVALID_REQUEST"),
        ("1", "root", SUBTRACT, Some("INFO"), "INVALID_REQUEST"),
        ("1", "never.was", SET, Some("INFO"), "INVALID_CONFIG"),
        ("1", "never.was", DELETE, None, "INVALID_CONFIG"),
        ("2", "root", SET, Some("INFO"), "INVALID_REQUEST"),
        ("x", "root", SET, Some("INFO"), "INVALID_REQUEST"),
        ("", "root", SET, Some("INFO"), "INVALID_REQUEST"),
    ] {
        let ops: &[_] = &[(logger, operation, value)];
        let found = alter(&mut client, LOGGER, broker, ops).await;
        assert_eq!(found, expected, "{broker} {ops:?}");
    }
    let valid = resource(LOGGER, "1", &[("root", SET, Some("TRACE"))]);
    let responses = alter_all(&mut client, vec![valid], true).await;
    assert_eq!(name_of(responses[0].error_code), "NONE");
    let untouched = Some(("INFO".to_owned(), 6));
    assert_eq!(level(&mut client, "root").await, untouched);
}
