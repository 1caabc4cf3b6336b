//! Transactions and the topic that holds how they stand.

use crate::config::key::{Check, Key, Kind};

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "transaction.max.timeout.ms",
        Kind::Int,
        Some("900000"),
        Check::AtLeast(1),
        "Longest time that a producer may ask for its transactions.",
    ),
    Key::new(
        "transactional.id.expiration.ms",
        Kind::Int,
        Some("604800000"),
        Check::AtLeast(1),
        "After how long a transactional id that nobody uses is forgotten.",
    ),
    Key::new(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        Kind::Int,
        Some("10000"),
        Check::AtLeast(1),
        "How often transactions that take too long are looked for, and aborted.",
    ),
    Key::new(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        Kind::Int,
        Some("3600000"),
        Check::AtLeast(1),
        "How often transactional ids to forget are looked for.",
    ),
    Key::new(
        "add.partitions.to.txn.retry.backoff.ms",
        Kind::Int,
        Some("20"),
        Check::AtLeast(1),
        "How long a first write waits before it asks again whether the transaction before is complete.",
    ),
    Key::new(
        "add.partitions.to.txn.retry.backoff.max.ms",
        Kind::Int,
        Some("100"),
        Check::AtLeast(0),
        "How long it asks again at most.",
    ),
    Key::new(
        "transaction.state.log.num.partitions",
        Kind::Int,
        Some("50"),
        Check::AtLeast(1),
        "Partitions of the topic that holds transactions; not to be changed once it exists.",
    ),
    Key::new(
        "transaction.state.log.replication.factor",
        Kind::Short,
        Some("3"),
        Check::AtLeast(1),
        "Replicas of the topic that holds transactions; as many as there are brokers, if there are fewer.",
    ),
    Key::new(
        "transaction.state.log.min.isr",
        Kind::Int,
        Some("2"),
        Check::AtLeast(1),
        "min.insync.replicas of the topic that holds transactions.",
    ),
    Key::new(
        "transaction.state.log.segment.bytes",
        Kind::Int,
        Some("104857600"),
        Check::AtLeast(1),
        "Size of the segments of the topic that holds transactions.",
    ),
];
