//! A batch as compaction leaves it: without some of its records, or without any (KIP-534).
//!
//! What is kept is copied as it is encoded, but for the timestamps, which count from the first that is kept or
//! from the delete horizon, as Kafka has them.

use std::io::{self, BufRead};

use bytes::Bytes;

use super::compression::{Compression, CompressionError, compress, decompress};
use super::record::codec_of;
use super::varint::{invalid, read_u8, read_varint, read_varlong, varlong_len, write_varlong};
use super::{Batch, BatchHeader, TimestampType};

/// The records of a batch, inflated.
#[derive(Debug)]
pub struct RawRecords {
    header: BatchHeader,
    plain: Bytes,
}

/// A record as it is encoded.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    /// With its length in front.
    encoded: &'a [u8],
    /// What follows the timestamp.
    rest: &'a [u8],
    timestamp_delta: i64,
    offset_delta: i32,
    /// `None` is null.
    pub key: Option<&'a [u8]>,
    /// Whether the value is not null: a record without one is a tombstone.
    pub has_value: bool,
}

impl Batch {
    /// The records as they are encoded.
    ///
    /// # Errors
    /// The codec is unknown, its data is broken, or it inflates beyond `limit_bytes`.
    pub fn raw_records(&self, limit_bytes: usize) -> Result<RawRecords, CompressionError> {
        let plain = match codec_of(self.header.attributes)? {
            _ if self.header.record_count <= 0 => Bytes::new(),
            Compression::None => self.payload.clone(),
            codec => decompress(codec, &self.payload, limit_bytes)?,
        };
        Ok(RawRecords {
            header: self.header,
            plain,
        })
    }

    /// The batch without records: it keeps its offsets and tells of its producer.
    #[must_use]
    pub fn emptied(&self) -> Batch {
        let attributes = self.header.attributes.with_delete_horizon(false);
        let header = BatchHeader {
            attributes: attributes.with_compression(Compression::None),
            base_timestamp: -1,
            record_count: 0,
            ..self.header
        };
        let payload = Bytes::new();
        Batch { header, payload }.sealed()
    }
}

impl RawRecords {
    /// One after the other; an error is the last.
    pub fn iter(&self) -> impl Iterator<Item = io::Result<RawRecord<'_>>> {
        let mut rest = &self.plain[..];
        let mut left = self.header.record_count.max(0);
        std::iter::from_fn(move || {
            left = left.checked_sub(1).filter(|left| *left >= 0)?;
            let record = RawRecord::read(&mut rest);
            if record.is_err() {
                left = 0;
            }
            Some(record)
        })
    }

    /// Kafka offset of a record.
    pub fn offset_of(&self, record: &RawRecord<'_>) -> i64 {
        self.header.base_offset + i64::from(record.offset_delta)
    }

    /// The batch with these of its records, and with a delete horizon if one is given, else with the one that
    /// it has.
    ///
    /// # Errors
    /// The codec fails.
    pub fn batch_of(&self, kept: &[RawRecord<'_>], horizon_ms: Option<i64>) -> io::Result<Batch> {
        let mut header = self.header;
        let codec = header.attributes.compression().unwrap_or(Compression::None);
        let times = || kept.iter().map(|record| self.timestamp_of(record));
        header.max_timestamp = times().max().unwrap_or(-1);
        header.record_count = kept.len() as i32;
        if horizon_ms.is_some() {
            header.attributes = header.attributes.with_delete_horizon(true);
        }
        header.base_timestamp = match horizon_ms {
            Some(horizon_ms) => horizon_ms,
            None if header.attributes.has_delete_horizon() => header.base_timestamp,
            None => times().next().unwrap_or(-1),
        };
        let mut plain = Vec::with_capacity(kept.iter().map(|record| record.encoded.len()).sum());
        for (record, timestamp) in kept.iter().zip(times()) {
            let delta = timestamp.wrapping_sub(header.base_timestamp);
            if delta == record.timestamp_delta {
                plain.extend_from_slice(record.encoded);
            } else {
                record.write_with(delta, &mut plain);
            }
        }
        let payload = match codec {
            Compression::None => plain.into(),
            codec => compress(codec, None, &plain)?,
        };
        Ok(Batch { header, payload }.sealed())
    }

    fn timestamp_of(&self, record: &RawRecord<'_>) -> i64 {
        match self.header.attributes.timestamp_type() {
            TimestampType::LogAppendTime => self.header.max_timestamp,
            TimestampType::CreateTime => {
                let base = self.header.base_timestamp;
                base.wrapping_add(record.timestamp_delta)
            }
        }
    }
}

