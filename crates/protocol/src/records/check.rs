//! What makes a producer's records acceptable, before the log sees them.
//!
//! The order and the meaning of the checks are those of Kafka's `ProduceRequest.validateRecords`,
//! `UnifiedLog.analyzeAndValidateRecords` and `LogValidator`. One difference: offsets inside a
//! batch that do not count 0, 1, 2… are refused, where Kafka rewrites the batch for the sake of
//! clients of 2016. As in Kafka, an epoch or a sequence without a producer id means nothing.
//!
//! Compressed data is inflated as a stream and only looked at, so memory stays flat however much
//! comes out. Sequences are not judged here: that needs the partition's producer state.

use std::io::BufRead;

use bytes::Bytes;

use super::compression::CompressionError;
use super::recompress::recompress;
use super::record::{codec_of, scan_record};
use super::{Batch, BatchError, Batches, Compression, TimestampType};

/// What a topic allows and asks for.
#[derive(Debug, Clone)]
pub struct CheckRules {
    /// `max.message.bytes`: size of a batch, head included.
    pub max_message_bytes: usize,
    /// `max.decompressed.message.bytes`.
    pub max_decompressed_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_max_ms: i64,
    /// Wall clock, ms since the epoch.
    pub now_ms: i64,
    /// The cleanup policy has `compact`, so that each record needs a key.
    pub compacted: bool,
    /// The codec and level of `compression.type`; `None` for `producer`, which keeps the batch.
    pub recompress: Option<(Compression, Option<i32>)>,
    /// Zstd may be used (Produce from version 7 on).
    pub zstd_allowed: bool,
}

/// A batch that passed [`check`]: structure, CRC and records are sound, and it is what the log
/// should store but for base offset, leader epoch and, under log append time, its timestamp.
#[derive(Debug, Clone)]
pub struct CheckedBatch(Batch);

/// One refused record (KIP-467).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// Its place in the batch, from 0.
    pub batch_index: i32,
    /// Why.
    pub message: String,
}

