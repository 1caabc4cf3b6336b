//! How a producer batches, what it waits for, and when it gives up.

use std::sync::Arc;
use std::time::Duration;

use ottla_platform::clock::{Clock, SystemClock};
use ottla_protocol::records::Compression;

use crate::config::{InvalidSetting, boolean, milliseconds, number};
use crate::limits::PRODUCE_IN_FLIGHT_MAX;

/// When a batch counts as delivered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Acks {
    /// When it is written to the socket. Nobody tells whether it arrived, nor its offset.
    None,
    /// When the leader has it.
    Leader,
    /// When all replicas in sync have it.
    All,
}

impl Acks {
    /// As the request has it.
    pub(super) fn code(self) -> i16 {
        match self {
            Acks::None => 0,
            Acks::Leader => 1,
            Acks::All => -1,
        }
    }
}

impl std::str::FromStr for Acks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "0" => Ok(Acks::None),
            "1" => Ok(Acks::Leader),
            "all" | "-1" => Ok(Acks::All),
            other => Err(format!("\"{other}\" is not 0, 1 or all")),
        }
    }
}

/// Settings of a [`Producer`](super::Producer), with Kafka's defaults.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// When a batch counts as delivered (`acks`).
    pub acks: Acks,
    /// Whether batches carry sequences, so that brokers recognize those sent twice (`enable.idempotence`). Needs
    /// [`Acks::All`]; with less it has no effect.
    pub idempotent: bool,
    /// How batches are packed (`compression.type`).
    pub compression: Compression,
    /// At which of the codec's levels (`compression.*.level`); `None` is its own default.
    pub compression_level: Option<i32>,
    /// A batch is closed at this size before compression (`batch.size`). A larger record gets a batch of its own.
    pub batch_bytes: usize,
    /// A batch waits this long for more records (`linger.ms`).
    pub linger: Duration,
    /// A request carries no more than this, and no record may be larger (`max.request.size`).
    pub request_bytes_max: usize,
    /// Records not yet delivered may hold this much memory; then sending waits (`buffer.memory`).
    pub buffer_bytes: usize,
    /// How long sending may wait for memory (`max.block.ms`).
    pub block_max: Duration,
    /// Requests without an answer per broker, at most five (`max.in.flight.requests.per.connection`).
    pub in_flight_max: usize,
    /// A record that is not delivered after this time fails (`delivery.timeout.ms`).
    pub delivery_timeout: Duration,
    /// Whether the broker may create a topic that does not exist.
    pub create_topics: bool,
    /// Where timestamps of records without one come from.
    pub clock: Arc<dyn Clock>,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        ProducerConfig {
            acks: Acks::All,
            idempotent: true,
            compression: Compression::None,
            compression_level: None,
            batch_bytes: 16 * 1024,
            linger: Duration::from_millis(5),
            request_bytes_max: 1024 * 1024,
            buffer_bytes: 32 * 1024 * 1024,
            block_max: Duration::from_secs(60),
            in_flight_max: PRODUCE_IN_FLIGHT_MAX,
            delivery_timeout: Duration::from_secs(120),
            create_topics: true,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl ProducerConfig {
    /// Takes one setting by Kafka's name; `Ok(false)` if the name is none of a producer's.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, InvalidSetting> {
        match name {
            "acks" => {
                self.acks = value
                    .parse()
                    .map_err(|reason: String| InvalidSetting::new(name, value, reason))?;
            }
            "enable.idempotence" => self.idempotent = boolean(name, value)?,
            "compression.type" => self.compression = compression(name, value)?,
            "compression.gzip.level" | "compression.lz4.level" | "compression.zstd.level" => {
                self.compression_level = Some(number(name, value, i32::MIN)?);
            }
            "batch.size" => self.batch_bytes = number(name, value, 0)?,
            "linger.ms" => self.linger = milliseconds(name, value)?,
            "max.request.size" => self.request_bytes_max = number(name, value, 1)?,
            "buffer.memory" => self.buffer_bytes = number(name, value, 1)?,
            "max.block.ms" => self.block_max = milliseconds(name, value)?,
            "max.in.flight.requests.per.connection" => {
                self.in_flight_max = number(name, value, 1)?.min(PRODUCE_IN_FLIGHT_MAX);
            }
            "delivery.timeout.ms" => self.delivery_timeout = milliseconds(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether batches carry sequences.
    pub(super) fn is_idempotent(&self) -> bool {
        self.idempotent && self.acks == Acks::All
    }
}

fn compression(name: &str, value: &str) -> Result<Compression, InvalidSetting> {
    let known = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    let found = known.into_iter().find(|codec| codec.name() == value);
    found.ok_or_else(|| InvalidSetting::new(name, value, "must be none, gzip, snappy, lz4 or zstd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_names_set_the_fields() {
        let mut config = ProducerConfig::default();
        for (name, value) in [
            ("acks", "1"),
            ("compression.type", "zstd"),
            ("compression.zstd.level", "-5"),
            ("linger.ms", "20"),
            ("batch.size", "1000"),
        ] {
            assert_eq!(config.set(name, value), Ok(true), "{name}");
        }
        assert_eq!(config.acks, Acks::Leader);
        assert_eq!(
            (config.compression, config.compression_level),
            (Compression::Zstd, Some(-5))
        );
        assert_eq!(
            (config.linger, config.batch_bytes),
            (Duration::from_millis(20), 1000)
        );
        assert_eq!(config.set("isolation.level", "read_committed"), Ok(false));
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (name, value) in [
            ("acks", "2"),
            ("compression.type", "zip"),
            ("enable.idempotence", "yes"),
            ("linger.ms", "-1"),
        ] {
            assert!(
                ProducerConfig::default().set(name, value).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn idempotence_needs_all_acks() {
        let mut config = ProducerConfig::default();
        assert!(config.is_idempotent());
        config.acks = Acks::Leader;
        assert!(!config.is_idempotent());
    }
}