impl<'a> RawRecord<'a> {
    fn read(from: &mut &'a [u8]) -> io::Result<RawRecord<'a>> {
        let start = *from;
        let len = length(read_varint(from)?)?;
        let body_at = start.len() - from.len();
        let encoded = start.get(..body_at + len).ok_or_else(too_long)?;
        let mut body = &encoded[body_at..];
        read_u8(&mut body)?;
        let timestamp_delta = read_varlong(&mut body)?;
        let rest = body;
        let offset_delta = read_varint(&mut body)?;
        let key = match read_varint(&mut body)? {
            -1 => None,
            len => {
                let key = body.get(..length(len)?).ok_or_else(too_long)?;
                body.consume(key.len());
                Some(key)
            }
        };
        let has_value = match read_varint(&mut body)? {
            -1 => false,
            len if length(len)? <= body.len() => true,
            _ => return Err(too_long()),
        };
        from.consume(len);
        Ok(RawRecord {
            encoded,
            rest,
            timestamp_delta,
            offset_delta,
            key,
            has_value,
        })
    }

    fn write_with(&self, timestamp_delta: i64, to: &mut Vec<u8>) {
        let len = 1 + varlong_len(timestamp_delta) + self.rest.len();
        write_varlong(to, len as i64);
        to.push(0); // record attributes: unused
        write_varlong(to, timestamp_delta);
        to.extend_from_slice(self.rest);
    }
}

fn length(len: i32) -> io::Result<usize> {
    usize::try_from(len).map_err(|_| invalid("negative length in a record"))
}

fn too_long() -> io::Error {
    invalid("a record or a field of it is longer than its batch")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::{BatchBuilder, Record};

    const LIMIT: usize = 1 << 20;

    type Plain = (i64, Vec<u8>, Option<Vec<u8>>);

    fn batch(records: &[Plain], codec: Compression) -> Batch {
        let mut builder = BatchBuilder::new(codec);
        for (timestamp, key, value) in records {
            let headers: &[(&str, Option<&[u8]>)] = &[("h", Some(b"v"))];
            builder.push(*timestamp, Some(key), value.as_deref(), headers);
        }
        let mut batch = builder.build().unwrap();
        batch.header.base_offset = 100;
        batch
    }

    fn all(batch: &Batch) -> Vec<Record> {
        batch.verify_crc().unwrap();
        let records = batch.records(LIMIT).unwrap();
        records.collect::<Result<_, _>>().unwrap()
    }

    fn record() -> impl Strategy<Value = (Plain, bool)> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
        let plain = (0i64..1 << 40, bytes(), proptest::option::of(bytes()));
        (plain, any::<bool>())
    }

    proptest! {
        #[test]
        fn what_is_kept_is_what_it_was(
            records in proptest::collection::vec(record(), 1..20),
            codec in 0i16..5,
            horizon_ms in proptest::option::of(0i64..1 << 41),
        ) {
            let plain: Vec<Plain> = records.iter().map(|(plain, _)| plain.clone()).collect();
            let original = batch(&plain, Compression::from_id(codec).unwrap());
            let raw = original.raw_records(LIMIT).unwrap();
            let raws: Vec<RawRecord<'_>> = raw.iter().collect::<Result<_, _>>().unwrap();
            let keeps = |n: usize| records[n].1;
            let kept = raws.iter().enumerate().filter(|(n, _)| keeps(*n));
            let kept: Vec<RawRecord<'_>> = kept.map(|(_, raw)| *raw).collect();
            let left = raw.batch_of(&kept, horizon_ms).unwrap();
            let expected = all(&original).into_iter().enumerate().filter(|(n, _)| keeps(*n));
            let expected: Vec<Record> = expected.map(|(_, record)| record).collect();
            prop_assert_eq!(&all(&left), &expected);
            prop_assert_eq!(left.header.base_offset, 100);
            prop_assert_eq!(left.header.last_offset(), original.header.last_offset());
            let newest = expected.iter().map(|record| record.timestamp).max();
            prop_assert_eq!(left.header.max_timestamp, newest.unwrap_or(-1));
            prop_assert_eq!(left.header.attributes.has_delete_horizon(), horizon_ms.is_some());
            if let Some(horizon_ms) = horizon_ms {
                prop_assert_eq!(left.header.base_timestamp, horizon_ms);
            }
            for (raw_record, (plain, _)) in raws.iter().zip(&records) {
                prop_assert_eq!(raw_record.key, Some(&plain.1[..]));
                prop_assert_eq!(raw_record.has_value, plain.2.is_some());
            }
        }

        #[test]
        fn no_bytes_do_harm(count in 0i32..5, bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut batch = batch(&[(0, vec![1], None)], Compression::None);
            batch.header.record_count = count;
            batch.payload = bytes.into();
            let raw = batch.raw_records(LIMIT).unwrap();
            prop_assert!(raw.iter().count() <= count as usize);
        }
    }

    #[test]
    fn an_emptied_batch_keeps_its_place_and_its_producer() {
        let stamp = crate::records::ProducerStamp {
            producer_id: 7,
            producer_epoch: 2,
            base_sequence: 5,
            transactional: true,
        };
        let mut builder = BatchBuilder::new(Compression::Gzip).with_producer(stamp);
        builder.push(9, Some(b"k"), None, &[]);
        builder.push(8, Some(b"k"), None, &[]);
        let full = builder.build().unwrap();
        let emptied = full.emptied();
        assert!(all(&emptied).is_empty());
        assert_eq!(emptied.raw_records(0).unwrap().iter().count(), 0);
        let (before, after) = (full.header, emptied.header);
        assert_eq!(after.last_offset(), before.last_offset());
        assert_eq!(after.last_sequence(), before.last_sequence());
        assert_eq!(after.max_timestamp, before.max_timestamp);
        assert_eq!(after.producer_id, before.producer_id);
        assert!(after.attributes.is_transactional());
        assert_eq!(emptied.size_bytes(), super::super::HEADER_LEN);
    }
}
