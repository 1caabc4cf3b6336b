//! Keys, values and tombstones, and the table of the records we know.
//!
//! | part | bytes |
//! |---|---|
//! | key | int16 type of the record, then its fields, not flexible |
//! | value | int16 version of its schema, then its fields; absent = tombstone |
//!
//! | type | record | values read | value written |
//! |---|---|---|---|
//! | 0, 1 | an offset committed by a group | 0–4 | 4; 1 if it says when to expire |
//! | 2 | a classic group | 0–4 | 3 |
//!
//! Offsets of a transaction are of type 1 too, in batches of its producer; its end is a control batch.
//!
//! Other types belong to groups that this version does not serve. They are skipped, as Kafka skips
//! what it does not know: each says something of another group, never of these.

use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter};
use ottla_protocol::records::EndMarker;

use super::{GroupMetadataValue, OffsetCommitKey, OffsetCommitValue};

const OLD_OFFSET_COMMIT_TYPE: i16 = 0;
const OFFSET_COMMIT_TYPE: i16 = 1;
const GROUP_METADATA_TYPE: i16 = 2;

/// What a record costs in a batch beside its own bytes: lengths, deltas, no headers.
const BATCH_OVERHEAD_BYTES: usize = 40;

/// Who commits offsets in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionalProducer {
    /// The producer id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A committed offset, or that there is none any more.
    OffsetCommit {
        /// Whose.
        key: OffsetCommitKey,
        /// `None` is a tombstone.
        value: Option<OffsetCommitValue>,
    },
    /// A classic group, or that it is gone.
    GroupMetadata {
        /// Which.
        group_id: String,
        /// `None` is a tombstone.
        value: Option<GroupMetadataValue>,
    },
    /// An offset that will be committed if the transaction is that it is part of. It has the bytes of a committed one;
    /// its batch names the producer.
    TransactionalOffset {
        /// Whose transaction it is.
        producer: TransactionalProducer,
        /// Whose offset it is.
        key: OffsetCommitKey,
        /// The offset.
        value: OffsetCommitValue,
    },
    /// A transaction ends. It has no bytes of its own: it is a control batch.
    EndOfTransaction {
        /// Whose, and the marker's epoch.
        producer: TransactionalProducer,
        /// The marker.
        marker: EndMarker,
    },
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
    #[error("unknown version {version} of the value of record type {record_type}")]
    Version {
        /// The type that the key names.
        record_type: i16,
        /// The version found.
        version: i16,
    },
}

impl Record {
    /// Bytes that the record may take in a batch; an upper bound that costs no encoding.
    pub fn size_bytes_max(&self) -> usize {
        let own = match self {
            Record::OffsetCommit { key, value } => {
                key.size_bytes_max() + value.as_ref().map_or(0, OffsetCommitValue::size_bytes_max)
            }
            Record::GroupMetadata { group_id, value } => {
                let value = value.as_ref().map_or(0, GroupMetadataValue::size_bytes_max);
                group_id.len() + 4 + value
            }
            Record::TransactionalOffset { key, value, .. } => {
                key.size_bytes_max() + value.size_bytes_max()
            }
            Record::EndOfTransaction { .. } => 0,
        };
        own + BATCH_OVERHEAD_BYTES
    }
}

/// The bytes of a record.
pub fn encode(record: &Record) -> EncodedRecord {
    let mut key_to = FieldWriter::with_capacity(64);
    let mut value_to = FieldWriter::with_capacity(record.size_bytes_max());
    let is_tombstone = match record {
        Record::TransactionalOffset { key, value, .. } => {
            key_to.i16(OFFSET_COMMIT_TYPE);
            key.write(&mut key_to);
            value.write(&mut value_to);
            false
        }
        Record::EndOfTransaction { .. } => true,
        Record::OffsetCommit { key, value } => {
            key_to.i16(OFFSET_COMMIT_TYPE);
            key.write(&mut key_to);
            value
                .as_ref()
                .map(|value| value.write(&mut value_to))
                .is_none()
        }
        Record::GroupMetadata { group_id, value } => {
            key_to.i16(GROUP_METADATA_TYPE);
            key_to.old_string(group_id);
            value
                .as_ref()
                .map(|value| value.write(&mut value_to))
                .is_none()
        }
    };
    EncodedRecord {
        key: key_to.into_bytes(),
        value: (!is_tombstone).then(|| value_to.into_bytes()),
    }
}

/// The same record as part of a transaction. Only offsets are ever part of one.
pub fn in_transaction(record: Record, producer: TransactionalProducer) -> Record {
    match record {
        Record::OffsetCommit {
            key,
            value: Some(value),
        } => Record::TransactionalOffset {
            producer,
            key,
            value,
        },
        other => other,
    }
}

