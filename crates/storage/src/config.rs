//! Settings of one log, resolved by the caller from topic and broker settings.

use ottla_protocol::records::TimestampType;

/// When an append counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlushPolicy {
    /// After fdatasync: survives a power cut.
    #[default]
    Fsync,
    /// After the write: survives the end of the process, not of the machine.
    Async,
}

/// Settings of one log. Names and meanings are Kafka's topic settings.
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    /// Roll before a segment grows beyond this (`segment.bytes`).
    pub segment_bytes: u32,
    /// Roll when records are this much later than the segment's first (`segment.ms`).
    pub segment_ms: i64,
    /// Take up to this much off `segment_ms`, a different amount for each segment.
    pub segment_jitter_ms: i64,
    /// Bytes of log between two index entries (`index.interval.bytes`).
    pub index_interval_bytes: u32,
    /// Roll when an index reaches this size (`segment.index.bytes`).
    pub segment_index_bytes: u32,
    /// Delete segments whose newest record is older; `None` keeps them.
    pub retention_ms: Option<i64>,
    /// Delete the oldest segments while the log without them is at least this large.
    pub retention_bytes: Option<u64>,
    /// Of records with the same key keep the newest (`cleanup.policy` with `compact`).
    pub compact: bool,
    /// Compact when this share of the log was never compacted (`min.cleanable.dirty.ratio`).
    pub min_cleanable_dirty_ratio: f64,
    /// Keep records that are younger (`min.compaction.lag.ms`).
    pub min_compaction_lag_ms: i64,
    /// Compact when a record is older, whatever the ratio; `i64::MAX`: never (`max.compaction.lag.ms`).
    pub max_compaction_lag_ms: i64,
    /// Keep tombstones this long after compaction has met them (`delete.retention.ms`).
    pub delete_retention_ms: i64,
    /// Whose clock timestamps come from (`message.timestamp.type`).
    pub timestamp_type: TimestampType,
    /// When an append counts as done (`ottla.flush`).
    pub flush: FlushPolicy,
    /// Under [`FlushPolicy::Async`], sync after this many records (`flush.messages`).
    pub flush_messages: u64,
    /// Under [`FlushPolicy::Async`], sync when the oldest unsynced record is this old (`flush.ms`).
    pub flush_ms: u64,
    /// Deleted files keep their space this long (`file.delete.delay.ms`).
    pub file_delete_delay_ms: u64,
    /// Reserve a whole segment's space when it is made (`preallocate`).
    pub preallocate: bool,
    /// Forget an idle producer after this long (`producer.id.expiration.ms`).
    pub producer_id_expiration_ms: i64,
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_jitter_ms: 0,
            index_interval_bytes: 4096,
            segment_index_bytes: 10 << 20,
            retention_ms: Some(7 * 24 * 3_600_000),
            retention_bytes: None,
            compact: false,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 24 * 3_600_000,
            timestamp_type: TimestampType::CreateTime,
            flush: FlushPolicy::Fsync,
            flush_messages: u64::MAX,
            flush_ms: u64::MAX,
            file_delete_delay_ms: 60_000,
            preallocate: false,
            producer_id_expiration_ms: 24 * 3_600_000,
        }
    }
}
