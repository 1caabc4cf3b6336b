//! The keys of a topic's configuration, by name: Kafka 4.4's 37 public ones, its internal one, and
//! ours.

use super::{Check, Kind, Synonym, TopicKey, Unit, Visibility};

const LONG_MAX: &str = "9223372036854775807";

/// Every key, ordered by name.
pub const TOPIC_KEYS: &[TopicKey] = &[
    public(
        (
            "cleanup.policy",
            Kind::List,
            "delete",
            Check::EachOf(&["compact", "delete"]),
        ),
        &[same("log.cleanup.policy", "delete")],
        "What happens to old records: delete drops whole segments by age and size, compact keeps \
         the last record of each key; both may be given, and none keeps everything.",
    ),
    public(
        ("compression.gzip.level", Kind::Int, "-1", Check::GzipLevel),
        &[same("compression.gzip.level", "-1")],
        "Level at which the broker compresses with gzip when compression.type says so.",
    ),
    public(
        (
            "compression.lz4.level",
            Kind::Int,
            "9",
            Check::Within(1, 17),
        ),
        &[same("compression.lz4.level", "9")],
        "Level at which the broker compresses with lz4 when compression.type says so.",
    ),
    public(
        (
            "compression.type",
            Kind::String,
            "producer",
            Check::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        ),
        &[same("compression.type", "producer")],
        "How batches are stored: producer keeps what the producer chose, any other value makes \
         the broker compress anew where it differs.",
    ),
    public(
        (
            "compression.zstd.level",
            Kind::Int,
            "3",
            Check::Within(-131_072, 22),
        ),
        &[same("compression.zstd.level", "3")],
        "Level at which the broker compresses with zstd when compression.type says so.",
    ),
    public(
        (
            "delete.retention.ms",
            Kind::Long,
            "86400000",
            Check::AtLeast(0),
        ),
        &[same("log.cleaner.delete.retention.ms", "86400000")],
        "How long a compacted topic shows the tombstone of a deleted key.",
    ),
    public(
        (
            "errors.deadletterqueue.group.enable",
            Kind::Boolean,
            "false",
            Check::Any,
        ),
        &[],
        "Whether share groups may use the topic as their dead-letter queue; not served yet.",
    ),
    public(
        (
            "file.delete.delay.ms",
            Kind::Long,
            "60000",
            Check::AtLeast(0),
        ),
        &[same("log.segment.delete.delay.ms", "60000")],
        "How long a dropped segment stays on disk before its file is removed.",
    ),
    public(
        ("flush.messages", Kind::Long, LONG_MAX, Check::AtLeast(1)),
        &[same("log.flush.interval.messages", LONG_MAX)],
        "Records after which the log is forced to disk, beside what ottla.flush does.",
    ),
    public(
        ("flush.ms", Kind::Long, LONG_MAX, Check::AtLeast(0)),
        &[
            unset("log.flush.interval.ms"),
            same("log.flush.scheduler.interval.ms", LONG_MAX),
        ],
        "Time after which the log is forced to disk, beside what ottla.flush does.",
    ),
    public(
        (
            "follower.replication.throttled.replicas",
            Kind::List,
            "",
            Check::ThrottledReplicas,
        ),
        &[],
        "Replicas whose catching up is throttled on the receiving side, as partition:broker, or \
         * for all.",
    ),
    public(
        ("index.interval.bytes", Kind::Int, "4096", Check::AtLeast(0)),
        &[same("log.index.interval.bytes", "4096")],
        "Bytes of records between two entries of a segment's offset index.",
    ),
    TopicKey {
        name: "internal.segment.bytes",
        kind: Kind::Int,
        default: None,
        check: Check::AtLeast(1),
        synonyms: &[],
        visibility: Visibility::Internal,
        documentation: "Size at which a segment is full, without the lower bound of \
                        segment.bytes; for tests.",
    },
    public(
        (
            "leader.replication.throttled.replicas",
            Kind::List,
            "",
            Check::ThrottledReplicas,
        ),
        &[],
        "Replicas whose catching up is throttled on the sending side, as partition:broker, or * \
         for all.",
    ),
    public(
        (
            "local.retention.bytes",
            Kind::Long,
            "-2",
            Check::AtLeast(-2),
        ),
        &[same("log.local.retention.bytes", "-2")],
        "Bytes that stay on local disk once they are in remote storage; -2 follows \
         retention.bytes.",
    ),
    public(
        ("local.retention.ms", Kind::Long, "-2", Check::AtLeast(-2)),
        &[same("log.local.retention.ms", "-2")],
        "Time that records stay on local disk once they are in remote storage; -2 follows \
         retention.ms.",
    ),
    public(
        (
            "max.compaction.lag.ms",
            Kind::Long,
            LONG_MAX,
            Check::AtLeast(1),
        ),
        &[same("log.cleaner.max.compaction.lag.ms", LONG_MAX)],
        "Longest time that a record of a compacted topic may wait for compaction.",
    ),
    public(
        (
            "max.decompressed.message.bytes",
            Kind::Int,
            "2147483639",
            Check::Within(1, 2_147_483_639),
        ),
        &[same("max.decompressed.message.bytes", "2147483639")],
        "Largest size that a compressed batch may unfold to.",
    ),
    public(
        ("max.message.bytes", Kind::Int, "1048588", Check::AtLeast(0)),
        &[same("message.max.bytes", "1048588")],
        "Largest batch that the topic takes, as it is stored.",
    ),
    public(
        (
            "message.timestamp.after.max.ms",
            Kind::Long,
            "3600000",
            Check::AtLeast(0),
        ),
        &[same("log.message.timestamp.after.max.ms", "3600000")],
        "How far a record's timestamp may be ahead of the broker's clock.",
    ),
    public(
        (
            "message.timestamp.before.max.ms",
            Kind::Long,
            LONG_MAX,
            Check::AtLeast(0),
        ),
        &[same("log.message.timestamp.before.max.ms", LONG_MAX)],
        "How far a record's timestamp may be behind the broker's clock.",
    ),
    public(
        (
            "message.timestamp.type",
            Kind::String,
            "CreateTime",
            Check::OneOf(&["CreateTime", "LogAppendTime"]),
        ),
        &[same("log.message.timestamp.type", "CreateTime")],
        "Whose clock a record's timestamp shows: the producer's or the broker's.",
    ),
    public(
        (
            "min.cleanable.dirty.ratio",
            Kind::Double,
            "0.5",
            Check::Within(0, 1),
        ),
        &[same("log.cleaner.min.cleanable.ratio", "0.5")],
        "Share of a compacted log that must be uncompacted before compaction starts.",
    ),
    public(
        ("min.compaction.lag.ms", Kind::Long, "0", Check::AtLeast(0)),
        &[same("log.cleaner.min.compaction.lag.ms", "0")],
        "Time for which a record of a compacted topic is left alone.",
    ),
    public(
        ("min.insync.replicas", Kind::Int, "1", Check::AtLeast(1)),
        &[same("min.insync.replicas", "1")],
        "Replicas that must have a record before acks=all is answered; capped by the number of \
         replicas.",
    ),
    TopicKey {
        name: "ottla.flush",
        kind: Kind::String,
        default: Some("fsync"),
        check: Check::OneOf(&["fsync", "async"]),
        synonyms: &[same("ottla.flush", "fsync")],
        visibility: Visibility::Own,
        documentation: "What acknowledged means on each replica: fsync, the record is on disk; \
                        async, it is in the page cache, as in Kafka.",
    },
    public(
        ("preallocate", Kind::Boolean, "false", Check::Any),
        &[same("log.preallocate", "false")],
        "Whether a new segment reserves its whole size on disk at once.",
    ),
    public(
        (
            "remote.copy.lag.bytes",
            Kind::Long,
            "-1",
            Check::AtLeast(-1),
        ),
        &[same("log.remote.copy.lag.bytes", "-1")],
        "Bytes that may wait to be copied to remote storage; -1 follows the local retention.",
    ),
    public(
        ("remote.copy.lag.ms", Kind::Long, "0", Check::AtLeast(-1)),
        &[same("log.remote.copy.lag.ms", "0")],
        "Time that a segment may wait to be copied to remote storage; -1 follows the local \
         retention.",
    ),
    public(
        (
            "remote.log.copy.disable",
            Kind::Boolean,
            "false",
            Check::Any,
        ),
        &[],
        "Whether remote storage takes nothing new from the topic and is only read.",
    ),
    public(
        (
            "remote.log.delete.on.disable",
            Kind::Boolean,
            "false",
            Check::Any,
        ),
        &[],
        "Whether remote data is deleted when remote storage is switched off for the topic.",
    ),
    public(
        ("remote.storage.enable", Kind::Boolean, "false", Check::Any),
        &[],
        "Whether the topic keeps old segments in remote storage; not served yet.",
    ),
    public(
        ("retention.bytes", Kind::Long, "-1", Check::Any),
        &[same("log.retention.bytes", "-1")],
        "Size of a partition beyond which its oldest segments are dropped; below 0 means no \
         bound.",
    ),
    public(
        ("retention.ms", Kind::Long, "604800000", Check::AtLeast(-1)),
        &[
            unset("log.retention.ms"),
            Synonym {
                name: "log.retention.minutes",
                unit: Unit::Minutes,
                default: None,
            },
            hours("log.retention.hours", "168"),
        ],
        "Age beyond which a partition's segments are dropped; -1 means no bound.",
    ),
    public(
        (
            "segment.bytes",
            Kind::Int,
            "1073741824",
            Check::AtLeast(1_048_576),
        ),
        &[same("log.segment.bytes", "1073741824")],
        "Size at which a segment is full and the next one begins.",
    ),
    public(
        (
            "segment.index.bytes",
            Kind::Int,
            "10485760",
            Check::AtLeast(4),
        ),
        &[same("log.index.size.max.bytes", "10485760")],
        "Largest size of a segment's offset index; a full index ends the segment.",
    ),
    public(
        ("segment.jitter.ms", Kind::Long, "0", Check::AtLeast(0)),
        &[
            unset("log.roll.jitter.ms"),
            hours("log.roll.jitter.hours", "0"),
        ],
        "Random time taken off segment.ms, so that segments do not all end at once.",
    ),
    public(
        ("segment.ms", Kind::Long, "604800000", Check::AtLeast(1)),
        &[unset("log.roll.ms"), hours("log.roll.hours", "168")],
        "Age at which a segment ends although it is not full.",
    ),
    public(
        (
            "unclean.leader.election.enable",
            Kind::Boolean,
            "false",
            Check::Any,
        ),
        &[same("unclean.leader.election.enable", "false")],
        "Whether a replica that may lack acknowledged records can be made leader.",
    ),
];

