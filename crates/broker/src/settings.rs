//! A topic's configuration as the parts below want it.

use std::time::Duration;

use ottla_metadata::config::{
    Compression as Stored, Flush, ThrottledReplicas, TimestampType as Stamped, TopicConfig,
};
use ottla_protocol::records::{CheckRules, Compression, TimestampType};
use ottla_replication::{Named, Throttled};
use ottla_storage::{FlushPolicy, LogConfig};

/// What a topic runs with here.
#[derive(Debug)]
pub struct Settings {
    config: TopicConfig,
    log: LogConfig,
    recompress: Option<(Compression, Option<i32>)>,
}

impl Settings {
    /// Settings of a topic, and of its node where topics have no say.
    pub fn new(config: TopicConfig, producer_expiration: Duration) -> Self {
        let log = log_config(&config, producer_expiration);
        let recompress = recompress(config.compression);
        Settings {
            config,
            log,
            recompress,
        }
    }

    /// For its logs.
    pub fn log(&self) -> &LogConfig {
        &self.log
    }

    /// For what producers send.
    pub(crate) fn check_rules(&self, now_ms: i64, zstd_allowed: bool) -> CheckRules {
        let config = &self.config;
        CheckRules {
            max_message_bytes: bytes(config.max_message_bytes),
            max_decompressed_bytes: bytes(config.max_decompressed_message_bytes),
            timestamp_type: timestamp_type(config.message_timestamp_type),
            timestamp_before_max_ms: config.message_timestamp_before_max_ms,
            timestamp_after_max_ms: config.message_timestamp_after_max_ms,
            now_ms,
            compacted: config.cleanup.compact,
            recompress: self.recompress,
            zstd_allowed,
        }
    }

    /// Which replicas of a partition are held up while they do not keep up.
    pub(crate) fn throttled(&self, partition: i32) -> Throttled {
        let named = |replicas: &ThrottledReplicas| match replicas {
            ThrottledReplicas::All => Named::All,
            ThrottledReplicas::Some(replicas) => {
                let here = replicas.iter().filter(|(number, _)| *number == partition);
                Named::Some(here.map(|(_, node)| *node).collect())
            }
        };
        Throttled {
            leaders: named(&self.config.leader_throttled_replicas),
            followers: named(&self.config.follower_throttled_replicas),
        }
    }

    /// No batch can be larger: it would not fit a segment.
    pub(crate) fn segment_bytes(&self) -> usize {
        bytes(self.config.segment_bytes)
    }

    /// How many of a partition's replicas must keep up for producers who wait for all of them.
    pub(crate) fn min_in_sync(&self, replicas: usize) -> usize {
        bytes(self.config.min_insync_replicas).min(replicas)
    }

    /// Whether records may be deleted on request: not where compaction alone says which are kept.
    pub(crate) fn allows_deletion(&self) -> bool {
        self.config.cleanup.delete || !self.config.cleanup.compact
    }
}

fn log_config(config: &TopicConfig, producer_expiration: Duration) -> LogConfig {
    // Without "delete" records are kept however old they are.
    let retained = config.cleanup.delete;
    LogConfig {
        segment_bytes: u32::try_from(config.segment_bytes).unwrap_or(u32::MAX),
        // what is due for compaction must not be in the segment that is written to
        segment_ms: match config.cleanup.compact {
            true => config.segment_ms.min(config.max_compaction_lag_ms),
            false => config.segment_ms,
        },
        segment_jitter_ms: config.segment_jitter_ms,
        index_interval_bytes: u32::try_from(config.index_interval_bytes).unwrap_or(0),
        segment_index_bytes: u32::try_from(config.segment_index_bytes).unwrap_or(0),
        retention_ms: (retained && config.retention_ms >= 0).then_some(config.retention_ms),
        retention_bytes: u64::try_from(config.retention_bytes)
            .ok()
            .filter(|_| retained),
        compact: config.cleanup.compact,
        min_cleanable_dirty_ratio: config.min_cleanable_dirty_ratio,
        min_compaction_lag_ms: config.min_compaction_lag_ms,
        max_compaction_lag_ms: config.max_compaction_lag_ms,
        delete_retention_ms: config.delete_retention_ms,
        timestamp_type: timestamp_type(config.message_timestamp_type),
        flush: match config.flush {
            Flush::Fsync => FlushPolicy::Fsync,
            Flush::Async => FlushPolicy::Async,
        },
        flush_messages: or_never(config.flush_messages),
        flush_ms: or_never(config.flush_ms),
        file_delete_delay_ms: u64::try_from(config.file_delete_delay_ms).unwrap_or(0),
        preallocate: config.preallocate,
        producer_id_expiration_ms: i64::try_from(producer_expiration.as_millis())
            .unwrap_or(i64::MAX),
    }
}

