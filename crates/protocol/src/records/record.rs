//! The records of a batch, as a reader sees them.
//!
//! A record is: length, attributes (unused byte), timestamp delta, offset delta, key, value,
//! headers; every number but the attributes a zig-zag varint, −1 for a null key or value.

use std::io::BufRead;

use bytes::Bytes;

use super::compression::decompress;
use super::varint::{invalid, read_u8, read_varint, read_varlong};
use super::{Attributes, Batch, BatchHeader, Compression, CompressionError, TimestampType};

/// One record. Key, value and headers are slices of the batch (or of its inflated form).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Kafka offset.
    pub offset: i64,
    /// Milliseconds since the epoch, or −1. The batch's max timestamp under log append time.
    pub timestamp: i64,
    /// Key; `None` is null.
    pub key: Option<Bytes>,
    /// Value; `None` is null, a tombstone on a compacted topic.
    pub value: Option<Bytes>,
    /// Headers in order; keys may repeat.
    pub headers: Vec<RecordHeader>,
}

/// A header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHeader {
    /// Meant to be UTF-8; not checked.
    pub key: Bytes,
    /// Value; `None` is null.
    pub value: Option<Bytes>,
}

/// Yields the declared number of records, or an error and then nothing.
#[derive(Debug, Clone)]
pub struct RecordIter {
    header: BatchHeader,
    rest: Bytes,
    left: i32,
}

impl RecordIter {
    pub(super) fn of(batch: &Batch, limit_bytes: usize) -> Result<RecordIter, CompressionError> {
        let rest = match codec_of(batch.header.attributes)? {
            Compression::None => batch.payload.clone(),
            codec => decompress(codec, &batch.payload, limit_bytes)?,
        };
        Ok(RecordIter {
            header: batch.header,
            rest,
            left: batch.header.record_count,
        })
    }

    fn read(&mut self) -> std::io::Result<Record> {
        let length = read_from(&mut self.rest, |source| read_varint(source))?;
        let length = usize::try_from(length).map_err(|_| invalid("negative record length"))?;
        if length > self.rest.len() {
            return Err(invalid("record longer than its batch"));
        }
        let mut body = self.rest.split_to(length);
        let (timestamp_delta, offset_delta) = read_from(&mut body, |source| {
            read_u8(source)?;
            Ok((read_varlong(source)?, read_varint(source)?))
        })?;
        Ok(Record {
            offset: self.header.base_offset.saturating_add(offset_delta.into()),
            timestamp: match self.header.attributes.timestamp_type() {
                TimestampType::LogAppendTime => self.header.max_timestamp,
                TimestampType::CreateTime => {
                    self.header.base_timestamp.saturating_add(timestamp_delta)
                }
            },
            key: read_bytes(&mut body)?,
            value: read_bytes(&mut body)?,
            headers: read_headers(&mut body)?,
        })
    }
}

impl Iterator for RecordIter {
    type Item = std::io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let record = self.read();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

/// The codec named by the attributes.
pub(super) fn codec_of(attributes: Attributes) -> Result<Compression, CompressionError> {
    attributes
        .compression()
        .ok_or(CompressionError::UnknownCodec(attributes.0 & 7))
}

/// Runs a varint reader on the front of `bytes` and drops what it used.
fn read_from<T>(
    bytes: &mut Bytes,
    read: impl FnOnce(&mut &[u8]) -> std::io::Result<T>,
) -> std::io::Result<T> {
    let mut source = &bytes[..];
    let value = read(&mut source)?;
    let used = bytes.len() - source.len();
    let _ = bytes.split_to(used);
    Ok(value)
}

fn read_bytes(body: &mut Bytes) -> std::io::Result<Option<Bytes>> {
    let length = read_from(body, |source| read_varint(source))?;
    if length == -1 {
        return Ok(None);
    }
    match usize::try_from(length) {
        Ok(length) if length <= body.len() => Ok(Some(body.split_to(length))),
        _ => Err(invalid("field longer than its record")),
    }
}

fn read_headers(body: &mut Bytes) -> std::io::Result<Vec<RecordHeader>> {
    let count = read_from(body, |source| read_varint(source))?;
    let count = usize::try_from(count).map_err(|_| invalid("negative header count"))?;
    if count > body.len() / 2 {
        return Err(invalid("more headers than bytes for them"));
    }
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        headers.push(RecordHeader {
            key: read_bytes(body)?.ok_or_else(|| invalid("null header key"))?,
            value: read_bytes(body)?,
        });
    }
    Ok(headers)
}

/// What [`scan_record`] tells of a record.
pub(super) struct ScannedRecord {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    pub(super) has_key: bool,
}

/// Passes over one record of a stream, checking its structure and keeping nothing of it.
///
/// # Errors
/// The stream fails or ends, or lengths do not add up.
pub(super) fn scan_record(from: &mut impl BufRead) -> std::io::Result<ScannedRecord> {
    let length = read_varint(from)?;
    let length = u64::try_from(length).map_err(|_| invalid("negative record length"))?;
    let mut body = std::io::Read::take(from, length);
    read_u8(&mut body)?;
    let timestamp_delta = read_varlong(&mut body)?;
    let offset_delta = read_varint(&mut body)?;
    let has_key = scan_bytes(&mut body)?;
    scan_bytes(&mut body)?;
    let headers = read_varint(&mut body)?;
    if headers < 0 {
        return Err(invalid("negative header count"));
    }
    for _ in 0..headers {
        if !scan_bytes(&mut body)? {
            return Err(invalid("null header key"));
        }
        scan_bytes(&mut body)?;
    }
    if body.limit() != 0 {
        return Err(invalid("record longer than its fields"));
    }
    Ok(ScannedRecord {
        timestamp_delta,
        offset_delta,
        has_key,
    })
}

/// Passes over a nullable field; whether it was there.
fn scan_bytes(from: &mut impl BufRead) -> std::io::Result<bool> {
    let length = read_varint(from)?;
    if length == -1 {
        return Ok(false);
    }
    let length = usize::try_from(length).map_err(|_| invalid("negative field length"))?;
    super::varint::skip(from, length)?;
    Ok(true)
}