/// The key of this name.
pub fn topic_key(name: &str) -> Option<&'static TopicKey> {
    let at = TOPIC_KEYS.binary_search_by(|key| key.name.cmp(name)).ok()?;
    Some(&TOPIC_KEYS[at])
}

const fn public(
    (name, kind, default, check): (&'static str, Kind, &'static str, Check),
    synonyms: &'static [Synonym],
    documentation: &'static str,
) -> TopicKey {
    TopicKey {
        name,
        kind,
        default: Some(default),
        check,
        synonyms,
        visibility: Visibility::Public,
        documentation,
    }
}

/// A broker setting of the same unit with a default.
const fn same(name: &'static str, default: &'static str) -> Synonym {
    Synonym {
        name,
        unit: Unit::Same,
        default: Some(default),
    }
}

/// A broker setting of the same unit that is not set by default.
const fn unset(name: &'static str) -> Synonym {
    Synonym {
        name,
        unit: Unit::Same,
        default: None,
    }
}

/// A broker setting in hours with a default.
const fn hours(name: &'static str, default: &'static str) -> Synonym {
    Synonym {
        name,
        unit: Unit::Hours,
        default: Some(default),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// One row a key, read off a released Kafka 4.4: name, type, default, valid values,
    /// importance, internal, broker settings.
    const KAFKA: &str = include_str!("../../testdata/kafka-4.4-topic-configs.tsv");

    #[test]
    fn the_table_is_ordered_by_name() {
        assert!(TOPIC_KEYS.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn kafkas_keys_have_kafkas_type_default_range_and_broker_settings() {
        let mut ours: BTreeMap<_, _> = TOPIC_KEYS.iter().map(|key| (key.name, key)).collect();
        for row in KAFKA.lines().skip(1) {
            let columns: Vec<&str> = row.split('\t').collect();
            let name = columns[0];
            let key = ours
                .remove(name)
                .unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(key.kind.name(), columns[1], "{name}");
            let default = columns[2].trim_matches(['[', ']']);
            assert_eq!(key.default.unwrap_or("null"), default, "{name}");
            let internal = key.visibility == Visibility::Internal;
            assert_eq!(internal.to_string(), columns[5], "{name}");
            if !internal {
                assert_eq!(key.check.to_string(), columns[3], "{name}");
            }
            let settings = columns[6].replace("(converted)", "");
            let settings: Vec<&str> = settings.split(',').filter(|one| !one.is_empty()).collect();
            let synonyms: Vec<&str> = key.synonyms.iter().map(|one| one.name).collect();
            assert_eq!(synonyms, settings, "{name}");
        }
        let rest: Vec<_> = ours.keys().copied().collect();
        assert_eq!(rest, ["ottla.flush"]);
        assert!(ours.values().all(|key| key.visibility == Visibility::Own));
    }

    #[test]
    fn each_key_says_in_one_line_what_it_does() {
        for key in TOPIC_KEYS {
            let text = key.documentation;
            assert!(
                text.ends_with('.') && !text.contains(['\n', '\t']),
                "{}",
                key.name
            );
            assert!(!text.contains("  "), "{}", key.name);
        }
    }

    #[test]
    fn only_known_names_are_found() {
        assert_eq!(topic_key("segment.ms").unwrap().name, "segment.ms");
        assert!(topic_key("segment").is_none() && topic_key("").is_none());
    }
}
