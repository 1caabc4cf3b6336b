//! The OffsetFetch request of version 10, which names topics by their ids:
//!
//! | field | type |
//! |---|---|
//! | groups: group_id | string |
//! | groups: member_id | string, may be null |
//! | groups: member_epoch | int32 |
//! | groups: topics | may be null |
//! | groups: topics: topic_id | uuid |
//! | groups: topics: partition_indexes | int32 each |
//! | require_stable | bool |
//! | tagged fields, of groups and topics too | |

use kafka_protocol::messages::offset_fetch_request::{
    self, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_fetch_response::OffsetFetchResponse;
use kafka_protocol::protocol::Request;
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use uuid::Uuid;

use super::encoding::Encoding;
use super::newest_version::with_newest_version;

with_newest_version! {
    /// The request; its fields are those of the one inside.
    OffsetFetchRequest(offset_fetch_request::OffsetFetchRequest), newest 10
}

impl Request for OffsetFetchRequest {
    const KEY: i16 = offset_fetch_request::OffsetFetchRequest::KEY;
    type Response = OffsetFetchResponse;
}

const WIRE: Encoding = Encoding::Flexible;

impl OffsetFetchRequest {
    fn encode_newest<B: ByteBufMut>(&self, buffer: &mut B) -> anyhow::Result<()> {
        WIRE.put_count(buffer, self.groups.len())?;
        for group in &self.groups {
            put_group(buffer, group)?;
        }
        buffer.put_u8(u8::from(self.require_stable));
        WIRE.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn decode_newest<B: ByteBuf>(buffer: &mut B) -> anyhow::Result<Self> {
        let groups = WIRE.array(buffer, group)?;
        let require_stable = buffer.try_get_u8()? != 0;
        let request = offset_fetch_request::OffsetFetchRequest::default()
            .with_groups(groups)
            .with_require_stable(require_stable)
            .with_unknown_tagged_fields(WIRE.tagged_fields(buffer)?);
        Ok(request.into())
    }
}

fn put_group<B: ByteBufMut>(buffer: &mut B, group: &OffsetFetchRequestGroup) -> anyhow::Result<()> {
    WIRE.put_string(buffer, Some(&group.group_id))?;
    WIRE.put_string(buffer, group.member_id.as_ref())?;
    buffer.put_i32(group.member_epoch);
    match &group.topics {
        None => WIRE.put_null_array(buffer),
        Some(topics) => {
            WIRE.put_count(buffer, topics.len())?;
            for topic in topics {
                buffer.put_u128(topic.topic_id.as_u128());
                WIRE.put_count(buffer, topic.partition_indexes.len())?;
                for index in &topic.partition_indexes {
                    buffer.put_i32(*index);
                }
                WIRE.put_tagged_fields(buffer, &topic.unknown_tagged_fields)?;
            }
        }
    }
    WIRE.put_tagged_fields(buffer, &group.unknown_tagged_fields)
}

fn group<B: ByteBuf>(buffer: &mut B) -> anyhow::Result<OffsetFetchRequestGroup> {
    Ok(OffsetFetchRequestGroup::default()
        .with_group_id(WIRE.string(buffer)?.into())
        .with_member_id(WIRE.nullable_string(buffer)?)
        .with_member_epoch(buffer.try_get_i32()?)
        .with_topics(WIRE.nullable_array(buffer, topic)?)
        .with_unknown_tagged_fields(WIRE.tagged_fields(buffer)?))
}

fn topic<B: ByteBuf>(buffer: &mut B) -> anyhow::Result<OffsetFetchRequestTopics> {
    Ok(OffsetFetchRequestTopics::default()
        .with_topic_id(Uuid::from_u128(buffer.try_get_u128()?))
        .with_partition_indexes(WIRE.array(buffer, |buffer| Ok(buffer.try_get_i32()?))?)
        .with_unknown_tagged_fields(WIRE.tagged_fields(buffer)?))
}