/// Why records were refused.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// No batch, more than one, an old format: what a request may not have at all.
    #[error("{0}")]
    NotOneBatch(&'static str),
    /// Counts that do not match, client control batches…: what a log does not take.
    #[error("{0}")]
    InvalidRecord(&'static str),
    /// Larger than `max.message.bytes`.
    #[error("the record batch is {size_bytes} bytes, more than max.message.bytes={limit_bytes}")]
    TooLarge {
        /// Size of the batch.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// Inflates beyond `max.decompressed.message.bytes`.
    #[error("the record batch inflates beyond max.decompressed.message.bytes={limit_bytes}")]
    InflatesTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// Wrong CRC or lengths.
    #[error(transparent)]
    Corrupt(BatchError),
    /// A codec that this request version does not know.
    #[error("zstd needs a produce request of version 7 or newer")]
    ZstdTooEarly,
    /// A codec that this broker does not know.
    #[error("{0}")]
    UnsupportedCompression(String),
    /// The compressed data, or a record inside, is broken.
    #[error("{0}")]
    BrokenRecords(String),
    /// Single records were refused, one of them at least for its timestamp.
    #[error("one or more records have been rejected due to invalid timestamp")]
    InvalidTimestamps(Vec<RecordError>),
    /// Single records were refused for other reasons.
    #[error("{} of the batch's records have been rejected", .0.len())]
    InvalidRecords(Vec<RecordError>),
}

/// At most this many refused records are named in one answer.
const RECORD_ERRORS_MAX: usize = 100;

impl CheckedBatch {
    /// A batch that this broker built itself.
    pub fn trusted(batch: Batch) -> CheckedBatch {
        CheckedBatch(batch)
    }

    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.0
    }

    /// The batch.
    pub fn into_batch(self) -> Batch {
        self.0
    }
}

/// Checks the `records` field of a produce request for one partition.
///
/// # Errors
/// The first thing that is wrong, with all refused records if it is a matter of single records.
pub fn check(records: Bytes, rules: &CheckRules) -> Result<CheckedBatch, CheckError> {
    let batch = sole_batch(records)?;
    let codec = codec_of(batch.header.attributes)
        .map_err(|error| CheckError::UnsupportedCompression(error.to_string()))?;
    if codec == Compression::Zstd && !rules.zstd_allowed {
        return Err(CheckError::ZstdTooEarly);
    }
    if batch.size_bytes() > rules.max_message_bytes {
        return Err(too_large(&batch, rules));
    }
    batch.verify_crc().map_err(CheckError::Corrupt)?;
    check_header(&batch)?;
    let max_timestamp = check_records(&batch, codec, rules)?;
    settle(batch, codec, max_timestamp, rules).map(CheckedBatch)
}

fn too_large(batch: &Batch, rules: &CheckRules) -> CheckError {
    CheckError::TooLarge {
        size_bytes: batch.size_bytes(),
        limit_bytes: rules.max_message_bytes,
    }
}

/// The one batch that a produce request may hold per partition. An incomplete one behind it is
/// ignored, as in Kafka.
fn sole_batch(records: Bytes) -> Result<Batch, CheckError> {
    let mut batches = Batches(records);
    let batch = match batches.next() {
        Some(Ok(batch)) => batch,
        None | Some(Err(BatchError::Truncated { .. })) => {
            return Err(CheckError::NotOneBatch(
                "a produce request must have one whole record batch per partition",
            ));
        }
        // Of a format that never was, Kafka says that it is corrupt.
        Some(Err(BatchError::BadMagic(0..=2))) => {
            return Err(CheckError::NotOneBatch(
                "only record batches of format version 2 are accepted",
            ));
        }
        Some(Err(error)) => return Err(CheckError::Corrupt(error)),
    };
    match batches.next() {
        None | Some(Err(BatchError::Truncated { .. })) => Ok(batch),
        Some(_) => Err(CheckError::NotOneBatch(
            "a produce request may have only one record batch per partition",
        )),
    }
}

fn check_header(batch: &Batch) -> Result<(), CheckError> {
    let header = &batch.header;
    let invalid = |what| Err(CheckError::InvalidRecord(what));
    if header.base_offset != 0 {
        return invalid("the base offset of a client's record batch must be 0");
    }
    if header.record_count <= 0 {
        return invalid("a record batch must hold at least one record");
    }
    if i64::from(header.last_offset_delta) + 1 != i64::from(header.record_count) {
        return invalid("the record count does not match the batch's last offset");
    }
    if header.attributes.is_control() {
        return invalid("clients may not write control records");
    }
    if header.has_producer() && header.base_sequence < 0 {
        return invalid("a producer id needs a base sequence of at least 0");
    }
    if header.attributes.is_transactional() && !header.has_producer() {
        return invalid("a transactional batch needs a producer id");
    }
    Ok(())
}

/// Looks at each record; the largest timestamp.
fn check_records(batch: &Batch, codec: Compression, rules: &CheckRules) -> Result<i64, CheckError> {
    if codec == Compression::None {
        return scan(&mut &batch.payload[..], batch, rules);
    }
    let limit_bytes = rules.max_decompressed_bytes;
    let reader = codec
        .reader(&batch.payload)
        .map_err(|source| CheckError::BrokenRecords(codec.broken(source).to_string()))?;
    // One byte more than allowed is let through: who takes it went over the limit.
    let mut limited = std::io::Read::take(reader, (limit_bytes as u64).saturating_add(1));
    let result = scan(&mut limited, batch, rules);
    if limited.limit() == 0 {
        return Err(CheckError::InflatesTooLarge { limit_bytes });
    }
    result
}

fn scan(from: &mut impl BufRead, batch: &Batch, rules: &CheckRules) -> Result<i64, CheckError> {
    let broken =
        |error: std::io::Error| CheckError::BrokenRecords(format!("broken record: {error}"));
    let mut max_timestamp = -1;
    let mut refused = Vec::new();
    let mut any_mistimed = false;
    for index in 0..batch.header.record_count {
        let record = scan_record(from).map_err(broken)?;
        if record.offset_delta != index {
            return Err(CheckError::InvalidRecord(
                "the offsets inside a record batch must count 0, 1, 2…",
            ));
        }
        let timestamp = batch
            .header
            .base_timestamp
            .saturating_add(record.timestamp_delta);
        max_timestamp = max_timestamp.max(timestamp);
        if rules.compacted && !record.has_key {
            note(&mut refused, index, || {
                "a compacted topic cannot accept a record without key".to_owned()
            });
            continue;
        }
        if let Some(why) = mistimed(timestamp, index, batch, rules) {
            any_mistimed = true;
            note(&mut refused, index, || why);
        }
    }
    if !from.fill_buf().map_err(broken)?.is_empty() {
        return Err(CheckError::BrokenRecords(
            "the batch holds more bytes than its records".to_owned(),
        ));
    }
    if any_mistimed {
        return Err(CheckError::InvalidTimestamps(refused));
    }
    if !refused.is_empty() {
        return Err(CheckError::InvalidRecords(refused));
    }
    Ok(max_timestamp)
}

fn note(errors: &mut Vec<RecordError>, batch_index: i32, message: impl FnOnce() -> String) {
    if errors.len() < RECORD_ERRORS_MAX {
        errors.push(RecordError {
            batch_index,
            message: message(),
        });
    }
}

/// What is wrong with a record's time (KIP-937). One without (−1) passes.
///
/// A batch that claims log append time has one time for all its records. Only brokers give it, but
/// where the topic keeps the time of creation Kafka takes it for that, and so does this.
fn mistimed(timestamp: i64, index: i32, batch: &Batch, rules: &CheckRules) -> Option<String> {
    let claims_append_time = claims_append_time(batch);
    let timestamp = if claims_append_time {
        batch.header.max_timestamp
    } else {
        timestamp
    };
    if rules.timestamp_type == TimestampType::LogAppendTime || timestamp == -1 {
        let why = "producers may not set the timestamp type LogAppendTime";
        return claims_append_time.then(|| why.to_owned());
    }
    let is_allowed = rules.now_ms.saturating_sub(timestamp) <= rules.timestamp_before_max_ms
        && timestamp.saturating_sub(rules.now_ms) <= rules.timestamp_after_max_ms;
    (!is_allowed).then(|| out_of_range(timestamp, index, rules))
}

fn claims_append_time(batch: &Batch) -> bool {
    batch.header.attributes.timestamp_type() == TimestampType::LogAppendTime
}

fn out_of_range(timestamp: i64, index: i32, rules: &CheckRules) -> String {
    let (from, to) = (
        rules.now_ms.saturating_sub(rules.timestamp_before_max_ms),
        rules.now_ms.saturating_add(rules.timestamp_after_max_ms),
    );
    format!("timestamp {timestamp} of record {index} is not within [{from}, {to}]")
}

/// Brings an acceptable batch into the form that the log stores.
fn settle(
    mut batch: Batch,
    codec: Compression,
    max_timestamp: i64,
    rules: &CheckRules,
) -> Result<Batch, CheckError> {
    if let Some((wanted, level)) = rules.recompress
        && wanted != codec
    {
        batch =
            recompress(&batch, wanted, level, rules.max_decompressed_bytes).map_err(|error| {
                match error {
                    CompressionError::TooLarge { limit_bytes } => {
                        CheckError::InflatesTooLarge { limit_bytes }
                    }
                    other => CheckError::BrokenRecords(other.to_string()),
                }
            })?;
        if batch.size_bytes() > rules.max_message_bytes {
            return Err(too_large(&batch, rules));
        }
    }
    if batch.header.max_timestamp != max_timestamp || claims_append_time(&batch) {
        batch.header.max_timestamp = max_timestamp;
        let kind = TimestampType::CreateTime;
        batch.header.attributes = batch.header.attributes.with_timestamp_type(kind);
        batch = batch.sealed();
    }
    Ok(batch)
}

#[cfg(test)]
mod tests;
