//! Settings that only one of the two has, or neither, and levels of logging.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use super::configs::{APPEND, BROKER, BROKER_LOGGER, CLIENT_METRICS, DELETE, SET, SUBTRACT, alter};
use crate::lab::{Lab, versions};

/// Settings of brokers that neither has: they are somebody else's.
pub(crate) fn unknown_settings(lab: &mut Lab) {
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        let set = |lab: &mut Lab, broker: &str, changes: &[(&str, i8, Option<&str>)]| {
            alter(lab, version, BROKER, broker, changes);
        };
        for (broker, said) in [("1", 1), ("", 2)] {
            set(lab, broker, &[("no.such.config", SET, Some("5"))]);
            describe_unknown(lab, said);
            let known = ("log.retention.ms", SET, Some("abc"));
            set(lab, broker, &[("no.such.config", SET, Some("6")), known]);
            set(lab, broker, &[("no.such.config", APPEND, Some("6"))]);
            set(lab, broker, &[("no.such.config", SUBTRACT, Some("5"))]);
            set(lab, broker, &[("", SET, Some("5"))]);
            set(lab, broker, &[("", DELETE, None)]);
            set(lab, broker, &[("process.roles", SET, Some("5"))]);
            set(lab, broker, &[("zookeeper.connect", SET, Some("5"))]);
            set(lab, broker, &[("zookeeper.connect", DELETE, None)]);
        }
        for (broker, said) in [("1", 1), ("", 0)] {
            set(lab, broker, &[("no.such.config", DELETE, None)]);
            describe_unknown(lab, said);
        }
    }
}

/// Asks once both show it as often as it is said: Kafka's broker hears of it after its controller.
fn describe_unknown(lab: &mut Lab, said: usize) {
    let question = |broker: &str, synonyms: bool| {
        json!({ "Resources": [{ "ResourceType": BROKER, "ResourceName": broker, "ConfigurationKeys": ["no.such.config"] }],
                "IncludeSynonyms": synonyms, "IncludeDocumentation": synonyms })
    };
    lab.wait_until(ApiKey::DescribeConfigs, 4, question("1", true), |answer| {
        let synonyms = answer.pointer("/Results/0/Configs/0/Synonyms");
        synonyms.and_then(Value::as_array).map_or(0, Vec::len) == said
    });
    for version in versions(ApiKey::DescribeConfigs) {
        for broker in ["1", ""] {
            lab.ask(ApiKey::DescribeConfigs, version, question(broker, true));
            lab.ask(ApiKey::DescribeConfigs, version, question(broker, false));
        }
    }
}

/// Settings that Kafka changes while it runs and Ottla does not have.
pub(crate) fn settings_of_kafka(lab: &mut Lab) {
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        for broker in ["1", ""] {
            for name in ["listener.name.plaintext.nothing", "num.io.threads"] {
                alter(lab, version, BROKER, broker, &[(name, SET, Some("8"))]);
                alter(lab, version, BROKER, broker, &[(name, DELETE, None)]);
            }
        }
    }
}

pub(crate) fn subscriptions(lab: &mut Lab) {
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        for (name, value) in [("interval.ms", "1000"), ("no.such.config", "1")] {
            let name = (name, SET, Some(value));
            alter(lab, version, CLIENT_METRICS, "some", &[name]);
        }
        for name in ["interval.ms", "no.such.config"] {
            alter(
                lab,
                version,
                CLIENT_METRICS,
                "some",
                &[(name, DELETE, None)],
            );
        }
        alter(
            lab,
            version,
            CLIENT_METRICS,
            "",
            &[("interval.ms", SET, Some("1000"))],
        );
    }
}

pub(crate) fn loggers(lab: &mut Lab) {
    let describe = |lab: &mut Lab| {
        for version in versions(ApiKey::DescribeConfigs) {
            lab.ask(ApiKey::DescribeConfigs, version, json!({ "Resources": [{ "ResourceType": BROKER_LOGGER, "ResourceName": "1", "ConfigurationKeys": ["root"] }],
                "IncludeSynonyms": true, "IncludeDocumentation": true }));
        }
    };
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        alter(
            lab,
            version,
            BROKER_LOGGER,
            "1",
            &[("root", SET, Some("WARN"))],
        );
        describe(lab);
        for (operation, level) in [
            (SET, Some("debug")),
            (SET, Some("LOUD")),
            (SET, Some("")),
            (SET, None),
            (DELETE, None),
            (APPEND, Some("INFO")),
            (SUBTRACT, Some("INFO")),
        ] {
            alter(
                lab,
                version,
                BROKER_LOGGER,
                "1",
                &[("root", operation, level)],
            );
            describe(lab);
        }
        alter(
            lab,
            version,
            BROKER_LOGGER,
            "1",
            &[
                ("root", SET, Some("ERROR")),
                ("no.such.logger", SET, Some("INFO")),
            ],
        );
        describe(lab);
        alter(
            lab,
            version,
            BROKER_LOGGER,
            "7",
            &[("root", SET, Some("ERROR"))],
        );
        alter(lab, version, BROKER_LOGGER, "1", &[]);
        alter(
            lab,
            version,
            BROKER_LOGGER,
            "1",
            &[("root", SET, Some("INFO"))],
        );
        describe(lab);
    }
}
