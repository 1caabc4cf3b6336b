//! Record batches: those that scenarios send, sound or broken in one place, and those that come back.

use ottla_protocol::records::{Batch, BatchBuilder, Compression, EndMarker, ProducerStamp, Record};
use serde_json::{Value, json};

use crate::codec::hex;

/// The time of all records that are sent; a year after which nothing is kept by retention would not do.
pub(crate) const BASE_TIMESTAMP_MS: i64 = 1_700_000_000_000;

/// Records with these values, each 1 ms after the one before.
pub(crate) fn plain(values: &[&str]) -> String {
    built(BatchBuilder::new(Compression::None), values)
}

/// The same, compressed.
pub(crate) fn compressed(codec: Compression, values: &[&str]) -> String {
    built(BatchBuilder::new(codec), values)
}

/// The same, of an idempotent producer.
pub(crate) fn stamped(
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    values: &[&str],
) -> String {
    let stamp = ProducerStamp {
        producer_id,
        producer_epoch,
        base_sequence,
        transactional: false,
    };
    built(
        BatchBuilder::new(Compression::None).with_producer(stamp),
        values,
    )
}

/// The same, in a transaction of a producer whose id the lab fills in.
pub(crate) fn in_transaction(
    producer: &str,
    producer_epoch: i16,
    base_sequence: i32,
    values: &[&str],
) -> String {
    let stamp = ProducerStamp {
        producer_id: 0,
        producer_epoch,
        base_sequence,
        transactional: true,
    };
    let batch = BatchBuilder::new(Compression::None).with_producer(stamp);
    format!("${producer}|{}", built(batch, values))
}

/// The batch with another producer id.
pub(crate) fn of_producer(batch: &str, id: i64) -> String {
    with(batch, 43, &id.to_be_bytes(), true)
}

/// Of one record with this time.
pub(crate) fn at(timestamp: i64, value: &str) -> String {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(timestamp, None, Some(value.as_bytes()), &[]);
    sealed(builder)
}

/// Of one record with a key, or without.
pub(crate) fn keyed(key: Option<&str>, value: Option<&str>) -> String {
    let mut builder = BatchBuilder::new(Compression::None);
    let headers = [("colour", Some(&b"blue"[..])), ("none", None)];
    builder.push(
        BASE_TIMESTAMP_MS,
        key.map(str::as_bytes),
        value.map(str::as_bytes),
        &headers,
    );
    sealed(builder)
}

/// Records with keys, all at one time; without a value one deletes what has its key.
pub(crate) fn table(
    codec: Compression,
    stamp: Option<ProducerStamp>,
    timestamp: i64,
    rows: &[(&str, Option<&str>)],
) -> String {
    let mut builder = BatchBuilder::new(codec);
    if let Some(stamp) = stamp {
        builder = builder.with_producer(stamp);
    }
    for (delta, (key, value)) in (0_i64..).zip(rows) {
        let key = Some(key.as_bytes()).filter(|key| !key.is_empty());
        let headers = [("colour", Some(&b"blue"[..]))];
        builder.push(timestamp + delta, key, value.map(str::as_bytes), &headers);
    }
    sealed(builder)
}

fn built(mut builder: BatchBuilder, values: &[&str]) -> String {
    for (delta, value) in (0_i64..).zip(values) {
        builder.push(BASE_TIMESTAMP_MS + delta, None, Some(value.as_bytes()), &[]);
    }
    sealed(builder)
}

fn sealed(builder: BatchBuilder) -> String {
    let batch = builder.build().expect("memory suffices");
    format!("hex:{}", hex(&batch.to_bytes()))
}

/// The batch with other bytes at a place, and a CRC that fits them when `sealed`.
pub(crate) fn with(batch: &str, at: usize, bytes: &[u8], sealed: bool) -> String {
    let mut changed = bytes_of(batch);
    changed[at..at + bytes.len()].copy_from_slice(bytes);
    if sealed {
        let checksum = crc32c::crc32c(&changed[21..]);
        changed[17..21].copy_from_slice(&checksum.to_be_bytes());
    }
    format!("hex:{}", hex(&changed))
}

/// Without its last bytes.
pub(crate) fn cut(batch: &str, count: usize) -> String {
    batch[..batch.len() - 2 * count].to_owned()
}

/// Two batches as one.
pub(crate) fn joined(one: &str, other: &str) -> String {
    format!("{one}{}", other.trim_start_matches("hex:"))
}

fn bytes_of(batch: &str) -> Vec<u8> {
    let digits = batch.trim_start_matches("hex:");
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("it is our own"))
        .collect()
}

/// What came back, batch by batch. The CRC covers all but what the broker assigns.
pub(crate) fn describe(bytes: &[u8]) -> Value {
    let mut rest = bytes::Bytes::copy_from_slice(bytes);
    let mut batches = Vec::new();
    while !rest.is_empty() {
        match Batch::split_from(&mut rest) {
            Ok(batch) => batches.push(describe_batch(&batch)),
            Err(_) => {
                batches.push(json!({ "Name": CUT }));
                break;
            }
        }
    }
    Value::Array(batches)
}

/// The element that stands for what is not a whole batch.
pub(crate) const CUT: &str = "cut";

/// Whether compaction has written it anew: its times count from another one then, and its codec is another
/// library's.
fn is_rewritten(batch: &Batch) -> bool {
    let header = &batch.header;
    header.attributes.has_delete_horizon() || header.record_count <= header.last_offset_delta
}

fn records_of(batch: &Batch) -> Value {
    let text = |bytes: Option<bytes::Bytes>| bytes.map(|bytes| hex(&bytes));
    let records = batch.records(1 << 20).expect("it was sent by us");
    let one = |record: std::io::Result<Record>| {
        let record = record.expect("it was sent by us");
        json!({ "Offset": record.offset, "Time": record.timestamp, "Key": text(record.key), "Value": text(record.value) })
    };
    records.map(one).collect()
}

fn describe_batch(batch: &Batch) -> Value {
    let header = batch.header;
    let payload = match EndMarker::read(batch).filter(|_| header.attributes.is_control()) {
        // The coordinator's epoch is its own.
        Some(end) => json!({ "Commits": end.commits, "CoordinatorEpoch": end.coordinator_epoch }),
        None if is_rewritten(batch) => records_of(batch),
        None => json!(hex(&batch.payload)),
    };
    json!({
        "BaseOffset": header.base_offset,
        "LeaderEpoch": header.partition_leader_epoch,
        "Attributes": header.attributes.0,
        "LastOffsetDelta": header.last_offset_delta,
        "BaseTimestamp": header.base_timestamp,
        "MaxTimestamp": header.max_timestamp,
        "ProducerId": header.producer_id,
        "ProducerEpoch": header.producer_epoch,
        "BaseSequence": header.base_sequence,
        "Count": header.record_count,
        "CrcHolds": batch.verify_crc().is_ok(),
        "Payload": payload,
    })
}
