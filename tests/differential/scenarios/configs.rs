//! Configurations are read and changed.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use super::topics::CONFIGS;
use crate::lab::{Lab, versions};

pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const BROKER_LOGGER: i8 = 8;
pub(super) const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

/// The source of what is said of all brokers; those that were there at a broker's start follow.
const DYNAMIC_DEFAULT: i64 = 3;

pub(super) const SET: i8 = 0;
pub(super) const DELETE: i8 = 1;
pub(super) const APPEND: i8 = 2;
pub(super) const SUBTRACT: i8 = 3;

pub(crate) fn described(lab: &mut Lab) {
    lab.create_topic(
        "configs-described",
        1,
        &[("retention.ms", "5000"), ("cleanup.policy", "compact")],
    );
    let api = ApiKey::DescribeConfigs;
    for version in versions(api) {
        for (kind, name) in [
            (TOPIC, "configs-described"),
            (TOPIC, "configs-missing"),
            (TOPIC, "not valid"),
            (TOPIC, ""),
            (BROKER, "7"),
            (BROKER, "one"),
            (BROKER_LOGGER, ""),
            (BROKER_LOGGER, "7"),
            (BROKER_LOGGER, "one"),
            (CLIENT_METRICS, "none"),
            (CLIENT_METRICS, ""),
            (GROUP, ""),
            (0, "x"),
            (3, "x"),
            (99, "x"),
        ] {
            lab.ask(api, version, json!({ "Resources": [{ "ResourceType": kind, "ResourceName": name, "ConfigurationKeys": null }], "IncludeSynonyms": true }));
        }
        for synonyms in [true, false] {
            lab.ask(api, version, json!({ "Resources": [{ "ResourceType": CLIENT_METRICS, "ResourceName": "none", "ConfigurationKeys": ["interval.ms", "match"] }],
                "IncludeSynonyms": synonyms, "IncludeDocumentation": true }));
        }
        for keys in [
            json!(["retention.ms"]),
            json!([]),
            json!(["no.such.config"]),
            json!(["retention.ms", "retention.ms"]),
        ] {
            lab.ask(api, version, json!({ "Resources": [{ "ResourceType": TOPIC, "ResourceName": "configs-described", "ConfigurationKeys": keys }] }));
        }
        for broker in ["1", ""] {
            let keys = json!([
                "log.retention.ms",
                "num.io.threads",
                "message.max.bytes",
                "compression.type"
            ]);
            lab.ask(api, version, json!({ "Resources": [{ "ResourceType": BROKER, "ResourceName": broker, "ConfigurationKeys": keys }], "IncludeSynonyms": true }));
        }
    }
}

pub(super) fn alter(
    lab: &mut Lab,
    version: i16,
    kind: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
) {
    let configs: Vec<Value> = changes
        .iter()
        .map(|(name, operation, value)| json!({ "Name": name, "ConfigOperation": operation, "Value": value }))
        .collect();
    for validate_only in [true, false] {
        lab.ask(ApiKey::IncrementalAlterConfigs, version, json!({ "Resources": [
            { "ResourceType": kind, "ResourceName": name, "Configs": configs }], "ValidateOnly": validate_only }));
    }
}

