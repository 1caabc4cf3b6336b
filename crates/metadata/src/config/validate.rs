//! Whether a topic may have a set of overrides, and what it runs with then.

use std::collections::BTreeMap;

use super::resolved::Values;
use super::{TopicConfig, TopicDefaults, TopicKey, Value, topic_key};

/// Why a topic cannot have a configuration. Each names the key, and the value where it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// No such key.
    #[error("unknown topic config name: {key}")]
    UnknownKey {
        /// The key as it was given.
        key: String,
    },
    /// Keys without a value.
    #[error("topic configs without a value: {}", keys.join(","))]
    Null {
        /// The keys as they were given.
        keys: Vec<String>,
    },
    /// The value is not allowed for the key.
    #[error("invalid value {value} for configuration {key}: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value as it was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two keys contradict each other.
    #[error("min.compaction.lag.ms ({min_ms}) is above max.compaction.lag.ms ({max_ms})")]
    CompactionLags {
        /// The lower bound.
        min_ms: i64,
        /// The upper bound.
        max_ms: i64,
    },
    /// Nothing here does what the key asks for, so it is not accepted as if something did.
    #[error("{key}=true cannot be set: {reason}")]
    NotServed {
        /// The key.
        key: &'static str,
        /// What is missing.
        reason: &'static str,
    },
}

impl TopicDefaults {
    /// Checks the overrides of a topic as a whole and gives what the topic runs with.
    pub fn validate(
        &self,
        overrides: &BTreeMap<String, String>,
    ) -> Result<TopicConfig, InvalidConfig> {
        let mut values = self.values().clone();
        let keys = overrides
            .keys()
            .map(|name| known(name))
            .collect::<Result<Vec<_>, _>>()?;
        for (key, text) in keys.into_iter().zip(overrides.values()) {
            values.set(key, parse(key, text)?);
        }
        let config = values.to_config();
        check_served(&config)?;
        check_lags(&config)?;
        Ok(config)
    }

    /// What a topic with these overrides runs with. They were checked when they were written; one
    /// that this broker cannot read, because a newer one wrote it, counts as not set.
    pub fn resolve(&self, overrides: &BTreeMap<String, String>) -> TopicConfig {
        self.merged(overrides).to_config()
    }

    pub(super) fn merged(&self, overrides: &BTreeMap<String, String>) -> Values {
        let mut values = self.values().clone();
        for (name, text) in overrides {
            if let Some(key) = topic_key(name)
                && let Ok(value) = parse(key, text)
            {
                values.set(key, value);
            }
        }
        values
    }
}

fn known(name: &str) -> Result<&'static TopicKey, InvalidConfig> {
    topic_key(name).ok_or_else(|| InvalidConfig::UnknownKey {
        key: name.to_owned(),
    })
}

fn parse(key: &'static TopicKey, text: &str) -> Result<Value, InvalidConfig> {
    let refuse = |reason| InvalidConfig::Value {
        key: key.name,
        value: text.to_owned(),
        reason,
    };
    let mut value = Value::parse(key.kind, text).map_err(|error| refuse(error.to_string()))?;
    key.check.apply(&mut value).map_err(refuse)?;
    Ok(value)
}

fn check_served(config: &TopicConfig) -> Result<(), InvalidConfig> {
    if config.remote_storage_enable {
        return Err(InvalidConfig::NotServed {
            key: "remote.storage.enable",
            reason: "tiered storage is not available in this broker",
        });
    }
    if config.dead_letter_queue_enabled {
        return Err(InvalidConfig::NotServed {
            key: "errors.deadletterqueue.group.enable",
            reason: "dead-letter queues are not available in this broker",
        });
    }
    Ok(())
}