/// Kafka's largest number stands for never.
fn or_never(value: i64) -> u64 {
    match u64::try_from(value) {
        Ok(value) if value < i64::MAX as u64 => value,
        _ => u64::MAX,
    }
}

fn recompress(stored: Stored) -> Option<(Compression, Option<i32>)> {
    match stored {
        Stored::Producer => None,
        Stored::Uncompressed => Some((Compression::None, None)),
        // The library's own choice is what no level says.
        Stored::Gzip(-1) => Some((Compression::Gzip, None)),
        Stored::Gzip(level) => Some((Compression::Gzip, Some(level))),
        Stored::Snappy => Some((Compression::Snappy, None)),
        Stored::Lz4(level) => Some((Compression::Lz4, Some(level))),
        Stored::Zstd(level) => Some((Compression::Zstd, Some(level))),
    }
}

fn timestamp_type(stamped: Stamped) -> TimestampType {
    match stamped {
        Stamped::CreateTime => TimestampType::CreateTime,
        Stamped::LogAppendTime => TimestampType::LogAppendTime,
    }
}

fn bytes(size: i32) -> usize {
    usize::try_from(size).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ottla_metadata::config::TopicDefaults;

    use super::*;

    fn settings(overrides: &[(&str, &str)]) -> Settings {
        let overrides: BTreeMap<String, String> = overrides
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let config = TopicDefaults::default().validate(&overrides).unwrap();
        Settings::new(config, Duration::from_secs(1))
    }

    #[test]
    fn kafkas_defaults_are_the_logs_defaults() {
        let expected = LogConfig {
            producer_id_expiration_ms: 1_000,
            ..LogConfig::default()
        };
        assert_eq!(*settings(&[]).log(), expected);
    }

    #[test]
    fn what_is_only_compacted_is_kept_for_ever() {
        let compacted = settings(&[("cleanup.policy", "compact"), ("retention.bytes", "5")]);
        assert_eq!(compacted.log().retention_ms, None);
        assert_eq!(compacted.log().retention_bytes, None);
        assert!(!compacted.allows_deletion());
        assert!(compacted.check_rules(0, true).compacted);
        let both = settings(&[
            ("cleanup.policy", "compact,delete"),
            ("retention.bytes", "5"),
        ]);
        assert_eq!(both.log().retention_bytes, Some(5));
        assert!(both.allows_deletion());
    }

    #[test]
    fn no_policy_keeps_for_ever_what_may_be_deleted_on_request() {
        let kept = settings(&[("cleanup.policy", "")]);
        assert_eq!(kept.log().retention_ms, None);
        assert!(kept.allows_deletion());
    }

    #[test]
    fn minus_one_is_no_bound() {
        let unbounded = settings(&[("retention.ms", "-1")]);
        assert_eq!(unbounded.log().retention_ms, None);
    }

    #[test]
    fn a_codec_comes_with_its_level() {
        let gzip = settings(&[
            ("compression.type", "gzip"),
            ("compression.gzip.level", "3"),
        ]);
        assert_eq!(
            gzip.check_rules(0, true).recompress,
            Some((Compression::Gzip, Some(3)))
        );
        assert_eq!(settings(&[]).check_rules(0, true).recompress, None);
        let plain = settings(&[("compression.type", "uncompressed")]);
        assert_eq!(
            plain.check_rules(0, true).recompress,
            Some((Compression::None, None))
        );
    }
}
