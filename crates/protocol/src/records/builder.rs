//! Builds batches: for the client, for internal topics, for tests.

use std::io;

use bytes::Bytes;

use super::compression::compress;
use super::header::{MAGIC, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE};
use super::varint::{varlong_len, write_varlong};
use super::{Attributes, Batch, BatchHeader, Compression, HEADER_LEN};

/// Who wrote a batch, for duplicate detection (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerStamp {
    /// Producer id, at least 0.
    pub producer_id: i64,
    /// Producer epoch, at least 0.
    pub producer_epoch: i16,
    /// Sequence of the first record, at least 0.
    pub base_sequence: i32,
    /// Part of a transaction.
    pub transactional: bool,
}

/// Collects records of one batch. The base offset is 0 until the log assigns one.
#[derive(Debug)]
pub struct BatchBuilder {
    compression: Compression,
    level: Option<i32>,
    attributes: Attributes,
    producer: Option<ProducerStamp>,
    base_timestamp: i64,
    max_timestamp: i64,
    count: i32,
    plain: Vec<u8>,
}

impl BatchBuilder {
    /// An empty batch that will be packed by `compression` at its default level.
    pub fn new(compression: Compression) -> BatchBuilder {
        BatchBuilder {
            compression,
            level: None,
            attributes: Attributes::new(compression),
            producer: None,
            base_timestamp: -1,
            max_timestamp: -1,
            count: 0,
            plain: Vec::new(),
        }
    }

    /// Packs at this level instead.
    #[must_use]
    pub fn with_level(mut self, level: Option<i32>) -> BatchBuilder {
        self.level = level;
        self
    }

    /// Makes it a control batch (transaction markers).
    #[must_use]
    pub fn with_control(mut self) -> BatchBuilder {
        self.attributes = self.attributes.with_control(true);
        self
    }

    /// Stamps the batch with its producer.
    #[must_use]
    pub fn with_producer(mut self, producer: ProducerStamp) -> BatchBuilder {
        self.attributes = self.attributes.with_transactional(producer.transactional);
        self.producer = Some(producer);
        self
    }

    /// Adds a record. `timestamp` is in ms since the epoch, or −1 for none.
    pub fn push(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(self.base_timestamp);
        let field =
            |bytes: Option<&[u8]>| bytes.map_or(1, |b| varlong_len(b.len() as i64) + b.len());
        let headers_len: usize = headers
            .iter()
            .map(|(name, value)| field(Some(name.as_bytes())) + field(*value))
            .sum();
        let length = 1
            + varlong_len(timestamp_delta)
            + varlong_len(self.count.into())
            + field(key)
            + field(value)
            + varlong_len(headers.len() as i64)
            + headers_len;
        write_varlong(&mut self.plain, length as i64);
        self.plain.push(0); // record attributes: unused
        write_varlong(&mut self.plain, timestamp_delta);
        write_varlong(&mut self.plain, self.count.into());
        write_bytes(&mut self.plain, key);
        write_bytes(&mut self.plain, value);
        write_varlong(&mut self.plain, headers.len() as i64);
        for (name, value) in headers {
            write_bytes(&mut self.plain, Some(name.as_bytes()));
            write_bytes(&mut self.plain, *value);
        }
        self.count += 1;
    }

    /// Number of records so far.
    pub fn record_count(&self) -> i32 {
        self.count
    }

    /// Size of the batch if it is not compressed.
    pub fn plain_size_bytes(&self) -> usize {
        HEADER_LEN + self.plain.len()
    }

    /// The batch, with length and CRC.
    ///
    /// # Errors
    /// The codec fails.
    pub fn build(self) -> io::Result<Batch> {
        let payload = match self.compression {
            Compression::None => Bytes::from(self.plain),
            codec => compress(codec, self.level, &self.plain)?,
        };
        let producer = self.producer.unwrap_or(ProducerStamp {
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            transactional: false,
        });
        let header = BatchHeader {
            base_offset: 0,
            batch_length: 0,
            partition_leader_epoch: -1,
            magic: MAGIC,
            crc: 0,
            attributes: self.attributes,
            last_offset_delta: self.count - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: producer.producer_id,
            producer_epoch: producer.producer_epoch,
            base_sequence: producer.base_sequence,
            record_count: self.count,
        };
        Ok(Batch { header, payload }.sealed())
    }
}

fn write_bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => write_varlong(to, -1),
        Some(bytes) => {
            write_varlong(to, bytes.len() as i64);
            to.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Record, RecordHeader};
    use proptest::prelude::*;

    type Plain = (
        i64,
        Option<Vec<u8>>,
        Option<Vec<u8>>,
        Vec<(String, Option<Vec<u8>>)>,
    );

    fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40))
    }

    fn record() -> impl Strategy<Value = Plain> {
        let headers = proptest::collection::vec(("[a-c]{0,2}", bytes()), 0..4);
        (0i64..1 << 40, bytes(), bytes(), headers)
    }

    proptest! {
        #[test]
        fn what_is_pushed_comes_out_again(records in proptest::collection::vec(record(), 1..20), codec in 0i16..5) {
            let mut builder = BatchBuilder::new(Compression::from_id(codec).unwrap());
            for (timestamp, key, value, headers) in &records {
                let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
                builder.push(*timestamp, key.as_deref(), value.as_deref(), &headers);
            }
            let batch = builder.build().unwrap();
            batch.verify_crc().unwrap();
            let read: Vec<Record> = batch.records(1 << 20).unwrap().map(Result::unwrap).collect();
            let expected: Vec<Record> = records.into_iter().enumerate().map(|(offset, (timestamp, key, value, headers))| Record {
                offset: offset as i64,
                timestamp,
                key: key.map(Bytes::from),
                value: value.map(Bytes::from),
                headers: headers.into_iter().map(|(key, value)| RecordHeader { key: key.into(), value: value.map(Bytes::from) }).collect(),
            }).collect();
            prop_assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_record_has_kafkas_bytes() {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(1, None, Some(b"x"), &[]);
        let bytes = builder.build().unwrap().to_bytes();
        // length 7: attributes, two deltas, null key, value length and byte, no headers
        assert_eq!(&bytes[HEADER_LEN..], &[14, 0, 0, 0, 1, 2, b'x', 0]);
    }
}