fn check_lags(config: &TopicConfig) -> Result<(), InvalidConfig> {
    let (min_ms, max_ms) = (config.min_compaction_lag_ms, config.max_compaction_lag_ms);
    if min_ms > max_ms {
        return Err(InvalidConfig::CompactionLags { min_ms, max_ms });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CleanupPolicy, Compression, Flush, ThrottledReplicas};
    use ottla_protocol::types::NodeId;

    fn validate(overrides: &[(&str, &str)]) -> Result<TopicConfig, InvalidConfig> {
        let overrides = overrides
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        TopicDefaults::default().validate(&overrides.collect())
    }

    #[track_caller]
    fn takes(key: &str, values: &[&str]) {
        for value in values {
            assert!(
                validate(&[(key, value)]).is_ok(),
                "{key}={value:?} was refused"
            );
        }
    }

    #[track_caller]
    fn refuses(key: &str, values: &[&str]) {
        for value in values {
            match validate(&[(key, value)]) {
                Err(InvalidConfig::Value {
                    key: named,
                    value: shown,
                    ..
                }) => {
                    assert_eq!((named, shown.as_str()), (key, *value));
                }
                other => panic!("{key}={value:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn values_are_taken_and_refused_as_kafka_does() {
        takes(
            "cleanup.policy",
            &[
                "",
                " ",
                "delete",
                " delete , compact ",
                "delete,delete,compact",
            ],
        );
        refuses(
            "cleanup.policy",
            &[
                "x",
                ",",
                "Delete",
                "delete,",
                "delete,,compact",
                "compact,x",
            ],
        );
        takes(
            "retention.ms",
            &["-1", "0", " 5 ", "+5", "-0", "9223372036854775807"],
        );
        refuses(
            "retention.ms",
            &[
                "-2",
                "1_000",
                "1.0",
                "",
                "9223372036854775808",
                "0x10",
                "5L",
            ],
        );
        takes("retention.bytes", &["-5", "-9223372036854775808", "0"]);
        takes("segment.bytes", &["1048576", "2147483647"]);
        refuses("segment.bytes", &["1048575", "2147483648", "abc"]);
        takes("internal.segment.bytes", &["14"]);
        refuses("internal.segment.bytes", &["", "0"]);
        takes(
            "compression.type",
            &["gzip", " gzip ", "uncompressed", "producer"],
        );
        refuses("compression.type", &["GZIP", "none", ""]);
        takes("compression.gzip.level", &["-1", "1", "9"]);
        refuses("compression.gzip.level", &["0", "10", "-2", ""]);
        takes("compression.lz4.level", &["1", "17"]);
        refuses("compression.lz4.level", &["0", "18", "-1"]);
        takes("compression.zstd.level", &["0", "22", "-131072"]);
        refuses("compression.zstd.level", &["23", "-131073"]);
        takes(
            "min.cleanable.dirty.ratio",
            &["0", "1", "NaN", "1e-1", "0.5d", ".5", " +0.5 "],
        );
        refuses(
            "min.cleanable.dirty.ratio",
            &["1.1", "-0.1", "5.", "Infinity", "1e", "nan", ""],
        );
        takes("preallocate", &["true", "TRUE", "False", " true "]);
        refuses("preallocate", &["yes", "1", ""]);
        takes("message.timestamp.type", &["CreateTime", " LogAppendTime "]);
        refuses("message.timestamp.type", &["createtime"]);
        for key in [
            "leader.replication.throttled.replicas",
            "follower.replication.throttled.replicas",
        ] {
            takes(
                key,
                &["", "*", " * ", "0:1", " 0:1 , 1:2 ", "0:1,0:1", "0:1,", ","],
            );
            refuses(
                key,
                &[
                    "x", "0", "0:1:2", "a:b", "*,0:1", "0:1,*", "*,*", "-1:0", "0:", "none",
                ],
            );
        }
        takes("ottla.flush", &["fsync", "async"]);
        refuses("ottla.flush", &["", "Fsync", "sync"]);
    }

    #[test]
    fn each_lower_bound_is_inclusive() {
        for (key, least) in [
            ("min.insync.replicas", 1),
            ("max.message.bytes", 0),
            ("max.decompressed.message.bytes", 1),
            ("local.retention.ms", -2),
            ("local.retention.bytes", -2),
            ("remote.copy.lag.ms", -1),
            ("remote.copy.lag.bytes", -1),
            ("segment.ms", 1),
            ("segment.jitter.ms", 0),
            ("segment.index.bytes", 4),
            ("flush.messages", 1),
            ("flush.ms", 0),
            ("max.compaction.lag.ms", 1),
            ("min.compaction.lag.ms", 0),
            ("index.interval.bytes", 0),
            ("file.delete.delay.ms", 0),
            ("delete.retention.ms", 0),
            ("message.timestamp.before.max.ms", 0),
            ("message.timestamp.after.max.ms", 0),
        ] {
            takes(key, &[&least.to_string()]);
            refuses(key, &[&(least - 1).to_string()]);
        }
        refuses("max.decompressed.message.bytes", &["2147483640"]);
    }

    #[test]
    fn what_was_validated_becomes_typed() {
        let config = validate(&[
            ("cleanup.policy", "compact"),
            ("compression.type", "zstd"),
            ("compression.zstd.level", "-5"),
            ("ottla.flush", "async"),
            ("leader.replication.throttled.replicas", "*"),
            (
                "follower.replication.throttled.replicas",
                "0:1,,7:99999999999",
            ),
            ("segment.bytes", "2000000"),
        ])
        .unwrap();
        assert_eq!(
            config.cleanup,
            CleanupPolicy {
                compact: true,
                delete: false
            }
        );
        assert_eq!(config.compression, Compression::Zstd(-5));
        assert_eq!(config.flush, Flush::Async);
        assert_eq!(config.leader_throttled_replicas, ThrottledReplicas::All);
        let one = ThrottledReplicas::Some(vec![(0, NodeId(1))]);
        assert_eq!(config.follower_throttled_replicas, one);
        assert_eq!(config.segment_bytes, 2_000_000);
        let small = validate(&[
            ("segment.bytes", "2000000"),
            ("internal.segment.bytes", "9"),
        ]);
        assert_eq!(small.unwrap().segment_bytes, 9);
        let keep = validate(&[("cleanup.policy", "")]).unwrap().cleanup;
        assert_eq!(
            keep,
            CleanupPolicy {
                compact: false,
                delete: false
            }
        );
    }

    #[test]
    fn lags_are_compared_with_the_brokers_defaults_too() {
        let refused = InvalidConfig::CompactionLags {
            min_ms: 10,
            max_ms: 5,
        };
        let both = [
            ("min.compaction.lag.ms", "10"),
            ("max.compaction.lag.ms", "5"),
        ];
        assert_eq!(validate(&both), Err(refused.clone()));
        let broker = [(
            "log.cleaner.max.compaction.lag.ms".to_owned(),
            "5".to_owned(),
        )];
        let defaults = TopicDefaults::new(&broker.into()).unwrap();
        let overrides = [("min.compaction.lag.ms".to_owned(), "10".to_owned())];
        assert_eq!(defaults.validate(&overrides.into()), Err(refused));
    }

    #[test]
    fn what_nothing_serves_is_refused_and_switching_it_off_is_not() {
        for key in [
            "remote.storage.enable",
            "errors.deadletterqueue.group.enable",
        ] {
            let refused = validate(&[(key, "true")]).unwrap_err();
            assert!(matches!(refused, InvalidConfig::NotServed { .. }));
            assert!(
                refused.to_string().starts_with(&format!("{key}=true")),
                "{refused}"
            );
            takes(key, &["false"]);
        }
    }

    #[test]
    fn an_unknown_key_is_named() {
        let refused = validate(&[("retention.msec", "5")]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "unknown topic config name: retention.msec"
        );
    }

    #[test]
    fn resolving_skips_what_this_broker_cannot_read() {
        let overrides = [
            ("from.the.future", "1"),
            ("segment.ms", "soon"),
            ("flush.ms", "7"),
        ];
        let overrides = overrides
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let config = TopicDefaults::default().resolve(&overrides);
        assert_eq!((config.segment_ms, config.flush_ms), (604_800_000, 7));
    }
}
