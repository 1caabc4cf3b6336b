//! AddRaftVoter up to version 1.
//!
//! Version 1 says when the answer is wanted; its response has the bytes of version 0. Request:
//!
//! | field | type | versions |
//! |---|---|---|
//! | cluster_id | string, may be null | 0+ |
//! | timeout_ms | int32 | 0+ |
//! | voter_id | int32 | 0+ |
//! | voter_directory_id | uuid | 0+ |
//! | listeners | as kafka-protocol has them in version 0 | 0+ |
//! | ack_when_committed | bool, true where it is not said | 1+ |
//! | tagged fields | | 0+ |

use std::collections::BTreeMap;

use anyhow::ensure;
use bytes::Bytes;
use kafka_protocol::messages::add_raft_voter_request::{self, Listener};
use kafka_protocol::messages::add_raft_voter_response;
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes, VersionRange,
};
use uuid::Uuid;

use super::encoding::Encoding;
use super::newest_version::with_version_like_the_one_before;

with_version_like_the_one_before! {
    /// The response; its fields are those of the one inside.
    AddRaftVoterResponse(add_raft_voter_response::AddRaftVoterResponse), newest 1
}

/// The request.
#[derive(Clone, Debug, PartialEq)]
pub struct AddRaftVoterRequest {
    /// The cluster that is meant, if that is said.
    pub cluster_id: Option<StrBytes>,
    /// How long the client waits.
    pub timeout_ms: i32,
    /// Who is to vote.
    pub voter_id: i32,
    /// The log directory that it has the metadata in.
    pub voter_directory_id: Uuid,
    /// Where it is reached.
    pub listeners: Vec<Listener>,
    /// Whether the answer is wanted when it votes, or when that is decided; left out below version 1.
    pub ack_when_committed: bool,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

const NEWEST: i16 = 1;
const FIRST_WITH_ACK: i16 = 1;
/// The version whose listeners all have.
const OF_LISTENERS: i16 = 0;

impl Default for AddRaftVoterRequest {
    fn default() -> Self {
        AddRaftVoterRequest {
            cluster_id: None,
            timeout_ms: 0,
            voter_id: 0,
            voter_directory_id: Uuid::nil(),
            listeners: Vec::new(),
            ack_when_committed: true,
            unknown_tagged_fields: BTreeMap::new(),
        }
    }
}

impl Request for AddRaftVoterRequest {
    const KEY: i16 = add_raft_voter_request::AddRaftVoterRequest::KEY;
    type Response = AddRaftVoterResponse;
}

impl Message for AddRaftVoterRequest {
    const VERSIONS: VersionRange = VersionRange {
        min: 0,
        max: NEWEST,
    };
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for AddRaftVoterRequest {
    fn header_version(version: i16) -> i16 {
        add_raft_voter_request::AddRaftVoterRequest::header_version(version)
    }
}

impl Encodable for AddRaftVoterRequest {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        check(version)?;
        let wire = Encoding::Flexible;
        wire.put_string(buffer, self.cluster_id.as_ref())?;
        buffer.put_i32(self.timeout_ms);
        buffer.put_i32(self.voter_id);
        buffer.put_u128(self.voter_directory_id.as_u128());
        wire.put_count(buffer, self.listeners.len())?;
        for listener in &self.listeners {
            listener.encode(buffer, OF_LISTENERS)?;
        }
        if version >= FIRST_WITH_ACK {
            buffer.put_u8(self.ack_when_committed.into());
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes, version)?;
        Ok(bytes.len())
    }
}

impl Decodable for AddRaftVoterRequest {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        check(version)?;
        let wire = Encoding::Flexible;
        Ok(AddRaftVoterRequest {
            cluster_id: wire.nullable_string(buffer)?,
            timeout_ms: buffer.try_get_i32()?,
            voter_id: buffer.try_get_i32()?,
            voter_directory_id: Uuid::from_u128(buffer.try_get_u128()?),
            listeners: wire.array(buffer, |buffer| Listener::decode(buffer, OF_LISTENERS))?,
            ack_when_committed: match version {
                FIRST_WITH_ACK.. => buffer.try_get_u8()? != 0,
                _ => true,
            },
            unknown_tagged_fields: wire.tagged_fields(buffer)?,
        })
    }
}

fn check(version: i16) -> anyhow::Result<()> {
    ensure!(
        (0..=NEWEST).contains(&version),
        "version {version} of AddRaftVoter is not known"
    );
    Ok(())
}
