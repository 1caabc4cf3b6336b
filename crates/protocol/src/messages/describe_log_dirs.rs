//! DescribeLogDirs up to version 5.
//!
//! Version 5 says of each directory whether it takes new replicas; its request has the bytes of version 4. Response:
//!
//! | field | type | versions |
//! |---|---|---|
//! | throttle_time_ms | int32 | 1+ |
//! | error_code | int16 | 3+ |
//! | results: error_code | int16 | 1+ |
//! | results: log_dir | string | 1+ |
//! | results: topics, with their partitions | as kafka-protocol has them | 1+ |
//! | results: total_bytes, usable_bytes | int64 each | 4+ |
//! | results: is_cordoned | bool | 5+ |
//! | tagged fields, of the results too | | 2+ |

use std::collections::BTreeMap;

use anyhow::ensure;
use bytes::Bytes;
use kafka_protocol::messages::{describe_log_dirs_request, describe_log_dirs_response};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes, VersionRange,
};

use super::encoding::Encoding;
use super::newest_version::with_version_like_the_one_before;

pub use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
pub use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsTopic,
};

with_version_like_the_one_before! {
    /// The request; its fields are those of the one inside.
    DescribeLogDirsRequest(describe_log_dirs_request::DescribeLogDirsRequest), newest 5
}

impl Request for DescribeLogDirsRequest {
    const KEY: i16 = describe_log_dirs_request::DescribeLogDirsRequest::KEY;
    type Response = DescribeLogDirsResponse;
}

/// The response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeLogDirsResponse {
    /// How long the client is to wait.
    pub throttle_time_ms: i32,
    /// Why nothing is told; left out below version 3.
    pub error_code: i16,
    /// What each directory holds.
    pub results: Vec<DescribeLogDirsResult>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

/// What one directory holds.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeLogDirsResult {
    /// 0 if it can be used.
    pub error_code: i16,
    /// Its path.
    pub log_dir: StrBytes,
    /// The topics with partitions in it.
    pub topics: Vec<DescribeLogDirsTopic>,
    /// The size of its volume; −1 if nobody knows. Left out below version 4.
    pub total_bytes: i64,
    /// What is left of it; −1 if nobody knows. Left out below version 4.
    pub usable_bytes: i64,
    /// Whether it takes no new replicas. Left out below version 5.
    pub is_cordoned: bool,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

impl Default for DescribeLogDirsResult {
    fn default() -> Self {
        DescribeLogDirsResult {
            error_code: 0,
            log_dir: StrBytes::new(),
            topics: Vec::new(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: false,
            unknown_tagged_fields: BTreeMap::new(),
        }
    }
}

const OLDEST: i16 = 1;
const NEWEST: i16 = 5;
const FIRST_FLEXIBLE: i16 = 2;
const FIRST_WITH_ERROR: i16 = 3;
const FIRST_WITH_BYTES: i16 = 4;
const FIRST_WITH_CORDON: i16 = 5;
/// What a topic looks like has not changed since.
const NEWEST_OF_TOPICS: i16 = 4;

impl Message for DescribeLogDirsResponse {
    const VERSIONS: VersionRange = VersionRange {
        min: OLDEST,
        max: NEWEST,
    };
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for DescribeLogDirsResponse {
    fn header_version(version: i16) -> i16 {
        describe_log_dirs_response::DescribeLogDirsResponse::header_version(version)
    }
}

impl Encodable for DescribeLogDirsResponse {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        buffer.put_i32(self.throttle_time_ms);
        if version >= FIRST_WITH_ERROR {
            buffer.put_i16(self.error_code);
        }
        wire.put_count(buffer, self.results.len())?;
        for result in &self.results {
            result.encode(buffer, version)?;
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes, version)?;
        Ok(bytes.len())
    }
}

impl Decodable for DescribeLogDirsResponse {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        check(version)?;
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        let throttle_time_ms = buffer.try_get_i32()?;
        let error_code = match version {
            FIRST_WITH_ERROR.. => buffer.try_get_i16()?,
            _ => 0,
        };
        let results = wire.array(buffer, |buffer| {
            DescribeLogDirsResult::decode(buffer, version)
        })?;
        Ok(DescribeLogDirsResponse {
            throttle_time_ms,
            error_code,
            results,
            unknown_tagged_fields: wire.tagged_fields(buffer)?,
        })
    }
}

impl DescribeLogDirsResult {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        buffer.put_i16(self.error_code);
        wire.put_string(buffer, Some(&self.log_dir))?;
        wire.put_count(buffer, self.topics.len())?;
        for topic in &self.topics {
            topic.encode(buffer, version.min(NEWEST_OF_TOPICS))?;
        }
        if version >= FIRST_WITH_BYTES {
            buffer.put_i64(self.total_bytes);
            buffer.put_i64(self.usable_bytes);
        }
        if version >= FIRST_WITH_CORDON {
            buffer.put_u8(u8::from(self.is_cordoned));
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        let wire = Encoding::of(version, FIRST_FLEXIBLE);
        let error_code = buffer.try_get_i16()?;
        let log_dir = wire.string(buffer)?;
        let topics = wire.array(buffer, |buffer| {
            DescribeLogDirsTopic::decode(buffer, version.min(NEWEST_OF_TOPICS))
        })?;
        let (total_bytes, usable_bytes) = match version {
            FIRST_WITH_BYTES.. => (buffer.try_get_i64()?, buffer.try_get_i64()?),
            _ => (-1, -1),
        };
        let is_cordoned = version >= FIRST_WITH_CORDON && buffer.try_get_u8()? != 0;
        Ok(DescribeLogDirsResult {
            error_code,
            log_dir,
            topics,
            total_bytes,
            usable_bytes,
            is_cordoned,
            unknown_tagged_fields: wire.tagged_fields(buffer)?,
        })
    }
}

fn check(version: i16) -> anyhow::Result<()> {
    ensure!(
        (OLDEST..=NEWEST).contains(&version),
        "version {version} of DescribeLogDirs is not known"
    );
    Ok(())
}
