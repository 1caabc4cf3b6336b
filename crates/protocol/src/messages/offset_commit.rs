//! The OffsetCommit request of version 10, which names topics by their ids:
//!
//! | field | type |
//! |---|---|
//! | group_id, member_id | string each, the generation or member epoch (int32) between them |
//! | group_instance_id | string, may be null |
//! | topics: topic_id | uuid |
//! | topics: partitions | as in version 9 |
//! | tagged fields, of the topics too | |

use kafka_protocol::messages::offset_commit_request::{
    self, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_commit_response::OffsetCommitResponse;
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{Decodable, Encodable, Request};
use uuid::Uuid;

use super::encoding::Encoding;
use super::newest_version::with_newest_version;

with_newest_version! {
    /// The request; its fields are those of the one inside.
    OffsetCommitRequest(offset_commit_request::OffsetCommitRequest), newest 10
}

impl Request for OffsetCommitRequest {
    const KEY: i16 = offset_commit_request::OffsetCommitRequest::KEY;
    type Response = OffsetCommitResponse;
}

/// The version whose partitions the newest has.
const OF_PARTITIONS: i16 = 9;

impl OffsetCommitRequest {
    fn encode_newest<B: ByteBufMut>(&self, buffer: &mut B) -> anyhow::Result<()> {
        let wire = Encoding::Flexible;
        wire.put_string(buffer, Some(&self.group_id))?;
        buffer.put_i32(self.generation_id_or_member_epoch);
        wire.put_string(buffer, Some(&self.member_id))?;
        wire.put_string(buffer, self.group_instance_id.as_ref())?;
        wire.put_count(buffer, self.topics.len())?;
        for topic in &self.topics {
            buffer.put_u128(topic.topic_id.as_u128());
            wire.put_count(buffer, topic.partitions.len())?;
            for partition in &topic.partitions {
                partition.encode(buffer, OF_PARTITIONS)?;
            }
            wire.put_tagged_fields(buffer, &topic.unknown_tagged_fields)?;
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn decode_newest<B: ByteBuf>(buffer: &mut B) -> anyhow::Result<Self> {
        let wire = Encoding::Flexible;
        let request = offset_commit_request::OffsetCommitRequest::default()
            .with_group_id(wire.string(buffer)?.into())
            .with_generation_id_or_member_epoch(buffer.try_get_i32()?)
            .with_member_id(wire.string(buffer)?)
            .with_group_instance_id(wire.nullable_string(buffer)?)
            .with_topics(wire.array(buffer, |buffer| {
                Ok(OffsetCommitRequestTopic::default()
                    .with_topic_id(Uuid::from_u128(buffer.try_get_u128()?))
                    .with_partitions(wire.array(buffer, |buffer| {
                        OffsetCommitRequestPartition::decode(buffer, OF_PARTITIONS)
                    })?)
                    .with_unknown_tagged_fields(wire.tagged_fields(buffer)?))
            })?)
            .with_unknown_tagged_fields(wire.tagged_fields(buffer)?);
        Ok(request.into())
    }
}
