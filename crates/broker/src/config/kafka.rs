//! Kafka's settings that are not obeyed here, so that an existing `server.properties` starts.
//!
//! | standing | what is known of the key | what happens |
//! |---|---|---|
//! | obeyed | it is in [`super::keys`] | it takes effect |
//! | not needed | its purpose is met in another way, or by nothing to do | one line with all names |
//! | ignored | Kafka 4.4 has it, or 3.9 had it, or a plugin of Kafka reads it | one warning with all names |
//! | unknown | none of these | the start stops, with the nearest name |
//!
//! Ignored settings are not validated: their values mean nothing here.

use super::key::Key;
use super::keys;
use super::nearest::nearest;

/// Name, type, default and checks of the broker settings of Kafka 4.4, one a line after a head line.
const FACTS: &str = include_str!("../../facts/kafka-4.4-broker-configs.tsv");

/// What this broker does with a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It takes effect.
    Obeyed(&'static Key),
    /// Nothing is lost by leaving it aside.
    NotNeeded,
    /// What it asks for does not happen.
    Ignored,
    /// Nobody knows it.
    Unknown,
}

/// What this broker does with the key of this name.
pub(super) fn standing(name: &str) -> Standing {
    if let Some(key) = keys::find(name) {
        Standing::Obeyed(key)
    } else if belongs(name, NOT_NEEDED) {
        Standing::NotNeeded
    } else if names().any(|known| known == name) || belongs(name, ELSEWHERE) {
        Standing::Ignored
    } else {
        Standing::Unknown
    }
}

/// Whether it is a setting of this broker or of Kafka's: what is neither may be a plugin's.
pub(crate) fn is_setting(name: &str) -> bool {
    keys::find(name).is_some()
        || names().any(|known| known == name)
        || name.starts_with(OF_ONE_LISTENER)
}

/// The name that was probably meant: ours first, then Kafka's.
pub(super) fn suggestion(name: &str) -> Option<&'static str> {
    nearest(name, keys::all().map(|key| key.name).chain(names()))
}

/// Every broker setting of Kafka 4.4.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FACTS
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
}

/// Whether a name is one of the patterns or, where a pattern ends in a dot, begins with it.
fn belongs(name: &str, patterns: &[&str]) -> bool {
    patterns
        .iter()
        .any(|pattern| match name.strip_prefix(pattern) {
            Some(rest) => rest.is_empty() != pattern.ends_with('.'),
            None => false,
        })
}

/// KRaft's own quorum, thread pools, purgatories, checkpoints and JMX: done in other ways here.
const NOT_NEEDED: &[&str] = &[
    "auto.include.jmx.reporter",
    "background.threads",
    "broker.heartbeat.interval.ms",
    "broker.id.generation.enable",
    "controlled.shutdown.enable",
    "controlled.shutdown.max.retries",
    "controlled.shutdown.retry.backoff.ms",
    "controller.performance.",
    "controller.quorum.",
    "controller.socket.timeout.ms",
    "delete.records.purgatory.purge.interval.requests",
    "early.start.listeners",
    "eligible.leader.replicas.enable",
    "fetch.purgatory.purge.interval.requests",
    "group.coordinator.background.threads",
    "group.coordinator.new.enable",
    "group.coordinator.threads",
    "initial.broker.registration.timeout.ms",
    "inter.broker.protocol.version",
    "internal.metadata.",
    "kafka.metrics.",
    "log.flush.offset.checkpoint.interval.ms",
    "log.flush.start.offset.checkpoint.interval.ms",
    "log.message.format.version",
    "metadata.log.",
    "metadata.max.",
    "metric.reporters",
    "metrics.",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.alter.log.dirs.threads",
    "num.replica.fetchers",
    "password.encoder.",
    "producer.purgatory.purge.interval.requests",
    "queued.max.requests",
    "replica.fetch.",
    "replica.high.watermark.checkpoint.interval.ms",
    "replica.socket.",
    "reserved.broker.max.id",
    "server.max.startup.time.ms",
    "share.coordinator.threads",
    "share.fetch.purgatory.purge.interval.requests",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
    "zookeeper.",
];

/// How names of settings of one listener begin.
const OF_ONE_LISTENER: &str = "listener.name.";

