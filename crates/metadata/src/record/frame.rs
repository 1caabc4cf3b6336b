//! The frame around every record, and the table of the records we know.
//!
//! | field | bytes | value |
//! |---|---|---|
//! | frame version | uvarint | 1 |
//! | type | uvarint | Kafka's api key of the record |
//! | version | uvarint | of the record's schema |
//! | body | rest | flexible encoding |
//!
//! A record that we do not know, or know only in a later version, is an error: a log that says
//! something we cannot read must not be folded as if it did not. Unknown tagged fields are skipped.

use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter};

use super::{
    BrokerRegistrationChangeRecord, ClusterRecord, ConfigRecord, FeatureLevelRecord,
    PartitionRecord, ProducerIdsRecord, RegisterBrokerRecord, RemoveTopicRecord, TopicRecord,
    UnregisterBrokerRecord,
};

/// The first tag of our own fields; Kafka numbers its own from 0.
pub const OWN_TAG_MIN: u32 = 10_000;

const FRAME_VERSION: u32 = 1;
/// What a record costs in a batch beside its own bytes: lengths, deltas, no key, no headers.
const BATCH_OVERHEAD_BYTES: usize = 32;

/// Why bytes are not a record of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field is not what the schema says.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A tagged field that we always write is not there.
    #[error("the record lacks the tagged field {tag}")]
    MissingTag {
        /// The tag that should be there.
        tag: u32,
    },
    /// A frame of another kind.
    #[error("unknown frame version {version}")]
    FrameVersion {
        /// What stands in its place.
        version: u32,
    },
    /// A record type from elsewhere or from the future.
    #[error("unknown record type {key}")]
    Type {
        /// Kafka's api key of the record.
        key: u32,
    },
    /// A schema version from elsewhere or from the future.
    #[error("unknown version {version} of record type {key}")]
    Version {
        /// Kafka's api key of the record.
        key: u32,
        /// The version found.
        version: u32,
    },
}

/// One entry of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Facts about the cluster as a whole.
    Cluster(ClusterRecord),
    /// The level of one feature.
    FeatureLevel(FeatureLevelRecord),
    /// A broker came, or came back.
    RegisterBroker(RegisterBrokerRecord),
    /// A broker's state changed.
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    /// A broker left for good.
    UnregisterBroker(UnregisterBrokerRecord),
    /// A topic was created; its configurations and partitions follow in the same batch.
    Topic(TopicRecord),
    /// A partition of a topic and where its replicas live.
    Partition(PartitionRecord),
    /// One configuration of one resource.
    Config(ConfigRecord),
    /// A topic was deleted, with its partitions and configurations.
    RemoveTopic(RemoveTopicRecord),
    /// A block of producer ids was handed out.
    ProducerIds(ProducerIdsRecord),
}

/// Calls `$body` with the record inside, whatever it is.
macro_rules! with_record {
    ($record:expr, $inner:ident => $body:expr) => {
        match $record {
            Record::Cluster($inner) => $body,
            Record::FeatureLevel($inner) => $body,
            Record::RegisterBroker($inner) => $body,
            Record::BrokerRegistrationChange($inner) => $body,
            Record::UnregisterBroker($inner) => $body,
            Record::Topic($inner) => $body,
            Record::Partition($inner) => $body,
            Record::Config($inner) => $body,
            Record::RemoveTopic($inner) => $body,
            Record::ProducerIds($inner) => $body,
        }
    };
}

impl Record {
    /// Bytes that the record may take in a batch; an upper bound that costs no encoding.
    pub fn size_bytes_max(&self) -> usize {
        BATCH_OVERHEAD_BYTES.saturating_add(with_record!(self, inner => inner.size_bytes_max()))
    }
}

/// The bytes of a record, frame included.
pub fn encode(record: &Record) -> Vec<u8> {
    let mut to = FieldWriter::with_capacity(record.size_bytes_max());
    to.uvarint(FRAME_VERSION);
    with_record!(record, inner => {
        to.uvarint(inner.key());
        to.uvarint(inner.version());
        inner.write(&mut to);
    });
    to.into_bytes()
}

