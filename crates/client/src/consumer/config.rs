//! Where a consumer begins, how much it fetches, and what it gets to see.

use std::time::Duration;

use crate::config::{InvalidSetting, boolean, milliseconds, number};
use crate::partition::{Isolation, OffsetSpec};

/// Where in a partition reading begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StartFrom {
    /// At the first record there.
    Earliest,
    /// At the next record to come.
    Latest,
    /// At this offset.
    Offset(i64),
    /// At the first record with at least this timestamp (milliseconds since the epoch), or the next to come.
    Timestamp(i64),
}

impl StartFrom {
    /// The offset, or the question that has it as its answer.
    pub(super) fn resolve(self) -> Result<i64, OffsetSpec> {
        match self {
            StartFrom::Earliest => Err(OffsetSpec::Earliest),
            StartFrom::Latest => Err(OffsetSpec::Latest),
            StartFrom::Offset(offset) => Ok(offset),
            StartFrom::Timestamp(timestamp) => Err(OffsetSpec::Timestamp(timestamp)),
        }
    }
}

/// What to do at an offset that the log does not have (any more).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OutOfRange {
    /// Go on at the first record there is.
    Earliest,
    /// Go on at the next record to come.
    Latest,
    /// Fail.
    Fail,
}

/// Settings of a [`Consumer`](super::Consumer), with Kafka's defaults.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    /// A fetch waits for this many bytes… (`fetch.min.bytes`).
    pub min_bytes: i32,
    /// …or this long (`fetch.max.wait.ms`).
    pub max_wait: Duration,
    /// A response carries no more, all partitions together (`fetch.max.bytes`)…
    pub fetch_bytes_max: i32,
    /// …and of one partition no more than this (`max.partition.fetch.bytes`); at least one batch always.
    pub partition_bytes_max: i32,
    /// Which records are seen (`isolation.level`).
    pub isolation: Isolation,
    /// Whether checksums are compared (`check.crcs`).
    pub check_crcs: bool,
    /// What to do at an offset that the log does not have (`auto.offset.reset`).
    pub out_of_range: OutOfRange,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        ConsumerConfig {
            min_bytes: 1,
            max_wait: Duration::from_millis(500),
            fetch_bytes_max: 50 * 1024 * 1024,
            partition_bytes_max: 1024 * 1024,
            isolation: Isolation::ReadUncommitted,
            check_crcs: true,
            out_of_range: OutOfRange::Latest,
        }
    }
}

impl ConsumerConfig {
    /// Takes one setting by Kafka's name; `Ok(false)` if the name is none of a consumer's.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, InvalidSetting> {
        match name {
            "fetch.min.bytes" => self.min_bytes = number(name, value, 0)?,
            "fetch.max.wait.ms" => self.max_wait = milliseconds(name, value)?,
            "fetch.max.bytes" => self.fetch_bytes_max = number(name, value, 0)?,
            "max.partition.fetch.bytes" => self.partition_bytes_max = number(name, value, 0)?,
            "check.crcs" => self.check_crcs = boolean(name, value)?,
            "isolation.level" => {
                self.isolation = match value {
                    "read_uncommitted" => Isolation::ReadUncommitted,
                    "read_committed" => Isolation::ReadCommitted,
                    _ => {
                        return Err(InvalidSetting::new(
                            name,
                            value,
                            "must be read_uncommitted or read_committed",
                        ));
                    }
                }
            }
            "auto.offset.reset" => {
                self.out_of_range = match value {
                    "earliest" => OutOfRange::Earliest,
                    "latest" => OutOfRange::Latest,
                    "none" => OutOfRange::Fail,
                    _ => {
                        return Err(InvalidSetting::new(
                            name,
                            value,
                            "must be earliest, latest or none",
                        ));
                    }
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_names_set_the_fields() {
        let mut config = ConsumerConfig::default();
        for (name, value) in [
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "none"),
            ("fetch.min.bytes", "0"),
        ] {
            assert_eq!(config.set(name, value), Ok(true), "{name}");
        }
        assert_eq!(config.isolation, Isolation::ReadCommitted);
        assert_eq!(
            (config.out_of_range, config.min_bytes),
            (OutOfRange::Fail, 0)
        );
        assert_eq!(config.set("acks", "1"), Ok(false));
        assert!(config.set("isolation.level", "serializable").is_err());
    }
}