pub(crate) fn altered(lab: &mut Lab) {
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        let topic = format!("configs-altered-{version}");
        lab.create_topic(&topic, 1, &[]);
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[
                ("retention.ms", SET, Some("7000")),
                ("segment.ms", SET, Some("9000")),
            ],
        );
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[("segment.ms", DELETE, None), ("flush.ms", DELETE, None)],
        );
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[("cleanup.policy", APPEND, Some("compact"))],
        );
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[("cleanup.policy", SUBTRACT, Some("delete"))],
        );
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[("retention.ms", APPEND, Some("1"))],
        );
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[("retention.ms", SUBTRACT, Some("1"))],
        );
        alter(lab, version, TOPIC, &topic, &[("retention.ms", SET, None)]);
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[("retention.ms", 9, Some("1"))],
        );
        alter(
            lab,
            version,
            TOPIC,
            &topic,
            &[
                ("retention.ms", SET, Some("1")),
                ("retention.ms", SET, Some("2")),
            ],
        );
        alter(lab, version, TOPIC, &topic, &[]);
        for (kind, name) in [
            (TOPIC, "configs-missing"),
            (TOPIC, "not valid"),
            (TOPIC, ""),
            (BROKER, "7"),
            (BROKER, "one"),
            (0, "x"),
            (99, "x"),
            (GROUP, ""),
        ] {
            alter(
                lab,
                version,
                kind,
                name,
                &[("retention.ms", SET, Some("1"))],
            );
        }
        for broker in ["1", ""] {
            alter(
                lab,
                version,
                BROKER,
                broker,
                &[("log.retention.ms", SET, Some("123456"))],
            );
            alter(
                lab,
                version,
                BROKER,
                broker,
                &[("log.retention.ms", SET, Some("abc"))],
            );
            alter(
                lab,
                version,
                BROKER,
                broker,
                &[("log.retention.ms", DELETE, None)],
            );
            alter(lab, version, BROKER, broker, &[("node.id", SET, Some("5"))]);
        }
        // Kafka's broker hears of it after its controller.
        lab.wait_until(ApiKey::DescribeConfigs, 4, json!({ "Resources": [{ "ResourceType": BROKER, "ResourceName": "1", "ConfigurationKeys": ["log.retention.ms"] }] }), |answer| {
            let source = answer.pointer("/Results/0/Configs/0/ConfigSource");
            source.and_then(Value::as_i64).is_some_and(|source| source > DYNAMIC_DEFAULT)
        });
        alter(
            lab,
            version,
            BROKER_LOGGER,
            "1",
            &[("no.such.logger", SET, Some("LOUD"))],
        );
        alter(
            lab,
            version,
            BROKER_LOGGER,
            "",
            &[("root", SET, Some("INFO"))],
        );
        lab.ask(ApiKey::DescribeConfigs, 4, json!({ "Resources": [{ "ResourceType": TOPIC, "ResourceName": topic, "ConfigurationKeys": null }], "IncludeSynonyms": true }));
    }
    lab.create_topic("configs-edges", 1, &[]);
    for (name, value) in CONFIGS {
        alter(
            lab,
            1,
            TOPIC,
            "configs-edges",
            &[(name, SET, Some(value)), (name, DELETE, None)],
        );
        lab.ask(ApiKey::IncrementalAlterConfigs, 1, json!({ "Resources": [{ "ResourceType": TOPIC, "ResourceName": "configs-edges", "Configs": [
            { "Name": name, "ConfigOperation": SET, "Value": value }] }], "ValidateOnly": true }));
    }
}

pub(crate) fn replaced(lab: &mut Lab) {
    for version in versions(ApiKey::AlterConfigs) {
        let topic = format!("configs-replaced-{version}");
        lab.create_topic(&topic, 1, &[("retention.ms", "5000")]);
        for (kind, name, configs) in [
            (
                TOPIC,
                topic.as_str(),
                json!([{ "Name": "segment.ms", "Value": "9000" }]),
            ),
            (
                TOPIC,
                &topic,
                json!([{ "Name": "segment.ms", "Value": null }]),
            ),
            (
                TOPIC,
                &topic,
                json!([{ "Name": "segment.ms", "Value": "abc" }]),
            ),
            (
                TOPIC,
                &topic,
                json!([{ "Name": "no.such.config", "Value": "1" }]),
            ),
            (
                TOPIC,
                &topic,
                json!([{ "Name": "segment.ms", "Value": "1" }, { "Name": "segment.ms", "Value": "2" }]),
            ),
            (TOPIC, &topic, json!([])),
            (
                TOPIC,
                "configs-missing",
                json!([{ "Name": "segment.ms", "Value": "9000" }]),
            ),
            (BROKER, "7", json!([])),
            (99, "x", json!([])),
        ] {
            for validate_only in [true, false] {
                lab.ask(ApiKey::AlterConfigs, version, json!({ "Resources": [{ "ResourceType": kind, "ResourceName": name, "Configs": configs }], "ValidateOnly": validate_only }));
            }
        }
    }
}

pub(crate) fn resources(lab: &mut Lab) {
    lab.ask(ApiKey::ListConfigResources, 0, json!({}));
    for types in [
        json!([GROUP]),
        json!([CLIENT_METRICS]),
        json!([BROKER]),
        json!([BROKER_LOGGER]),
        json!([0]),
        json!([99]),
        json!([GROUP, 99]),
    ] {
        lab.ask(
            ApiKey::ListConfigResources,
            1,
            json!({ "ResourceTypes": types }),
        );
    }
}