/// Reads one record from the whole of `bytes`.
pub fn decode(bytes: &[u8]) -> Result<Record, DecodeError> {
    let mut from = FieldReader::new(bytes);
    let version = from.uvarint()?;
    if version != FRAME_VERSION {
        return Err(DecodeError::FrameVersion { version });
    }
    let (key, version) = (from.uvarint()?, from.uvarint()?);
    let record = read(key, version, &mut from)?;
    from.finish()?;
    Ok(record)
}

fn read(key: u32, version: u32, from: &mut FieldReader<'_>) -> Result<Record, DecodeError> {
    macro_rules! table {
        ($($variant:ident: $record:ident),+ $(,)?) => {
            match key {
                $($record::KEY => {
                    if !$record::VERSIONS.contains(&version) {
                        return Err(DecodeError::Version { key, version });
                    }
                    Ok(Record::$variant($record::read(version, from)?))
                })+
                _ => Err(DecodeError::Type { key }),
            }
        };
    }
    table! {
        Cluster: ClusterRecord,
        FeatureLevel: FeatureLevelRecord,
        RegisterBroker: RegisterBrokerRecord,
        BrokerRegistrationChange: BrokerRegistrationChangeRecord,
        UnregisterBroker: UnregisterBrokerRecord,
        Topic: TopicRecord,
        Partition: PartitionRecord,
        Config: ConfigRecord,
        RemoveTopic: RemoveTopicRecord,
        ProducerIds: ProducerIdsRecord,
    }
}

/// Gives a record type its place in the table: key, the versions we read, the one we write.
macro_rules! schema {
    ($record:ident, key $key:literal, reads $versions:expr, writes $version:literal) => {
        impl $record {
            pub(super) const KEY: u32 = $key;
            pub(super) const VERSIONS: std::ops::RangeInclusive<u32> = $versions;

            pub(super) fn key(&self) -> u32 {
                Self::KEY
            }

            pub(super) fn version(&self) -> u32 {
                $version
            }
        }
    };
}
pub(super) use schema;

