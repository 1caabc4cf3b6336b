//! How topics come and go, and limits of single requests about them.

use crate::config::key::{Check, Key, Kind};

/// Kafka's names; classes of one's own cannot be loaded here.
const REPLICA_SELECTORS: &[&str] = &[
    "org.apache.kafka.common.replica.LeaderSelector",
    "org.apache.kafka.common.replica.RackAwareReplicaSelector",
];

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "auto.create.topics.enable",
        Kind::Boolean,
        Some("true"),
        Check::Any,
        "Whether a topic that a client asks for is created.",
    ),
    Key::new(
        "delete.topic.enable",
        Kind::Boolean,
        Some("true"),
        Check::Any,
        "Whether topics can be deleted.",
    ),
    Key::new(
        "num.partitions",
        Kind::Int,
        Some("1"),
        Check::AtLeast(1),
        "Partitions of a topic created without a number.",
    ),
    Key::new(
        "default.replication.factor",
        Kind::Int,
        Some("1"),
        Check::Between(1, 32767),
        "Replicas of a topic created without a number.",
    ),
    Key::new(
        "fetch.max.bytes",
        Kind::Int,
        Some("57671680"),
        Check::AtLeast(1024),
        "Most bytes in one answer to a fetch, whatever the client allows.",
    ),
    Key::new(
        "replica.selector.class",
        Kind::String,
        None,
        Check::OneOf(REPLICA_SELECTORS),
        "Which replica consumers are told to read from: unset or LeaderSelector, the leader; \
         RackAwareReplicaSelector, one in the rack of the consumer (client.rack).",
    ),
    Key::new(
        "max.incremental.fetch.session.cache.slots",
        Kind::Int,
        Some("1000"),
        Check::AtLeast(0),
        "Incremental fetch sessions kept at once.",
    ),
    Key::new(
        "max.request.partition.size.limit",
        Kind::Int,
        Some("2000"),
        Check::AtLeast(1),
        "Most partitions in one answer to DescribeTopicPartitions.",
    ),
    Key::new(
        "producer.id.expiration.ms",
        Kind::Int,
        Some("86400000"),
        Check::AtLeast(1),
        "A producer that wrote nothing for this long is forgotten.",
    ),
    Key::new(
        "producer.id.expiration.check.interval.ms",
        Kind::Int,
        Some("600000"),
        Check::AtLeast(1),
        "How often producers to forget are looked for.",
    ),
];
