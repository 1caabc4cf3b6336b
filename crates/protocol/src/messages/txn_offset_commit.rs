//! TxnOffsetCommit up to version 6, which names topics by their ids. Request:
//!
//! | field | type | versions |
//! |---|---|---|
//! | transactional_id, group_id | string each | 0+ |
//! | producer_id | int64 | 0+ |
//! | producer_epoch | int16 | 0+ |
//! | generation_id_or_member_epoch | int32, −1 where it is not said | 3+ |
//! | member_id | string | 3+ |
//! | group_instance_id | string, may be null | 3+ |
//! | topics: name | string | 0–5 |
//! | topics: topic_id | uuid | 6+ |
//! | topics: partitions: partition_index | int32 | 0+ |
//! | topics: partitions: committed_offset | int64 | 0+ |
//! | topics: partitions: committed_leader_epoch | int32, −1 where it is not said | 2+ |
//! | topics: partitions: committed_metadata | string, may be null | 0+ |
//!
//! Response: throttle_time_ms (int32), and of each topic the name or id, and of each partition the index (int32) and an
//! error code (int16). From version 3 on all structs end in tagged fields.

use std::collections::BTreeMap;

use anyhow::ensure;
use bytes::Bytes;
use kafka_protocol::messages::txn_offset_commit_request;
use kafka_protocol::messages::txn_offset_commit_response;
use kafka_protocol::messages::{GroupId, ProducerId, TopicName, TransactionalId};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes, VersionRange,
};
use uuid::Uuid;

use super::encoding::Encoding;

pub use kafka_protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestPartition;
pub use kafka_protocol::messages::txn_offset_commit_response::TxnOffsetCommitResponsePartition;

/// The request.
#[derive(Clone, Debug, PartialEq)]
pub struct TxnOffsetCommitRequest {
    /// Whose transaction it is.
    pub transactional_id: TransactionalId,
    /// Whose offsets they are.
    pub group_id: GroupId,
    /// Who writes.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: i16,
    /// The generation or epoch of the member that consumes; left out below version 3.
    pub generation_id_or_member_epoch: i32,
    /// Who consumes; left out below version 3.
    pub member_id: StrBytes,
    /// Its own name, if it has one; left out below version 3.
    pub group_instance_id: Option<StrBytes>,
    /// The offsets.
    pub topics: Vec<TxnOffsetCommitRequestTopic>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

/// The offsets of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitRequestTopic {
    /// Its name; left out from version 6 on.
    pub name: TopicName,
    /// Its id; left out below version 6.
    pub topic_id: Uuid,
    /// Its partitions.
    pub partitions: Vec<TxnOffsetCommitRequestPartition>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

/// The response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponse {
    /// How long the client is to wait.
    pub throttle_time_ms: i32,
    /// What became of the offsets.
    pub topics: Vec<TxnOffsetCommitResponseTopic>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

/// What became of the offsets of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TxnOffsetCommitResponseTopic {
    /// Its name; left out from version 6 on.
    pub name: TopicName,
    /// Its id; left out below version 6.
    pub topic_id: Uuid,
    /// Its partitions.
    pub partitions: Vec<TxnOffsetCommitResponsePartition>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

const NEWEST: i16 = 6;
const FIRST_FLEXIBLE: i16 = 3;
const FIRST_WITH_MEMBER: i16 = 3;
const FIRST_WITH_TOPIC_IDS: i16 = 6;
/// The version whose partitions the newest has.
const OF_PARTITIONS_MAX: i16 = 5;

impl Default for TxnOffsetCommitRequest {
    fn default() -> Self {
        TxnOffsetCommitRequest {
            transactional_id: TransactionalId::default(),
            group_id: GroupId::default(),
            producer_id: ProducerId(0),
            producer_epoch: 0,
            generation_id_or_member_epoch: -1,
            member_id: StrBytes::default(),
            group_instance_id: None,
            topics: Vec::new(),
            unknown_tagged_fields: BTreeMap::new(),
        }
    }
}

impl Request for TxnOffsetCommitRequest {
    const KEY: i16 = txn_offset_commit_request::TxnOffsetCommitRequest::KEY;
    type Response = TxnOffsetCommitResponse;
}

const VERSIONS: VersionRange = VersionRange {
    min: 0,
    max: NEWEST,
};

impl Message for TxnOffsetCommitRequest {
    const VERSIONS: VersionRange = VERSIONS;
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl Message for TxnOffsetCommitResponse {
    const VERSIONS: VersionRange = VERSIONS;
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for TxnOffsetCommitRequest {
    fn header_version(version: i16) -> i16 {
        txn_offset_commit_request::TxnOffsetCommitRequest::header_version(version)
    }
}

impl HeaderVersion for TxnOffsetCommitResponse {
    fn header_version(version: i16) -> i16 {
        txn_offset_commit_response::TxnOffsetCommitResponse::header_version(version)
    }
}

impl Encodable for TxnOffsetCommitRequest {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        wire.put_string(buffer, Some(&self.transactional_id))?;
        wire.put_string(buffer, Some(&self.group_id))?;
        buffer.put_i64(self.producer_id.0);
        buffer.put_i16(self.producer_epoch);
        if version >= FIRST_WITH_MEMBER {
            buffer.put_i32(self.generation_id_or_member_epoch);
            wire.put_string(buffer, Some(&self.member_id))?;
            wire.put_string(buffer, self.group_instance_id.as_ref())?;
        }
        wire.put_count(buffer, self.topics.len())?;
        for topic in &self.topics {
            put_topic(buffer, version, &topic.name, topic.topic_id)?;
            wire.put_count(buffer, topic.partitions.len())?;
            for partition in &topic.partitions {
                partition.encode(buffer, version.min(OF_PARTITIONS_MAX))?;
            }
            wire.put_tagged_fields(buffer, &topic.unknown_tagged_fields)?;
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes, version)?;
        Ok(bytes.len())
    }
}

impl Decodable for TxnOffsetCommitRequest {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        let mut request = TxnOffsetCommitRequest {
            transactional_id: wire.string(buffer)?.into(),
            group_id: wire.string(buffer)?.into(),
            producer_id: buffer.try_get_i64()?.into(),
            producer_epoch: buffer.try_get_i16()?,
            ..TxnOffsetCommitRequest::default()
        };
        if version >= FIRST_WITH_MEMBER {
            request.generation_id_or_member_epoch = buffer.try_get_i32()?;
            request.member_id = wire.string(buffer)?;
            request.group_instance_id = wire.nullable_string(buffer)?;
        }
        request.topics = wire.array(buffer, |buffer| {
            let (name, topic_id) = topic(buffer, version)?;
            Ok(TxnOffsetCommitRequestTopic {
                name,
                topic_id,
                partitions: wire.array(buffer, |buffer| {
                    let version = version.min(OF_PARTITIONS_MAX);
                    TxnOffsetCommitRequestPartition::decode(buffer, version)
                })?,
                unknown_tagged_fields: wire.tagged_fields(buffer)?,
            })
        })?;
        request.unknown_tagged_fields = wire.tagged_fields(buffer)?;
        Ok(request)
    }
}

impl Encodable for TxnOffsetCommitResponse {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        buffer.put_i32(self.throttle_time_ms);
        wire.put_count(buffer, self.topics.len())?;
        for topic in &self.topics {
            put_topic(buffer, version, &topic.name, topic.topic_id)?;
            wire.put_count(buffer, topic.partitions.len())?;
            for partition in &topic.partitions {
                partition.encode(buffer, version.min(OF_PARTITIONS_MAX))?;
            }
            wire.put_tagged_fields(buffer, &topic.unknown_tagged_fields)?;
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes, version)?;
        Ok(bytes.len())
    }
}

