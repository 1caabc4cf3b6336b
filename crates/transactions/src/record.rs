//! `TransactionLogKey` (0) and `TransactionLogValue`.
//!
//! | part | field | type | versions |
//! |---|---|---|---|
//! | key | type of the record, 0 | int16 | |
//! | key | transactionalId | string | |
//! | value | version of its schema | int16 | |
//! | value | producerId | int64 | all |
//! | value | producerEpoch | int16 | all |
//! | value | transactionTimeoutMs | int32 | all |
//! | value | transactionStatus | int8 | all |
//! | value | transactionPartitions | array of topic and partitions, or null | all |
//! | value | transactionLastUpdateTimestampMs, transactionStartTimestampMs | int64 | all |
//! | value | previousProducerId, nextProducerId | int64, tags 0 and 1 | 1 |
//! | value | clientTransactionVersion | int16, tag 2 | 1 |
//!
//! Version 0 is written while the cluster's feature `transaction.version` is 0, and is not flexible. An absent value is
//! a tombstone. Partitions are null in phase Empty alone.

use std::collections::BTreeSet;

use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter, tag_bytes};

use crate::state::{Partitions, Phase, Transaction};

const KEY_TYPE: i16 = 0;
const PREVIOUS_PRODUCER_TAG: u32 = 0;
const NEXT_PRODUCER_TAG: u32 = 1;
const CLIENT_VERSION_TAG: u32 = 2;
/// Of a topic's entry: its name's length and the count of its partitions.
const TOPIC_BYTES_MIN: usize = 2;

/// What a record costs in a batch beside its own bytes: lengths, deltas, no headers.
const BATCH_OVERHEAD_BYTES: usize = 40;

/// One entry of the log: a transactional id as it is from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which.
    pub transactional_id: String,
    /// `None` is a tombstone.
    pub value: Option<Value>,
}

/// A transactional id in a version of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The schema.
    pub version: Version,
    /// What it says.
    pub transaction: Transaction,
}

/// A schema of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Not flexible; without other producers and the client's version.
    V0,
    /// Flexible.
    V1,
}

/// A record as it stands in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRecord {
    /// The key, by which the log is compacted.
    pub key: Vec<u8>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// Why bytes are not a record that we can fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field is not what the schema says.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A schema version from the future.
    #[error("unknown version {0} of the value of a transaction")]
    Version(i16),
    /// A state that no transaction has.
    #[error("unknown state {0} of a transaction")]
    Phase(i8),
}

impl Record {
    /// Bytes that the record may take in a batch; an upper bound that costs no encoding.
    pub fn size_bytes_max(&self) -> usize {
        let partitions = |value: &Value| {
            let topics = value.transaction.partitions.iter();
            let sizes = topics.map(|(topic, partitions)| 16 + topic.len() + 4 * partitions.len());
            sizes.sum::<usize>()
        };
        let value = self
            .value
            .as_ref()
            .map_or(0, |value| 90 + partitions(value));
        4 + self.transactional_id.len() + value + BATCH_OVERHEAD_BYTES
    }
}

/// The bytes of a record.
pub fn encode(record: &Record) -> EncodedRecord {
    let mut key = FieldWriter::with_capacity(4 + record.transactional_id.len());
    key.i16(KEY_TYPE);
    key.old_string(&record.transactional_id);
    let value = record.value.as_ref().map(|value| {
        let mut to = FieldWriter::with_capacity(record.size_bytes_max());
        write_value(value, &mut to);
        to.into_bytes()
    });
    EncodedRecord {
        key: key.into_bytes(),
        value,
    }
}

fn write_value(value: &Value, to: &mut FieldWriter) {
    let transaction = &value.transaction;
    to.i16(match value.version {
        Version::V0 => 0,
        Version::V1 => 1,
    });
    to.i64(transaction.producer_id);
    to.i16(transaction.producer_epoch);
    to.i32(transaction.timeout_ms);
    to.i8(transaction.phase.id());
    write_partitions(value, to);
    to.i64(transaction.updated_ms);
    to.i64(transaction.started_ms);
    if value.version == Version::V0 {
        return;
    }
    let mut tags = Vec::new();
    let producers = [
        (PREVIOUS_PRODUCER_TAG, transaction.previous_producer_id),
        (NEXT_PRODUCER_TAG, transaction.next_producer_id),
    ];
    for (tag, producer_id) in producers {
        if producer_id != -1 {
            tags.push((tag, tag_bytes(|to| to.i64(producer_id))));
        }
    }
    if transaction.client_version != 0 {
        let bytes = tag_bytes(|to| to.i16(transaction.client_version));
        tags.push((CLIENT_VERSION_TAG, bytes));
    }
    to.tags(&tags);
}