/// Reads a record; `None` if its type is not ours.
pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Record>, DecodeError> {
    let mut from = FieldReader::new(key);
    let record_type = from.i16()?;
    let record = match record_type {
        OLD_OFFSET_COMMIT_TYPE | OFFSET_COMMIT_TYPE => Record::OffsetCommit {
            key: OffsetCommitKey::read(&mut from)?,
            value: read_value(record_type, value, OffsetCommitValue::read)?,
        },
        GROUP_METADATA_TYPE => Record::GroupMetadata {
            group_id: from.old_string()?,
            value: read_value(record_type, value, GroupMetadataValue::read)?,
        },
        _ => return Ok(None),
    };
    from.finish()?;
    Ok(Some(record))
}

/// Reads a value whose version `read` knows; it says `None` for one that it does not.
fn read_value<V>(
    record_type: i16,
    value: Option<&[u8]>,
    read: impl FnOnce(i16, &mut FieldReader<'_>) -> Result<Option<V>, FieldError>,
) -> Result<Option<V>, DecodeError> {
    let Some(bytes) = value else {
        return Ok(None);
    };
    let mut from = FieldReader::new(bytes);
    let version = from.i16()?;
    let value = read(version, &mut from)?.ok_or(DecodeError::Version {
        record_type,
        version,
    })?;
    from.finish()?;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ottla_protocol::types::TopicId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::record::{MemberMetadata, arbitrary};

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn read(key: &str, value: &str) -> Result<Option<Record>, DecodeError> {
        decode(&hex(key), Some(&hex(value)))
    }

    #[track_caller]
    fn check(record: Record, key: &str, value: Option<&str>) {
        let encoded = encode(&record);
        assert_eq!(encoded.key, hex(key));
        assert_eq!(encoded.value, value.map(hex));
        assert_eq!(
            decode(&encoded.key, encoded.value.as_deref()),
            Ok(Some(record))
        );
    }

    const COMMIT_KEY: &str = "0001 0002 6772 0002 746f 00000007";

    fn commit(value: Option<OffsetCommitValue>) -> Record {
        Record::OffsetCommit {
            key: OffsetCommitKey {
                group_id: "gr".into(),
                topic: "to".into(),
                partition: 7,
            },
            value,
        }
    }

    fn value() -> OffsetCommitValue {
        OffsetCommitValue {
            offset: 300,
            leader_epoch: 5,
            metadata: "md".into(),
            commit_timestamp_ms: 1_000,
            expire_timestamp_ms: None,
            topic_id: TopicId::ZERO,
        }
    }

    #[test]
    fn an_offset_takes_the_bytes_that_kafka_4_4_writes() {
        check(
            commit(Some(value())),
            COMMIT_KEY,
            Some("0004 000000000000012c 00000005 03 6d64 00000000000003e8 00"),
        );
        let topic_id = TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10));
        check(
            commit(Some(OffsetCommitValue {
                topic_id,
                ..value()
            })),
            COMMIT_KEY,
            Some(
                "0004 000000000000012c 00000005 03 6d64 00000000000003e8 \
                 01 00 10 0102030405060708090a0b0c0d0e0f10",
            ),
        );
        let expiring = OffsetCommitValue {
            leader_epoch: -1,
            expire_timestamp_ms: Some(2_000),
            ..value()
        };
        check(
            commit(Some(expiring)),
            COMMIT_KEY,
            Some("0001 000000000000012c 0002 6d64 00000000000003e8 00000000000007d0"),
        );
        check(commit(None), COMMIT_KEY, None);
    }

    #[test]
    fn older_offsets_are_read() {
        let unknown_epoch = OffsetCommitValue {
            leader_epoch: -1,
            ..value()
        };
        let old_key = "0000 0002 6772 0002 746f 00000007";
        assert_eq!(
            read(old_key, "0000 000000000000012c 0002 6d64 00000000000003e8"),
            Ok(Some(commit(Some(unknown_epoch.clone()))))
        );
        assert_eq!(
            read(
                COMMIT_KEY,
                "0001 000000000000012c 0002 6d64 00000000000003e8 ffffffffffffffff"
            ),
            Ok(Some(commit(Some(unknown_epoch.clone()))))
        );
        assert_eq!(
            read(
                COMMIT_KEY,
                "0002 000000000000012c 0002 6d64 00000000000003e8"
            ),
            Ok(Some(commit(Some(unknown_epoch))))
        );
        assert_eq!(
            read(
                COMMIT_KEY,
                "0003 000000000000012c 00000005 0002 6d64 00000000000003e8"
            ),
            Ok(Some(commit(Some(value()))))
        );
    }

    const GROUP_KEY: &str = "0002 0002 6772";

    fn group(value: Option<GroupMetadataValue>) -> Record {
        Record::GroupMetadata {
            group_id: "gr".into(),
            value,
        }
    }

    fn stable() -> GroupMetadataValue {
        GroupMetadataValue {
            protocol_type: "consumer".into(),
            generation: 3,
            protocol: Some("range".into()),
            leader: Some("m1".into()),
            current_state_timestamp_ms: 1_000,
            members: vec![MemberMetadata {
                member_id: "m1".into(),
                instance_id: Some("i".into()),
                client_id: "c".into(),
                client_host: "/h".into(),
                rebalance_timeout_ms: 300_000,
                session_timeout_ms: 45_000,
                subscription: Bytes::from_static(&[1, 2]),
                assignment: Bytes::from_static(&[9]),
            }],
        }
    }

    #[test]
    fn a_group_takes_the_bytes_that_kafka_4_4_writes() {
        check(
            group(Some(stable())),
            GROUP_KEY,
            Some(
                "0003 0008 636f6e73756d6572 00000003 0005 72616e6765 0002 6d31 00000000000003e8 \
                 00000001 0002 6d31 0001 69 0001 63 0002 2f68 000493e0 0000afc8 \
                 00000002 0102 00000001 09",
            ),
        );
        check(
            group(Some(GroupMetadataValue::default())),
            GROUP_KEY,
            Some("0003 0000 00000000 ffff ffff ffffffffffffffff 00000000"),
        );
        check(group(None), GROUP_KEY, None);
    }

    #[test]
    fn older_and_newer_groups_are_read() {
        let mut expected = stable();
        assert_eq!(
            read(
                GROUP_KEY,
                "0004 09 636f6e73756d6572 00000003 06 72616e6765 03 6d31 00000000000003e8 \
                 02 03 6d31 02 69 02 63 03 2f68 000493e0 0000afc8 03 0102 02 09 00 00"
            ),
            Ok(Some(group(Some(expected.clone()))))
        );
        expected.members[0].instance_id = None;
        assert_eq!(
            read(
                GROUP_KEY,
                "0002 0008 636f6e73756d6572 00000003 0005 72616e6765 0002 6d31 00000000000003e8 \
                 00000001 0002 6d31 0001 63 0002 2f68 000493e0 0000afc8 00000002 0102 00000001 09"
            ),
            Ok(Some(group(Some(expected.clone()))))
        );
        expected.current_state_timestamp_ms = -1;
        expected.members[0].rebalance_timeout_ms = -1;
        assert_eq!(
            read(
                GROUP_KEY,
                "0000 0008 636f6e73756d6572 00000003 0005 72616e6765 0002 6d31 \
                 00000001 0002 6d31 0001 63 0002 2f68 0000afc8 00000002 0102 00000001 09"
            ),
            Ok(Some(group(Some(expected))))
        );
    }

    #[test]
    fn what_is_not_ours_is_skipped_and_what_is_newer_is_an_error() {
        assert_eq!(read("0003 0002 6772", "0000"), Ok(None));
        assert_eq!(decode(&hex("7fff ffff"), None), Ok(None));
        assert_eq!(
            read(COMMIT_KEY, "0005 00"),
            Err(DecodeError::Version {
                record_type: 1,
                version: 5
            })
        );
        assert_eq!(
            read(GROUP_KEY, "ffff 00"),
            Err(DecodeError::Version {
                record_type: 2,
                version: -1
            })
        );
        assert_eq!(decode(b"", None), Err(FieldError::Truncated.into()));
        assert_eq!(
            decode(&hex("0002 0002 6772 00"), None),
            Err(FieldError::Trailing { size_bytes: 1 }.into())
        );
    }

    proptest! {
        #[test]
        fn every_record_survives_its_bytes(record in arbitrary::record()) {
            let encoded = encode(&record);
            let size_bytes = encoded.key.len() + encoded.value.as_ref().map_or(0, Vec::len);
            prop_assert!(size_bytes < record.size_bytes_max());
            prop_assert_eq!(decode(&encoded.key, encoded.value.as_deref()), Ok(Some(record)));
        }

        #[test]
        fn any_bytes_decode_or_fail_without_panic(key: Vec<u8>, value: Option<Vec<u8>>, kind in 0i16..3, version in 0i16..6) {
            let mut typed_key = kind.to_be_bytes().to_vec();
            typed_key.extend(key);
            let _ = decode(&typed_key, value.as_deref());
            let mut versioned = version.to_be_bytes().to_vec();
            versioned.extend(value.unwrap_or_default());
            let _ = decode(&hex(GROUP_KEY), Some(&versioned));
            let _ = decode(&hex(COMMIT_KEY), Some(&versioned));
        }

        #[test]
        fn a_value_cut_short_is_an_error(record in arbitrary::record(), at: prop::sample::Index) {
            let encoded = encode(&record);
            if let Some(value) = encoded.value {
                prop_assert!(decode(&encoded.key, Some(&value[..at.index(value.len())])).is_err());
            }
        }
    }
}
