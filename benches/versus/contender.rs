//! Who takes part: a broker with settings.

use clap::ValueEnum;
use ottla_tests::{Kind, Settings};

/// A broker in one of the ways that people run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contender {
    /// Apache Kafka as it comes: acknowledged means in the page cache
    Kafka,
    /// Apache Kafka with log.flush.interval.messages=1: acknowledged means on the disks of all brokers in sync
    KafkaFsync,
    /// Ottla with ottla.flush=async: the same promise as Kafka's
    OttlaAsync,
    /// Ottla as it comes: acknowledged means on disk
    OttlaFsync,
}

impl Contender {
    /// Those that take part if nobody says who.
    pub(crate) const USUAL: [Contender; 3] = [
        Contender::Kafka,
        Contender::OttlaAsync,
        Contender::OttlaFsync,
    ];

    /// Whose broker it is.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Contender::Kafka | Contender::KafkaFsync => Kind::Kafka,
            Contender::OttlaAsync | Contender::OttlaFsync => Kind::Ottla,
        }
    }

    /// What it is started with.
    pub(crate) fn settings(self) -> Settings {
        match self {
            Contender::Kafka | Contender::OttlaFsync => Settings::default(),
            Contender::KafkaFsync => Settings::default().with("log.flush.interval.messages", "1"),
            Contender::OttlaAsync => Settings::default().with("ottla.flush", "async"),
        }
    }
}

impl std::fmt::Display for Contender {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Contender::Kafka => "kafka",
            Contender::KafkaFsync => "kafka (fsync)",
            Contender::OttlaAsync => "ottla (async)",
            Contender::OttlaFsync => "ottla (fsync)",
        })
    }
}