fn write_partitions(value: &Value, to: &mut FieldWriter) {
    let transaction = &value.transaction;
    let is_null = transaction.phase == Phase::Empty;
    let topics: Vec<_> = transaction.partitions.iter().collect();
    let numbers = |of: &BTreeSet<i32>| of.iter().copied().collect::<Vec<i32>>();
    match value.version {
        Version::V0 if is_null => to.i32(-1),
        Version::V1 if is_null => to.uvarint(0),
        Version::V0 => to.old_array(&topics, |to, (topic, partitions)| {
            to.old_string(topic);
            to.old_array(&numbers(partitions), |to, partition| to.i32(*partition));
        }),
        Version::V1 => to.array(&topics, |to, (topic, partitions)| {
            to.string(topic);
            to.array(&numbers(partitions), |to, partition| to.i32(*partition));
            to.tags(&[]);
        }),
    }
}

/// Reads a record; `None` if its type is not ours.
///
/// # Errors
/// The bytes are none.
pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, DecodeError> {
    let mut from = FieldReader::new(key);
    if from.i16()? != KEY_TYPE {
        return Ok(None);
    }
    let transactional_id = from.old_string()?;
    from.finish()?;
    let value = value.map(read_value).transpose()?;
    Ok(Some(Record {
        transactional_id,
        value,
    }))
}

fn read_value(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut from = FieldReader::new(bytes);
    let version = match from.i16()? {
        0 => Version::V0,
        1 => Version::V1,
        unknown => return Err(DecodeError::Version(unknown)),
    };
    let producer_id = from.i64()?;
    let producer_epoch = from.i16()?;
    let timeout_ms = from.i32()?;
    let status = from.i8()?;
    let phase = Phase::ALL.into_iter().find(|phase| phase.id() == status);
    let mut transaction = Transaction {
        producer_id,
        previous_producer_id: -1,
        next_producer_id: -1,
        producer_epoch,
        timeout_ms,
        phase: phase.ok_or(DecodeError::Phase(status))?,
        partitions: read_partitions(version, &mut from)?,
        updated_ms: from.i64()?,
        started_ms: from.i64()?,
        client_version: 0,
    };
    if version == Version::V1 {
        from.tags(|tag, from| {
            match tag {
                PREVIOUS_PRODUCER_TAG => transaction.previous_producer_id = from.i64()?,
                NEXT_PRODUCER_TAG => transaction.next_producer_id = from.i64()?,
                CLIENT_VERSION_TAG => transaction.client_version = from.i16()?,
                _ => {}
            }
            Ok(())
        })?;
    }
    from.finish()?;
    Ok(Value {
        version,
        transaction,
    })
}

