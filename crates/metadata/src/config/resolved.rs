//! The configuration that a topic runs with: every key resolved to a typed value.

use ottla_protocol::types::NodeId;

use super::{TOPIC_KEYS, TopicKey, Value};

/// A topic's effective configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// `cleanup.policy`.
    pub cleanup: CleanupPolicy,
    /// `compression.type` with the level that belongs to it.
    pub compression: Compression,
    /// `delete.retention.ms`.
    pub delete_retention_ms: i64,
    /// `errors.deadletterqueue.group.enable`.
    pub dead_letter_queue_enabled: bool,
    /// `file.delete.delay.ms`.
    pub file_delete_delay_ms: i64,
    /// `ottla.flush`.
    pub flush: Flush,
    /// `flush.messages`.
    pub flush_messages: i64,
    /// `flush.ms`.
    pub flush_ms: i64,
    /// `follower.replication.throttled.replicas`.
    pub follower_throttled_replicas: ThrottledReplicas,
    /// `index.interval.bytes`.
    pub index_interval_bytes: i32,
    /// `leader.replication.throttled.replicas`.
    pub leader_throttled_replicas: ThrottledReplicas,
    /// `local.retention.bytes`; -2 follows `retention_bytes`.
    pub local_retention_bytes: i64,
    /// `local.retention.ms`; -2 follows `retention_ms`.
    pub local_retention_ms: i64,
    /// `max.compaction.lag.ms`.
    pub max_compaction_lag_ms: i64,
    /// `max.decompressed.message.bytes`.
    pub max_decompressed_message_bytes: i32,
    /// `max.message.bytes`.
    pub max_message_bytes: i32,
    /// `message.timestamp.after.max.ms`.
    pub message_timestamp_after_max_ms: i64,
    /// `message.timestamp.before.max.ms`.
    pub message_timestamp_before_max_ms: i64,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `min.cleanable.dirty.ratio`.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`.
    pub min_compaction_lag_ms: i64,
    /// `min.insync.replicas`.
    pub min_insync_replicas: i32,
    /// `preallocate`.
    pub preallocate: bool,
    /// `remote.copy.lag.bytes`.
    pub remote_copy_lag_bytes: i64,
    /// `remote.copy.lag.ms`.
    pub remote_copy_lag_ms: i64,
    /// `remote.log.copy.disable`.
    pub remote_log_copy_disable: bool,
    /// `remote.log.delete.on.disable`.
    pub remote_log_delete_on_disable: bool,
    /// `remote.storage.enable`.
    pub remote_storage_enable: bool,
    /// `retention.bytes`; negative is no bound.
    pub retention_bytes: i64,
    /// `retention.ms`; -1 is no bound.
    pub retention_ms: i64,
    /// `segment.bytes`, or `internal.segment.bytes` where that is set.
    pub segment_bytes: i32,
    /// `segment.index.bytes`.
    pub segment_index_bytes: i32,
    /// `segment.jitter.ms`.
    pub segment_jitter_ms: i64,
    /// `segment.ms`.
    pub segment_ms: i64,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election_enable: bool,
}

/// What happens to old records; neither keeps everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// The last record of each key is kept.
    pub compact: bool,
    /// Segments are dropped by age and size.
    pub delete: bool,
}

/// How the broker stores batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As the producer sent them.
    Producer,
    /// Uncompressed.
    Uncompressed,
    /// With gzip at this level; -1 is the library's own choice.
    Gzip(i32),
    /// With snappy.
    Snappy,
    /// With lz4 at this level.
    Lz4(i32),
    /// With zstd at this level.
    Zstd(i32),
}

/// What an acknowledged record has survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// It is on disk.
    Fsync,
    /// It is in the page cache.
    Async,
}

/// Whose clock a record's timestamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's.
    LogAppendTime,
}

/// Replicas whose catching up is throttled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThrottledReplicas {
    /// All of the topic.
    All,
    /// Those of these partitions on these brokers.
    Some(Vec<(i32, NodeId)>),
}

/// One value for each key that has one, in the order of the table.
#[derive(Clone, Debug)]
pub(super) struct Values(Vec<Option<Value>>);

impl Values {
    pub(super) fn new() -> Self {
        Self(vec![None; TOPIC_KEYS.len()])
    }

    pub(super) fn get(&self, key: &TopicKey) -> Option<&Value> {
        self.0[place(key.name)].as_ref()
    }

    pub(super) fn set(&mut self, key: &TopicKey, value: Value) {
        self.0[place(key.name)] = Some(value);
    }

    pub(super) fn set_default(&mut self, key: &TopicKey) {
        let parse = |text| Value::parse(key.kind, text).expect("the table's defaults are valid");
        self.0[place(key.name)] = key.default.map(parse);
    }

    /// The typed form.
    pub(super) fn to_config(&self) -> TopicConfig {
        TopicConfig {
            cleanup: self.cleanup(),
            compression: self.compression(),
            delete_retention_ms: self.long("delete.retention.ms"),
            dead_letter_queue_enabled: self.boolean("errors.deadletterqueue.group.enable"),
            file_delete_delay_ms: self.long("file.delete.delay.ms"),
            flush: self.flush(),
            flush_messages: self.long("flush.messages"),
            flush_ms: self.long("flush.ms"),
            follower_throttled_replicas: self.replicas("follower.replication.throttled.replicas"),
            index_interval_bytes: self.int("index.interval.bytes"),
            leader_throttled_replicas: self.replicas("leader.replication.throttled.replicas"),
            local_retention_bytes: self.long("local.retention.bytes"),
            local_retention_ms: self.long("local.retention.ms"),
            max_compaction_lag_ms: self.long("max.compaction.lag.ms"),
            max_decompressed_message_bytes: self.int("max.decompressed.message.bytes"),
            max_message_bytes: self.int("max.message.bytes"),
            message_timestamp_after_max_ms: self.long("message.timestamp.after.max.ms"),
            message_timestamp_before_max_ms: self.long("message.timestamp.before.max.ms"),
            message_timestamp_type: self.timestamp_type(),
            min_cleanable_dirty_ratio: self.double("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: self.long("min.compaction.lag.ms"),
            min_insync_replicas: self.int("min.insync.replicas"),
            preallocate: self.boolean("preallocate"),
            remote_copy_lag_bytes: self.long("remote.copy.lag.bytes"),
            remote_copy_lag_ms: self.long("remote.copy.lag.ms"),
            remote_log_copy_disable: self.boolean("remote.log.copy.disable"),
            remote_log_delete_on_disable: self.boolean("remote.log.delete.on.disable"),
            remote_storage_enable: self.boolean("remote.storage.enable"),
            retention_bytes: self.long("retention.bytes"),
            retention_ms: self.long("retention.ms"),
            segment_bytes: self.segment_bytes(),
            segment_index_bytes: self.int("segment.index.bytes"),
            segment_jitter_ms: self.long("segment.jitter.ms"),
            segment_ms: self.long("segment.ms"),
            unclean_leader_election_enable: self.boolean("unclean.leader.election.enable"),
        }
    }

    fn cleanup(&self) -> CleanupPolicy {
        let policies = self.list("cleanup.policy");
        let has = |name: &str| policies.iter().any(|policy| policy == name);
        CleanupPolicy {
            compact: has("compact"),
            delete: has("delete"),
        }
    }

    fn compression(&self) -> Compression {
        match self.text("compression.type") {
            "uncompressed" => Compression::Uncompressed,
            "gzip" => Compression::Gzip(self.int("compression.gzip.level")),
            "snappy" => Compression::Snappy,
            "lz4" => Compression::Lz4(self.int("compression.lz4.level")),
            "zstd" => Compression::Zstd(self.int("compression.zstd.level")),
            _ => Compression::Producer,
        }
    }

    fn flush(&self) -> Flush {
        match self.text("ottla.flush") {
            "async" => Flush::Async,
            _ => Flush::Fsync,
        }
    }

    fn timestamp_type(&self) -> TimestampType {
        match self.text("message.timestamp.type") {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        }
    }

    fn segment_bytes(&self) -> i32 {
        match &self.0[place("internal.segment.bytes")] {
            Some(Value::Int(size)) => *size,
            _ => self.int("segment.bytes"),
        }
    }

    fn replicas(&self, name: &str) -> ThrottledReplicas {
        let items = self.list(name);
        if items.iter().any(|item| item == "*") {
            return ThrottledReplicas::All;
        }
        // A number too large for a partition or a broker names none, so it is left out.
        let parse = |item: &String| {
            let (partition, broker) = item.split_once(':')?;
            Some((partition.parse().ok()?, NodeId(broker.parse().ok()?)))
        };
        ThrottledReplicas::Some(items.iter().filter_map(parse).collect())
    }

    fn boolean(&self, name: &str) -> bool {
        match self.of(name) {
            Value::Boolean(value) => *value,
            other => mistyped(name, other),
        }
    }

    fn int(&self, name: &str) -> i32 {
        match self.of(name) {
            Value::Int(value) => *value,
            other => mistyped(name, other),
        }
    }

    fn long(&self, name: &str) -> i64 {
        match self.of(name) {
            Value::Long(value) => *value,
            other => mistyped(name, other),
        }
    }

    fn double(&self, name: &str) -> f64 {
        match self.of(name) {
            Value::Double(value) => *value,
            other => mistyped(name, other),
        }
    }

    fn text(&self, name: &str) -> &str {
        match self.of(name) {
            Value::String(value) => value,
            other => mistyped(name, other),
        }
    }

    fn list(&self, name: &str) -> &[String] {
        match self.of(name) {
            Value::List(value) => value,
            other => mistyped(name, other),
        }
    }

    fn of(&self, name: &str) -> &Value {
        self.0[place(name)]
            .as_ref()
            .expect("every key but the internal one has a default")
    }
}

fn place(name: &str) -> usize {
    TOPIC_KEYS
        .binary_search_by(|key| key.name.cmp(name))
        .expect("only keys of the table are asked for")
}

fn mistyped(name: &str, value: &Value) -> ! {
    panic!("the table gives {name} another kind than {value:?}")
}