/// Keys outside the table of 4.4: those that 3.9 still had, those that Kafka hands to a plugin, and
/// those of one listener.
const ELSEWHERE: &[&str] = &[
    "allow.everyone.if.no.acl.found",
    "config.providers.",
    "control.plane.listener.name",
    "delegation.token.master.key",
    "group.share.enable",
    "group.share.max.groups",
    "leader.imbalance.per.broker.percentage",
    OF_ONE_LISTENER,
    "log.message.downconversion.enable",
    "log.message.timestamp.difference.max.ms",
    "offsets.commit.required.acks",
    "rlmm.config.",
    "rsm.config.",
    "super.users",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ottla_metadata::config::{broker_setting, dynamic_broker_setting};

    use super::*;

    fn check(name: &str, expected: &str) {
        let found = match standing(name) {
            Standing::Obeyed(_) => "obeyed",
            Standing::NotNeeded => "not needed",
            Standing::Ignored => "ignored",
            Standing::Unknown => "unknown",
        };
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn each_key_has_one_standing() {
        check("listeners", "obeyed");
        check("ottla.flush", "obeyed");
        check("controller.quorum.voters", "not needed");
        check("num.network.threads", "not needed");
        check("zookeeper.connect", "not needed");
        check("offsets.topic.replication.factor", "obeyed");
        check(
            "share.coordinator.state.topic.replication.factor",
            "ignored",
        );
        check("authorizer.class.name", "ignored");
        check("super.users", "ignored");
        check("listener.name.external.ssl.keystore.location", "ignored");
        check("log.retention.sec", "unknown");
        check("controller.quorum.", "unknown");
        check("ottla.nothing", "unknown");
        check("", "unknown");
    }

    #[test]
    fn every_broker_setting_of_kafka_is_known() {
        let public = FACTS
            .lines()
            .skip(1)
            .filter(|line| line.split('\t').nth(5) == Some("false"));
        assert_eq!(public.count(), 350);
        for name in names() {
            assert!(!matches!(standing(name), Standing::Unknown), "{name}");
        }
    }

    #[test]
    fn every_pattern_stands_for_something_of_its_own() {
        let patterns: BTreeSet<_> = NOT_NEEDED.iter().chain(ELSEWHERE).collect();
        assert_eq!(patterns.len(), NOT_NEEDED.len() + ELSEWHERE.len());
        for pattern in patterns {
            assert!(
                keys::all().all(|key| !belongs(key.name, &[pattern])),
                "{pattern}"
            );
        }
        for name in ELSEWHERE {
            assert!(
                names().all(|known| known != *name),
                "{name} is in the table"
            );
        }
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        for (typed, meant) in [
            ("log.retention.sec", "log.retention.ms"),
            ("advertised.listener", "advertised.listeners"),
            ("lisetners", "listeners"),
            ("ottla.fsync", "ottla.flush"),
            ("num.io.thread", "num.io.threads"),
        ] {
            assert_eq!(suggestion(typed), Some(meant), "{typed}");
        }
        assert_eq!(suggestion("x"), None);
        assert_eq!(suggestion("com.example.plugin.setting"), None);
    }

    /// Types, checks and defaults are Kafka's, but for these few, on purpose.
    #[test]
    fn obeyed_keys_are_as_kafka_defines_them() {
        let defaults = [
            "node.id",
            "process.roles",
            "controller.listener.names",
            "log.dirs",
            "log.dir",
            "listeners",
            "listener.security.protocol.map",
            "queued.max.request.bytes",
            "socket.send.buffer.bytes",
            "socket.receive.buffer.bytes",
        ];
        for line in FACTS.lines().skip(1) {
            let fields: Vec<_> = line.split('\t').collect();
            let Some(key) = keys::find(fields[0]) else {
                continue;
            };
            assert_eq!(
                format!("{:?}", key.kind).to_uppercase(),
                fields[1],
                "{}",
                key.name
            );
            if defaults.contains(&key.name) {
                continue;
            }
            let default = fields[2].trim_matches(['[', ']']);
            let default = (default != "null").then(|| key.read(default).unwrap().to_string());
            assert_eq!(key.default.map(str::to_owned), default, "{}", key.name);
        }
        let own = keys::all().filter(|key| names().all(|known| known != key.name));
        assert!(own.into_iter().all(|key| key.name.starts_with("ottla.")));
    }

    /// What can be changed while brokers run is what Kafka says; what else it lets change does not act at once here.
    #[test]
    fn settings_that_change_at_run_time_are_those_of_kafka_that_topics_get_their_defaults_from() {
        for line in FACTS.lines().skip(1) {
            let fields: Vec<_> = line.split('\t').collect();
            let (name, mode) = (fields[0], fields[6]);
            let is_default_of_topics = keys::find(name).is_some() && broker_setting(name).is_some();
            let dynamic = is_default_of_topics && mode == "cluster-wide";
            assert_eq!(dynamic_broker_setting(name).is_some(), dynamic, "{name}");
        }
        for name in keys::all().map(|key| key.name) {
            let known = dynamic_broker_setting(name).is_some();
            let of_kafka = names().any(|one| one == name);
            assert!(of_kafka || known == (name == "ottla.flush"), "{name}");
        }
    }

    /// What Kafka 4.4's `ConfigDef` answered when it was given each of these values.
    #[test]
    fn values_are_accepted_exactly_where_kafka_accepts_them() {
        const ANSWERS: &str = include_str!("../../facts/kafka-4.4-config-values.tsv");
        // Stricter on purpose: Kafka takes these and fails later, or not at all.
        let stricter = [
            "default.replication.factor",
            "socket.send.buffer.bytes",
            "socket.receive.buffer.bytes",
        ];
        let mut lines = ANSWERS.lines().map(|line| line.split_once('\t').unwrap());
        let (_, values) = lines.next().unwrap();
        for (name, answers) in lines {
            let key = keys::find(name).unwrap();
            for (value, accepted) in values.split('|').zip(answers.chars()) {
                let read = key.read(value);
                let strict = stricter.contains(&name) && read.is_err();
                assert!(
                    strict || read.is_ok() == (accepted == 'y'),
                    "{name}={value:?}: {read:?}"
                );
            }
        }
    }
}
