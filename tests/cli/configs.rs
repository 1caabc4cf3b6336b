//! `ottla config`.

use ottla_tests::{Broker, Suite};
use serde_json::Value;

use crate::run::{misuse, objects, ottla};

pub(crate) fn add(suite: &mut Suite) {
    suite
        .case("a_topics_configs_are_changed_and_shown", of_topic)
        .case("a_dry_run_changes_no_config", dry_run)
        .case("brokers_groups_and_loggers_have_configs", others)
        .case("a_config_that_makes_no_sense_is_refused", refused);
}

fn value(broker: &Broker, resource: &[&str], name: &str) -> Option<Value> {
    let line = [&["config", "describe"], resource, &["--json"]].concat();
    let told = objects(&ottla(broker, &line).succeed());
    let found = told.into_iter().find(|config| config["name"] == name);
    found.map(|config| config["value"].clone())
}

fn of_topic(broker: &Broker) {
    let resource = ["topic", "config-topic"];
    ottla(broker, &["topic", "create", "config-topic"]).succeed();
    let change = [
        "config",
        "alter",
        "topic",
        "config-topic",
        "--set",
        "retention.ms=5000",
        "--append",
        "cleanup.policy=compact",
    ];
    ottla(broker, &change).succeed();
    assert_eq!(
        value(broker, &resource, "retention.ms"),
        Some("5000".into())
    );
    assert_eq!(
        value(broker, &resource, "cleanup.policy"),
        Some("delete,compact".into())
    );
    let all = ottla(
        broker,
        &["config", "describe", "topic", "config-topic", "--all"],
    )
    .succeed();
    all.says("segment.bytes").says("log.segment.bytes");
    let change = [
        "config",
        "alter",
        "topic",
        "config-topic",
        "--unset",
        "retention.ms",
        "--subtract",
        "cleanup.policy=compact",
    ];
    ottla(broker, &change).succeed();
    assert_eq!(value(broker, &resource, "retention.ms"), None);
    assert_eq!(
        value(broker, &resource, "cleanup.policy"),
        Some("delete".into())
    );
}

fn dry_run(broker: &Broker) {
    ottla(broker, &["topic", "create", "config-dry"]).succeed();
    let change = [
        "config",
        "alter",
        "topic",
        "config-dry",
        "--set",
        "retention.ms=5",
        "--dry-run",
    ];
    ottla(broker, &change).succeed();
    assert_eq!(
        value(broker, &["topic", "config-dry"], "retention.ms"),
        None
    );
}

fn others(broker: &Broker) {
    let brokers = ottla(
        broker,
        &["config", "describe", "broker", "1", "--all", "--json"],
    )
    .succeed();
    assert!(!objects(&brokers).is_empty());
    ottla(
        broker,
        &[
            "config",
            "alter",
            "broker",
            "--default",
            "--set",
            "log.retention.ms=604800001",
        ],
    )
    .succeed();
    let seen = value(broker, &["broker", "--default"], "log.retention.ms");
    assert_eq!(seen, Some("604800001".into()));
    ottla(
        broker,
        &[
            "config",
            "alter",
            "broker",
            "--default",
            "--unset",
            "log.retention.ms",
        ],
    )
    .succeed();
    ottla(
        broker,
        &[
            "config",
            "alter",
            "group",
            "config-group",
            "--set",
            "consumer.session.timeout.ms=46000",
        ],
    )
    .succeed();
    let seen = value(
        broker,
        &["group", "config-group"],
        "consumer.session.timeout.ms",
    );
    assert_eq!(seen, Some("46000".into()));
    let loggers = ottla(broker, &["config", "describe", "broker-logger", "1"]).succeed();
    loggers.says("logger");
}

fn refused(broker: &Broker) {
    ottla(broker, &["topic", "create", "config-bad"]).succeed();
    let change = [
        "config",
        "alter",
        "topic",
        "config-bad",
        "--set",
        "retention.ms=soon",
    ];
    let refused = ottla(broker, &change).refuse();
    assert!(refused.stderr.contains("INVALID_CONFIG"), "{refused}");
    ottla(broker, &["config", "describe", "topic", "no-such-topic"]).refuse();
    misuse(
        ottla(broker, &["config", "alter", "topic", "config-bad"]),
        "--set",
    );
    misuse(
        ottla(broker, &["config", "describe", "topic", "--default"]),
        "--default",
    );
}
