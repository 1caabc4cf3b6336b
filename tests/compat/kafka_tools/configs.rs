//! kafka-configs --describe of topics.

use std::collections::BTreeMap;

use ottla_tests::{Broker, Finished, Suite, Tool};

use crate::create_topic;

/// The public topic settings of Kafka 4.4 with their defaults.
const DEFAULTS: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("compression.gzip.level", "-1"),
    ("compression.lz4.level", "9"),
    ("compression.type", "producer"),
    ("compression.zstd.level", "3"),
    ("delete.retention.ms", "86400000"),
    ("errors.deadletterqueue.group.enable", "false"),
    ("file.delete.delay.ms", "60000"),
    ("flush.messages", "9223372036854775807"),
    ("flush.ms", "9223372036854775807"),
    ("follower.replication.throttled.replicas", ""),
    ("index.interval.bytes", "4096"),
    ("leader.replication.throttled.replicas", ""),
    ("local.retention.bytes", "-2"),
    ("local.retention.ms", "-2"),
    ("max.compaction.lag.ms", "9223372036854775807"),
    ("max.decompressed.message.bytes", "2147483639"),
    ("max.message.bytes", "1048588"),
    ("message.timestamp.after.max.ms", "3600000"),
    ("message.timestamp.before.max.ms", "9223372036854775807"),
    ("message.timestamp.type", "CreateTime"),
    ("min.cleanable.dirty.ratio", "0.5"),
    ("min.compaction.lag.ms", "0"),
    ("min.insync.replicas", "1"),
    ("preallocate", "false"),
    ("remote.copy.lag.bytes", "-1"),
    ("remote.copy.lag.ms", "0"),
    ("remote.log.copy.disable", "false"),
    ("remote.log.delete.on.disable", "false"),
    ("remote.storage.enable", "false"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
    ("segment.bytes", "1073741824"),
    ("segment.index.bytes", "10485760"),
    ("segment.jitter.ms", "0"),
    ("segment.ms", "604800000"),
    ("unclean.leader.election.enable", "false"),
];

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("configs_describes_overrides", overrides)
        .case("configs_describes_every_topic_setting", all)
        .case("configs_names_the_source_of_a_value", sources)
        .case("configs_says_that_a_topic_is_unknown", unknown);
}

fn kafka_configs(broker: &Broker, topic: &str, options: &[&str]) -> Tool {
    Tool::kafka("org.apache.kafka.tools.ConfigCommand")
        .args(["--bootstrap-server", &broker.bootstrap()])
        .args([
            "--describe",
            "--entity-type",
            "topics",
            "--entity-name",
            topic,
        ])
        .args(options)
}

fn overrides(broker: &Broker) {
    let plain = "configs-plain";
    create_topic(broker, plain, &[]);
    kafka_configs(broker, plain, &[])
        .succeed()
        .prints(&["Dynamic configs for topic configs-plain are:"]);
    let topic = "configs-overrides";
    create_topic(broker, topic, &["--config", "retention.ms=5000"]);
    kafka_configs(broker, topic, &[]).succeed().prints(&[
        "Dynamic configs for topic configs-overrides are:",
        "retention.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5000}",
    ]);
}

fn all(broker: &Broker) {
    let topic = "configs-all";
    create_topic(broker, topic, &[]);
    let described = kafka_configs(broker, topic, &["--all"]).succeed();
    described.says("All configs for topic configs-all are:");
    let found = values(&described);
    for (name, value) in DEFAULTS {
        assert_eq!(found.get(name), Some(value), "{name}: {described}");
    }
    for name in found.keys() {
        let is_known = DEFAULTS.iter().any(|(known, _)| known == name);
        assert!(
            is_known || name.starts_with("ottla."),
            "{name} is not Kafka's"
        );
    }
}

fn sources(broker: &Broker) {
    let topic = "configs-sources";
    create_topic(broker, topic, &["--config", "flush.messages=7"]);
    let described = kafka_configs(broker, topic, &["--all"]).succeed();
    for line in [
        "flush.messages=7 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:flush.messages=7, \
         DEFAULT_CONFIG:log.flush.interval.messages=9223372036854775807}",
        "segment.bytes=1073741824 sensitive=false \
         synonyms={DEFAULT_CONFIG:log.segment.bytes=1073741824}",
        "retention.ms=604800000 sensitive=false synonyms={}",
    ] {
        assert!(
            described.lines().contains(&line),
            "{line:?} is not in {described}"
        );
    }
}

fn unknown(broker: &Broker) {
    kafka_configs(broker, "configs-never-was", &[])
        .succeed()
        .says("The topic 'configs-never-was' doesn't exist and doesn't have dynamic config.");
}

/// Name and value of each described setting.
fn values(described: &Finished) -> BTreeMap<&str, &str> {
    described
        .lines()
        .into_iter()
        .filter_map(|line| line.split_once(" sensitive="))
        .filter_map(|(setting, _)| setting.split_once('='))
        .collect()
}
