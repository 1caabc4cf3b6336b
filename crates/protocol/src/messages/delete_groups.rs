//! DeleteGroups up to version 3.
//!
//! Version 3 has a message beside each error; its request has the bytes of version 2. Response:
//!
//! | field | type | versions |
//! |---|---|---|
//! | throttle_time_ms | int32 | 0+ |
//! | results: group_id | string | 0+ |
//! | results: error_code | int16 | 0+ |
//! | results: error_message | string, may be null | 3+ |
//! | tagged fields, of the results too | | 2+ |

use std::collections::BTreeMap;

use anyhow::ensure;
use bytes::Bytes;
use kafka_protocol::messages::{GroupId, delete_groups_request, delete_groups_response};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes, VersionRange,
};

use super::encoding::Encoding;
use super::newest_version::with_version_like_the_one_before;

with_version_like_the_one_before! {
    /// The request; its fields are those of the one inside.
    DeleteGroupsRequest(delete_groups_request::DeleteGroupsRequest), newest 3
}

impl Request for DeleteGroupsRequest {
    const KEY: i16 = delete_groups_request::DeleteGroupsRequest::KEY;
    type Response = DeleteGroupsResponse;
}

/// The response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteGroupsResponse {
    /// How long the client is to wait.
    pub throttle_time_ms: i32,
    /// What became of each group.
    pub results: Vec<DeletableGroupResult>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

/// What became of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeletableGroupResult {
    /// Its id.
    pub group_id: GroupId,
    /// 0 if it is gone.
    pub error_code: i16,
    /// For people; left out below version 3.
    pub error_message: Option<StrBytes>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

const NEWEST: i16 = 3;
const FIRST_FLEXIBLE: i16 = 2;
const FIRST_WITH_MESSAGE: i16 = 3;

impl Message for DeleteGroupsResponse {
    const VERSIONS: VersionRange = VersionRange {
        min: 0,
        max: NEWEST,
    };
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for DeleteGroupsResponse {
    fn header_version(version: i16) -> i16 {
        delete_groups_response::DeleteGroupsResponse::header_version(version)
    }
}

impl Encodable for DeleteGroupsResponse {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        buffer.put_i32(self.throttle_time_ms);
        wire.put_count(buffer, self.results.len())?;
        for result in &self.results {
            wire.put_string(buffer, Some(&result.group_id))?;
            buffer.put_i16(result.error_code);
            if version >= FIRST_WITH_MESSAGE {
                wire.put_string(buffer, result.error_message.as_ref())?;
            }
            wire.put_tagged_fields(buffer, &result.unknown_tagged_fields)?;
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes, version)?;
        Ok(bytes.len())
    }
}

impl Decodable for DeleteGroupsResponse {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        let throttle_time_ms = buffer.try_get_i32()?;
        let results = wire.array(buffer, |buffer| {
            Ok(DeletableGroupResult {
                group_id: wire.string(buffer)?.into(),
                error_code: buffer.try_get_i16()?,
                error_message: match version {
                    FIRST_WITH_MESSAGE.. => wire.nullable_string(buffer)?,
                    _ => None,
                },
                unknown_tagged_fields: wire.tagged_fields(buffer)?,
            })
        })?;
        Ok(DeleteGroupsResponse {
            throttle_time_ms,
            results,
            unknown_tagged_fields: wire.tagged_fields(buffer)?,
        })
    }
}

fn check(version: i16) -> anyhow::Result<()> {
    ensure!(
        (0..=NEWEST).contains(&version),
        "version {version} of DeleteGroups is not known"
    );
    Ok(())
}