impl Decodable for TxnOffsetCommitResponse {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        Ok(TxnOffsetCommitResponse {
            throttle_time_ms: buffer.try_get_i32()?,
            topics: wire.array(buffer, |buffer| {
                let (name, topic_id) = topic(buffer, version)?;
                Ok(TxnOffsetCommitResponseTopic {
                    name,
                    topic_id,
                    partitions: wire.array(buffer, |buffer| {
                        let version = version.min(OF_PARTITIONS_MAX);
                        TxnOffsetCommitResponsePartition::decode(buffer, version)
                    })?,
                    unknown_tagged_fields: wire.tagged_fields(buffer)?,
                })
            })?,
            unknown_tagged_fields: wire.tagged_fields(buffer)?,
        })
    }
}

fn put_topic<B: ByteBufMut>(
    buffer: &mut B,
    version: i16,
    name: &TopicName,
    topic_id: Uuid,
) -> anyhow::Result<()> {
    if version >= FIRST_WITH_TOPIC_IDS {
        buffer.put_u128(topic_id.as_u128());
        return Ok(());
    }
    Encoding::of(version, FIRST_FLEXIBLE).put_string(buffer, Some(name))
}

fn topic<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<(TopicName, Uuid)> {
    if version >= FIRST_WITH_TOPIC_IDS {
        let topic_id = Uuid::from_u128(buffer.try_get_u128()?);
        return Ok((TopicName::default(), topic_id));
    }
    let name = Encoding::of(version, FIRST_FLEXIBLE).string(buffer)?;
    Ok((name.into(), Uuid::nil()))
}

fn check(version: i16) -> anyhow::Result<()> {
    ensure!(
        (0..=NEWEST).contains(&version),
        "version {version} of TxnOffsetCommit is not known"
    );
    Ok(())
}
