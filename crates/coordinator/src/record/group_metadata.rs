//! `GroupMetadataValue` (2): a classic group at the end of a rebalance. Its key is the group's id.
//!
//! | field | type | versions |
//! |---|---|---|
//! | protocolType | string | all |
//! | generation | int32 | all |
//! | protocol, leader | nullable string | all |
//! | currentStateTimestamp | int64 | 2 and later |
//! | members | array | all |
//! | … memberId | string | all |
//! | … groupInstanceId | nullable string | 3 and later |
//! | … clientId, clientHost | string | all |
//! | … rebalanceTimeout | int32 | 1 and later |
//! | … sessionTimeout | int32 | all |
//! | … subscription, assignment | bytes | all |
//!
//! Version 4, the flexible one, is read; Kafka 4.4 writes version 3, and so do we.

use bytes::Bytes;
use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter};

/// The fewest bytes of a member: version 0, all of it empty.
const MEMBER_BYTES_MIN: usize = 10;

/// What the log says of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    /// What kind of members it has: "consumer", "connect"; empty if it never had any.
    pub protocol_type: String,
    /// Counts its rebalances.
    pub generation: i32,
    /// The protocol that the members agreed on; `None` without members.
    pub protocol: Option<String>,
    /// The member that assigns; `None` without members.
    pub leader: Option<String>,
    /// Since when it is in its state; −1 if that was not recorded.
    pub current_state_timestamp_ms: i64,
    /// Who is in it.
    pub members: Vec<MemberMetadata>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadata {
    /// The id that the coordinator gave it.
    pub member_id: String,
    /// The name that it gave itself, if it is a static member.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// Where its client is.
    pub client_host: String,
    /// How long it may take to join again; −1 stands for the session timeout.
    pub rebalance_timeout_ms: i32,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// What it said for the chosen protocol.
    pub subscription: Bytes,
    /// What the leader gave it.
    pub assignment: Bytes,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: String::new(),
            generation: 0,
            protocol: None,
            leader: None,
            current_state_timestamp_ms: -1,
            members: Vec::new(),
        }
    }
}

impl GroupMetadataValue {
    pub(super) fn size_bytes_max(&self) -> usize {
        let members = self.members.iter().fold(0, |sum: usize, member| {
            sum.saturating_add(member.size_bytes_max())
        });
        let names = self.protocol_type.len()
            + self.protocol.as_ref().map_or(0, String::len)
            + self.leader.as_ref().map_or(0, String::len);
        members.saturating_add(40 + names)
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i16(3);
        to.old_string(&self.protocol_type);
        to.i32(self.generation);
        to.old_nullable_string(self.protocol.as_deref());
        to.old_nullable_string(self.leader.as_deref());
        to.i64(self.current_state_timestamp_ms);
        to.old_array(&self.members, |to, member| member.write(to));
    }

    pub(super) fn read(
        version: i16,
        from: &mut FieldReader<'_>,
    ) -> Result<Option<Self>, FieldError> {
        match version {
            0..=3 => Self::read_old(version, from).map(Some),
            4 => Self::read_flexible(from).map(Some),
            _ => Ok(None),
        }
    }

    fn read_old(version: i16, from: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            protocol_type: from.old_string()?,
            generation: from.i32()?,
            protocol: from.old_nullable_string()?,
            leader: from.old_nullable_string()?,
            current_state_timestamp_ms: if version >= 2 { from.i64()? } else { -1 },
            members: from.old_array(MEMBER_BYTES_MIN, |from| {
                MemberMetadata::read_old(version, from)
            })?,
        })
    }

    fn read_flexible(from: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        let value = Self {
            protocol_type: from.string()?,
            generation: from.i32()?,
            protocol: from.nullable_string()?,
            leader: from.nullable_string()?,
            current_state_timestamp_ms: from.i64()?,
            members: from.array(MEMBER_BYTES_MIN, MemberMetadata::read_flexible)?,
        };
        from.skip_tags()?;
        Ok(value)
    }
}

impl MemberMetadata {
    fn size_bytes_max(&self) -> usize {
        40 + self.member_id.len()
            + self.instance_id.as_ref().map_or(0, String::len)
            + self.client_id.len()
            + self.client_host.len()
            + self.subscription.len()
            + self.assignment.len()
    }

    fn write(&self, to: &mut FieldWriter) {
        to.old_string(&self.member_id);
        to.old_nullable_string(self.instance_id.as_deref());
        to.old_string(&self.client_id);
        to.old_string(&self.client_host);
        to.i32(self.rebalance_timeout_ms);
        to.i32(self.session_timeout_ms);
        to.old_bytes(&self.subscription);
        to.old_bytes(&self.assignment);
    }

    fn read_old(version: i16, from: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            member_id: from.old_string()?,
            instance_id: if version >= 3 {
                from.old_nullable_string()?
            } else {
                None
            },
            client_id: from.old_string()?,
            client_host: from.old_string()?,
            rebalance_timeout_ms: if version >= 1 { from.i32()? } else { -1 },
            session_timeout_ms: from.i32()?,
            subscription: from.old_bytes()?.into(),
            assignment: from.old_bytes()?.into(),
        })
    }

    fn read_flexible(from: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        let member = Self {
            member_id: from.string()?,
            instance_id: from.nullable_string()?,
            client_id: from.string()?,
            client_host: from.string()?,
            rebalance_timeout_ms: from.i32()?,
            session_timeout_ms: from.i32()?,
            subscription: from.bytes()?.into(),
            assignment: from.bytes()?.into(),
        };
        from.skip_tags()?;
        Ok(member)
    }
}
