//! Consumer groups and the topic that holds what they commit.

use crate::config::key::{Check, Key, Kind};

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "group.min.session.timeout.ms",
        Kind::Int,
        Some("6000"),
        Check::Any,
        "Shortest silence after which a consumer may ask to be taken for dead.",
    ),
    Key::new(
        "group.max.session.timeout.ms",
        Kind::Int,
        Some("1800000"),
        Check::Any,
        "Longest such silence.",
    ),
    Key::new(
        "group.initial.rebalance.delay.ms",
        Kind::Int,
        Some("3000"),
        Check::Any,
        "How long the first consumer of an empty group waits for others to come.",
    ),
    Key::new(
        "group.max.size",
        Kind::Int,
        Some("2147483647"),
        Check::AtLeast(1),
        "Most consumers in a group.",
    ),
    Key::new(
        "offset.metadata.max.bytes",
        Kind::Int,
        Some("4096"),
        Check::Any,
        "Longest text that may be committed with an offset.",
    ),
    Key::new(
        "offsets.retention.minutes",
        Kind::Int,
        Some("10080"),
        Check::AtLeast(1),
        "How long the offsets of a group without consumers are kept.",
    ),
    Key::new(
        "offsets.retention.check.interval.ms",
        Kind::Long,
        Some("600000"),
        Check::AtLeast(1),
        "How often offsets to forget are looked for.",
    ),
    Key::new(
        "offsets.topic.num.partitions",
        Kind::Int,
        Some("50"),
        Check::AtLeast(1),
        "Partitions of the topic that holds groups; not to be changed once it exists.",
    ),
    Key::new(
        "offsets.topic.replication.factor",
        Kind::Short,
        Some("3"),
        Check::AtLeast(1),
        "Replicas of the topic that holds groups; as many as there are brokers, if there are fewer.",
    ),
    Key::new(
        "offsets.topic.segment.bytes",
        Kind::Int,
        Some("104857600"),
        Check::AtLeast(1),
        "Size of the segments of the topic that holds groups.",
    ),
    Key::new(
        "ottla.group.lag.listed.max",
        Kind::Int,
        Some("1000"),
        Check::AtLeast(0),
        "Partitions of groups whose lag is in the metrics, the largest first; 0 measures none.",
    ),
    Key::new(
        "ottla.group.lag.interval.ms",
        Kind::Long,
        Some("10000"),
        Check::AtLeast(100),
        "How often the lag of groups is measured.",
    ),
];