fn read_partitions(version: Version, from: &mut FieldReader<'_>) -> Result<Partitions, FieldError> {
    let topics = match version {
        Version::V0 => from.old_nullable_array(TOPIC_BYTES_MIN, |from| {
            let topic = from.old_string()?;
            Ok((topic, from.old_array(4, FieldReader::i32)?))
        })?,
        Version::V1 => from.nullable_array(TOPIC_BYTES_MIN, |from| {
            let topic = from.string()?;
            let partitions = from.array(4, FieldReader::i32)?;
            from.skip_tags()?;
            Ok((topic, partitions))
        })?,
    };
    let topics = topics.unwrap_or_default().into_iter();
    Ok(topics
        .map(|(topic, partitions)| (topic, partitions.into_iter().collect()))
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pairs = digits.chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn ongoing() -> Transaction {
        Transaction {
            producer_id: 4_000,
            previous_producer_id: 3_000,
            next_producer_id: -1,
            producer_epoch: 7,
            timeout_ms: 60_000,
            phase: Phase::Ongoing,
            partitions: [("to".to_owned(), [1, 2].into())].into(),
            updated_ms: 1_000,
            started_ms: 900,
            client_version: 2,
        }
    }

    fn record(version: Version, transaction: Transaction) -> Record {
        let value = Value {
            version,
            transaction,
        };
        Record {
            transactional_id: "tx".into(),
            value: Some(value),
        }
    }

    #[track_caller]
    fn check(record: &Record, value: Option<&str>) {
        let encoded = encode(record);
        assert_eq!(encoded.key, hex("0000 0002 7478"));
        assert_eq!(encoded.value, value.map(hex));
        let decoded = decode(&encoded.key, encoded.value.as_deref());
        assert_eq!(decoded.unwrap().as_ref(), Some(record));
    }

    #[test]
    fn a_transaction_takes_the_bytes_that_kafka_writes() {
        check(
            &record(Version::V1, ongoing()),
            Some(
                "0001 0000000000000fa0 0007 0000ea60 01 02 03 746f 03 00000001 00000002 00 \
                 00000000000003e8 0000000000000384 02 00 08 0000000000000bb8 02 02 0002",
            ),
        );
        let old = Transaction {
            previous_producer_id: -1,
            client_version: 0,
            ..ongoing()
        };
        check(
            &record(Version::V0, old.clone()),
            Some(
                "0000 0000000000000fa0 0007 0000ea60 01 00000001 0002 746f 00000002 00000001 00000002 \
                 00000000000003e8 0000000000000384",
            ),
        );
        let empty = Transaction {
            phase: Phase::Empty,
            partitions: Partitions::new(),
            started_ms: -1,
            ..old
        };
        check(
            &record(Version::V1, empty.clone()),
            Some("0001 0000000000000fa0 0007 0000ea60 00 00 00000000000003e8 ffffffffffffffff 00"),
        );
        check(
            &record(Version::V0, empty),
            Some(
                "0000 0000000000000fa0 0007 0000ea60 00 ffffffff 00000000000003e8 ffffffffffffffff",
            ),
        );
        let tombstone = Record {
            transactional_id: "tx".into(),
            value: None,
        };
        check(&tombstone, None);
    }

    #[test]
    fn what_is_not_ours_is_skipped_and_what_is_newer_is_an_error() {
        assert_eq!(decode(&hex("0001 0002 7478"), None), Ok(None));
        let key = hex("0000 0002 7478");
        let read = |value: &str| decode(&key, Some(&hex(value)));
        assert_eq!(read("0002 00"), Err(DecodeError::Version(2)));
        let dead = "0001 0000000000000fa0 0007 0000ea60 06 00 00000000000003e8 ffffffffffffffff 00";
        assert_eq!(read(dead), Err(DecodeError::Phase(6)));
    }

    fn transaction() -> impl Strategy<Value = Transaction> {
        let partitions = btree_map("\\PC{0,8}", btree_set(any::<i32>(), 0..4), 0..4);
        let phase = prop::sample::select(Phase::ALL.to_vec());
        let numbers = (any::<[i64; 5]>(), any::<[i16; 2]>(), any::<i32>());
        (numbers, phase, partitions).prop_map(|((wide, narrow, timeout_ms), phase, partitions)| {
            Transaction {
                producer_id: wide[0],
                previous_producer_id: wide[1],
                next_producer_id: wide[2],
                producer_epoch: narrow[0],
                timeout_ms,
                phase,
                partitions: match phase {
                    Phase::Empty => Partitions::new(),
                    _ => partitions,
                },
                updated_ms: wide[3],
                started_ms: wide[4],
                client_version: narrow[1],
            }
        })
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let value = (transaction(), any::<bool>()).prop_map(|(transaction, is_old)| {
            let old = Transaction {
                previous_producer_id: -1,
                next_producer_id: -1,
                client_version: 0,
                ..transaction.clone()
            };
            match is_old {
                true => Value {
                    version: Version::V0,
                    transaction: old,
                },
                false => Value {
                    version: Version::V1,
                    transaction,
                },
            }
        });
        ("\\PC{0,12}", option::of(value)).prop_map(|(transactional_id, value)| Record {
            transactional_id,
            value,
        })
    }

    proptest! {
        #[test]
        fn every_record_survives_its_bytes(record in any_record()) {
            let encoded = encode(&record);
            let size_bytes = encoded.key.len() + encoded.value.as_ref().map_or(0, Vec::len);
            prop_assert!(size_bytes < record.size_bytes_max());
            prop_assert_eq!(decode(&encoded.key, encoded.value.as_deref()), Ok(Some(record)));
        }

        #[test]
        fn any_bytes_decode_or_fail_without_panic(value: Vec<u8>, version in 0i16..3) {
            let mut versioned = version.to_be_bytes().to_vec();
            versioned.extend(value);
            let _ = decode(&hex("0000 0002 7478"), Some(&versioned));
        }

        #[test]
        fn a_value_cut_short_is_an_error(record in any_record(), at: prop::sample::Index) {
            let encoded = encode(&record);
            if let Some(value) = encoded.value {
                prop_assert!(decode(&encoded.key, Some(&value[..at.index(value.len())])).is_err());
            }
        }
    }
}
