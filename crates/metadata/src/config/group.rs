//! The configurations of groups: the keys of Kafka 4.4 that this broker takes.
//!
//! Those are the ones of consumer groups. Kafka's keys of share and streams groups and of
//! dead-letter queues are known here only to be refused by name: nothing would obey them.

use std::collections::BTreeMap;

use super::{Check, ConfigEntry, ConfigSource, ConfigSynonym, Kind, Value};

/// One key of a group's configuration, a number of milliseconds.
#[derive(Debug)]
struct GroupKey {
    name: &'static str,
    default: i32,
    /// What a group may choose from. Kafka has these bounds as settings of the broker; here they
    /// are their defaults.
    bounds: (i32, i32),
    /// The broker setting that is the default.
    broker_setting: &'static str,
    documentation: &'static str,
}

/// Every key, ordered by name.
const GROUP_KEYS: &[GroupKey] = &[
    GroupKey {
        name: "consumer.assignment.interval.ms",
        default: 1_000,
        bounds: (0, 15_000),
        broker_setting: "group.consumer.assignment.interval.ms",
        documentation: "Least time between two assignments of a consumer group.",
    },
    GroupKey {
        name: HEARTBEAT,
        default: 5_000,
        bounds: (5_000, 15_000),
        broker_setting: "group.consumer.heartbeat.interval.ms",
        documentation: "How often a member of a consumer group says that it is alive.",
    },
    GroupKey {
        name: SESSION,
        default: 45_000,
        bounds: (45_000, 60_000),
        broker_setting: "group.consumer.session.timeout.ms",
        documentation: "Silence after which a member of a consumer group is taken to be gone.",
    },
];

const HEARTBEAT: &str = "consumer.heartbeat.interval.ms";
const SESSION: &str = "consumer.session.timeout.ms";

/// What Kafka's other keys of groups begin with.
const NOT_SERVED: &[&str] = &["share.", "streams.", "errors.deadletterqueue."];

/// Why a group cannot have a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGroupConfig {
    /// No such key.
    #[error("unknown group config name: {key}")]
    UnknownKey {
        /// The key as it was given.
        key: String,
    },
    /// Nothing here does what the key asks for, so it is not accepted as if something did.
    #[error("group config {key} is not available in this broker")]
    NotServed {
        /// The key.
        key: String,
    },
    /// The value is not allowed for the key.
    #[error("invalid value {value} for group configuration {key}: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value as it was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A member would be taken to be gone between two signs of life.
    #[error("{SESSION} ({session_ms}) must be greater than {HEARTBEAT} ({heartbeat_ms})")]
    SessionTooShort {
        /// The silence allowed.
        session_ms: i32,
        /// The silence usual.
        heartbeat_ms: i32,
    },
}

/// Checks the configuration of a group as a whole.
pub fn validate_group(configs: &BTreeMap<String, String>) -> Result<(), InvalidGroupConfig> {
    for (name, text) in configs {
        parse(known(name)?, text)?;
    }
    let (session_ms, heartbeat_ms) = (effective(configs, SESSION), effective(configs, HEARTBEAT));
    if session_ms <= heartbeat_ms {
        return Err(InvalidGroupConfig::SessionTooShort {
            session_ms,
            heartbeat_ms,
        });
    }
    Ok(())
}

/// The entries of DescribeConfigs for a group with these overrides, ordered by name.
pub fn describe_group(configs: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
    let entries = GROUP_KEYS.iter().map(|key| {
        let value = effective(configs, key.name).to_string();
        let own = configs.contains_key(key.name).then(|| ConfigSynonym {
            name: key.name,
            value: value.clone(),
            source: ConfigSource::Group,
        });
        let default = ConfigSynonym {
            name: key.broker_setting,
            value: key.default.to_string(),
            source: ConfigSource::Default,
        };
        let synonyms: Vec<_> = own.into_iter().chain([default]).collect();
        ConfigEntry {
            name: key.name,
            value: Some(value),
            source: synonyms[0].source,
            kind: Kind::Int,
            read_only: false,
            sensitive: false,
            synonyms,
            documentation: key.documentation,
        }
    });
    entries.collect()
}

fn known(name: &str) -> Result<&'static GroupKey, InvalidGroupConfig> {
    if let Some(key) = GROUP_KEYS.iter().find(|key| key.name == name) {
        return Ok(key);
    }
    let key = name.to_owned();
    if NOT_SERVED.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(InvalidGroupConfig::NotServed { key });
    }
    Err(InvalidGroupConfig::UnknownKey { key })
}

fn parse(key: &'static GroupKey, text: &str) -> Result<i32, InvalidGroupConfig> {
    let refuse = |reason| InvalidGroupConfig::Value {
        key: key.name,
        value: text.to_owned(),
        reason,
    };
    let mut value = Value::parse(Kind::Int, text).map_err(|error| refuse(error.to_string()))?;
    let (least, most) = key.bounds;
    Check::Within(least.into(), most.into())
        .apply(&mut value)
        .map_err(refuse)?;
    match value {
        Value::Int(value) => Ok(value),
        other => unreachable!("a number was parsed, not {other:?}"),
    }
}

/// The value that counts; one that this broker cannot read counts as not set.
fn effective(configs: &BTreeMap<String, String>, name: &str) -> i32 {
    let key = known(name).expect("a name of the table");
    let own = configs.get(name).and_then(|text| parse(key, text).ok());
    own.unwrap_or(key.default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    #[track_caller]
    fn refused(key: &str, value: &str, words: &str) {
        let refused = validate_group(&configs(&[(key, value)])).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }

    #[test]
    fn values_within_kafkas_bounds_are_taken() {
        let both = [(SESSION, "50000"), (HEARTBEAT, " 6000 ")];
        assert_eq!(validate_group(&configs(&both)), Ok(()));
        refused(SESSION, "44999", "at least 45000");
        refused(SESSION, "60001", "at most 60000");
        refused(HEARTBEAT, "soon", "not a number");
    }

    #[test]
    fn what_nothing_obeys_is_refused_by_name() {
        refused("share.session.timeout.ms", "45000", "not available");
        refused("errors.deadletterqueue.topic.name", "t", "not available");
        refused("session.timeout.ms", "45000", "unknown group config name");
    }

    #[test]
    fn an_override_is_shown_before_the_default() {
        let entries = describe_group(&configs(&[(SESSION, "50000")]));
        let shown = |name: &str| {
            let entry = entries.iter().find(|entry| entry.name == name).unwrap();
            (
                entry.value.as_deref().unwrap(),
                entry.source,
                entry.synonyms.len(),
            )
        };
        assert_eq!(shown(SESSION), ("50000", ConfigSource::Group, 2));
        assert_eq!(shown(HEARTBEAT), ("5000", ConfigSource::Default, 1));
        assert!(GROUP_KEYS.is_sorted_by(|one, next| one.name < next.name));
    }
}