#[cfg(test)]
mod tests {
    use ottla_protocol::types::{NodeId, TopicId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::image::Partition;
    use crate::record::{BrokerEndpoint, FeatureRange, Vote, arbitrary};

    const TOPIC: TopicId = TopicId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10));
    const DIRECTORY: Uuid = Uuid::from_u128(0x1112_1314_1516_1718_191a_1b1c_1d1e_1f20);
    const OTHER: Uuid = Uuid::from_u128(0x2122_2324_2526_2728_292a_2b2c_2d2e_2f30);

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The record takes these bytes (spaces between fields are for the reader) and back.
    fn check(record: Record, expected: &str) {
        let expected = expected.replace(' ', "");
        assert_eq!(hex(&encode(&record)), expected);
        let bytes: Vec<u8> = (0..expected.len() / 2)
            .map(|at| u8::from_str_radix(&expected[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert_eq!(decode(&bytes), Ok(record));
    }

    fn config(value: Option<&str>) -> Record {
        Record::Config(ConfigRecord {
            resource_type: 2,
            resource_name: "orders".into(),
            name: "retention.ms".into(),
            value: value.map(Into::into),
        })
    }

    // Every line is frame version, type, version, then the fields in the order of the schema.
    // Where no own tag is used the bytes are those that Kafka 4.4 writes for the same values.

    #[test]
    fn records_about_topics_take_the_bytes_of_kafkas_schema() {
        check(
            Record::Topic(TopicRecord {
                name: "orders".into(),
                topic_id: TOPIC,
            }),
            "01 02 00 076f7264657273 0102030405060708090a0b0c0d0e0f10 00",
        );
        check(
            config(Some("5")),
            "01 04 00 02 076f7264657273 0d726574656e74696f6e2e6d73 0235 00",
        );
        check(
            config(None),
            "01 04 00 02 076f7264657273 0d726574656e74696f6e2e6d73 00 00",
        );
        check(
            Record::RemoveTopic(RemoveTopicRecord { topic_id: TOPIC }),
            "01 09 00 0102030405060708090a0b0c0d0e0f10 00",
        );
    }

    #[test]
    fn a_partition_record_is_kafkas_with_our_tags_at_its_end() {
        let record = PartitionRecord {
            partition: 3,
            topic_id: TOPIC,
            state: Partition::created(vec![NodeId(1), NodeId(2)], vec![DIRECTORY, OTHER], 77),
        };
        check(
            Record::Partition(record),
            "01 03 01 00000003 0102030405060708090a0b0c0d0e0f10 \
             03 00000001 00000002 03 00000001 00000002 01 01 00000001 00000000 00000000 \
             03 1112131415161718191a1b1c1d1e1f20 2122232425262728292a2b2c2d2e2f30 \
             02 904e 08 000000000000004d 914e 01 01",
        );
    }

    #[test]
    fn records_about_brokers_take_the_bytes_of_kafkas_schema() {
        check(
            Record::RegisterBroker(RegisterBrokerRecord {
                starts: 0,
                broker_id: NodeId(1),
                incarnation_id: OTHER,
                broker_epoch: 7,
                endpoints: vec![BrokerEndpoint {
                    name: "PLAINTEXT".into(),
                    host: "localhost".into(),
                    port: 9092,
                    security_protocol: 0,
                }],
                features: vec![FeatureRange {
                    name: "metadata.version".into(),
                    min: 7,
                    max: 33,
                }],
                rack: Some("r1".into()),
                fenced: false,
                in_controlled_shutdown: false,
                log_dirs: vec![DIRECTORY],
                vote: Vote::AsNeeded,
            }),
            "01 00 03 00000001 00 2122232425262728292a2b2c2d2e2f30 0000000000000007 \
             02 0a504c41494e54455854 0a6c6f63616c686f7374 2384 0000 00 \
             02 116d657461646174612e76657273696f6e 0007 0021 00 037231 00 00 \
             01 00 11 02 1112131415161718191a1b1c1d1e1f20",
        );
        let change = |fenced, log_dirs, vote| {
            Record::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
                broker_id: NodeId(1),
                broker_epoch: 7,
                fenced: Some(fenced),
                in_controlled_shutdown: None,
                log_dirs,
                vote,
            })
        };
        check(
            change(true, Some(vec![DIRECTORY]), None),
            "01 11 02 00000001 0000000000000007 02 00 01 01 02 11 02 \
             1112131415161718191a1b1c1d1e1f20",
        );
        check(
            change(false, None, None),
            "01 11 02 00000001 0000000000000007 01 00 01 ff",
        );
        check(
            change(false, None, Some(Vote::Never)),
            "01 11 02 00000001 0000000000000007 02 00 01 ff 904e 01 ff",
        );
        check(
            Record::UnregisterBroker(UnregisterBrokerRecord {
                broker_id: NodeId(1),
                broker_epoch: 7,
            }),
            "01 01 00 00000001 0000000000000007 00",
        );
    }

    #[test]
    fn the_other_records_take_the_bytes_of_kafkas_schema() {
        check(
            Record::ProducerIds(ProducerIdsRecord {
                broker_id: NodeId(1),
                broker_epoch: 7,
                next_producer_id: 1000,
            }),
            "01 0f 00 00000001 0000000000000007 00000000000003e8 00",
        );
        check(
            Record::FeatureLevel(FeatureLevelRecord {
                name: "metadata.version".into(),
                level: 33,
            }),
            "01 0c 00 116d657461646174612e76657273696f6e 0021 00",
        );
        check(Record::Cluster(ClusterRecord::default()), "01 14 00 00");
        check(
            Record::Cluster(ClusterRecord {
                cluster_id: Some("abc".into()),
                next_group_id: Some(9),
            }),
            "01 14 00 02 904e 04 04616263 914e 08 0000000000000009",
        );
    }

    #[test]
    fn what_we_do_not_know_is_an_error_and_not_skipped() {
        assert_eq!(
            decode(&[0, 2, 0]),
            Err(DecodeError::FrameVersion { version: 0 })
        );
        assert_eq!(decode(&[1, 99, 0]), Err(DecodeError::Type { key: 99 }));
        assert_eq!(
            decode(&[1, 9, 1]),
            Err(DecodeError::Version { key: 9, version: 1 })
        );
        assert_eq!(decode(&[]), Err(FieldError::Truncated.into()));
        let mut long = encode(&config(None));
        long.push(0);
        assert_eq!(
            decode(&long),
            Err(FieldError::Trailing { size_bytes: 1 }.into())
        );
    }

    #[test]
    fn a_partition_that_moves_says_who_comes_who_goes_and_who_founded_it() {
        let created = Partition::created(vec![NodeId(1), NodeId(2)], vec![DIRECTORY, OTHER], 77);
        let state = Partition {
            replicas: vec![NodeId(3), NodeId(1)],
            directories: vec![OTHER, DIRECTORY],
            adding: vec![NodeId(3)],
            removing: vec![NodeId(1)],
            emptied: vec![NodeId(3)],
            ..created
        };
        let record = PartitionRecord {
            partition: 3,
            topic_id: TOPIC,
            state,
        };
        check(
            Record::Partition(record),
            "01 03 01 00000003 0102030405060708090a0b0c0d0e0f10 \
             03 00000003 00000001 03 00000003 00000001 02 00000001 02 00000003 \
             00000003 00000000 00000000 \
             03 2122232425262728292a2b2c2d2e2f30 1112131415161718191a1b1c1d1e1f20 \
             03 904e 08 000000000000004d \
             924e 29 03 00000001 1112131415161718191a1b1c1d1e1f20 \
             00000002 2122232425262728292a2b2c2d2e2f30 \
             934e 05 02 00000003",
        );
    }

    #[test]
    fn a_partition_without_a_group_is_an_error() {
        let partition = PartitionRecord {
            partition: 0,
            topic_id: TOPIC,
            state: Partition::created(vec![], vec![], 1),
        };
        let mut bytes = encode(&Record::Partition(partition));
        let tags_at = bytes.len() - 12;
        bytes.truncate(tags_at);
        bytes.push(0);
        assert_eq!(
            decode(&bytes),
            Err(DecodeError::MissingTag { tag: OWN_TAG_MIN })
        );
    }

    #[test]
    fn tags_from_the_future_are_skipped() {
        let mut bytes = encode(&Record::RemoveTopic(RemoveTopicRecord { topic_id: TOPIC }));
        bytes.pop();
        bytes.extend([1, 0x95, 0x4e, 2, 7, 7]);
        let expected = Record::RemoveTopic(RemoveTopicRecord { topic_id: TOPIC });
        assert_eq!(decode(&bytes), Ok(expected));
    }

    proptest! {
        #[test]
        fn every_record_survives_its_bytes(record in arbitrary::record()) {
            let bytes = encode(&record);
            prop_assert!(bytes.len() + BATCH_OVERHEAD_BYTES <= record.size_bytes_max());
            prop_assert_eq!(decode(&bytes), Ok(record));
        }

        #[test]
        fn any_bytes_decode_or_fail_without_panic(bytes: Vec<u8>, key in 0u8..32, version in 0u8..5) {
            let mut framed = vec![1, key, version];
            framed.extend(bytes);
            let _ = decode(&framed);
        }

        #[test]
        fn a_record_cut_short_is_an_error(record in arbitrary::record(), at: prop::sample::Index) {
            let bytes = encode(&record);
            prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
        }
    }
}
