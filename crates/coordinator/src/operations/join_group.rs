//! JoinGroup: a member asks to be in the next generation.
//!
//! A member without an id is new, or a static member that comes back. From version 4 on a new
//! dynamic member is first told its id and asked to come again with it (KIP-394), so that one that
//! gives up leaves nothing behind but a pending id.

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::fields::OLD_STRING_BYTES_MAX;
use ottla_statemachine::{Outbox, Ticket, Timestamp};
use uuid::Uuid;

use super::Turn;
use super::limits::{NEW_MEMBER_JOIN_TIMEOUT_MS, PENDING_MEMBERS_MAX};
use crate::live::{Live, Member, Phase, Protocol, Waiting};
use crate::machine::{Groups, Reply};
use crate::record::{GroupMetadataValue, Record};
use crate::state::State;

/// From this version on a new dynamic member must come again with the id that it is given.
const MEMBER_ID_REQUIRED_VERSION_MIN: i16 = 4;
/// From this version on a leader can be told not to assign (KIP-814).
const SKIP_ASSIGNMENT_VERSION_MIN: i16 = 9;
/// What a new member's id is longer than the name in front of it.
const MEMBER_ID_SUFFIX_BYTES: usize = 1 + uuid::fmt::Hyphenated::LENGTH;

/// A member's wish to be in the group.
#[derive(Clone, Debug)]
pub struct JoinGroup {
    /// The request's version.
    pub version: i16,
    /// Which group.
    pub group_id: String,
    /// Who; empty if it has no id yet.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// Where its client is, as Kafka writes it: "/127.0.0.1".
    pub client_host: String,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// How long it may take to join again; version 0 says nothing here.
    pub rebalance_timeout_ms: i32,
    /// What kind of member it is.
    pub protocol_type: String,
    /// What it speaks, best first.
    pub protocols: Vec<Protocol>,
    /// Random, another one for each request: it becomes part of a new member's id.
    pub member_uuid: Uuid,
}

/// A member of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Its id.
    pub member_id: String,
    /// The generation.
    pub generation: i32,
    /// The kind of members in this group.
    pub protocol_type: Option<String>,
    /// The protocol that all of them speak.
    pub protocol: Option<String>,
    /// The member that assigns.
    pub leader: String,
    /// All members, if this is the leader; else nobody.
    pub members: Vec<JoinedMember>,
    /// Whether the leader shall leave the assignment as it is.
    pub skip_assignment: bool,
}

/// What the leader is told of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
    /// What it says in the chosen protocol.
    pub metadata: Bytes,
}

/// Why someone is not in the next generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRefused {
    /// Why.
    pub error: ErrorCode,
    /// The id that the answer bears: the asker's, a new one if the error is that it needs one, or
    /// none.
    pub member_id: String,
}

impl JoinRefused {
    pub(super) fn new(error: ErrorCode, member_id: &str) -> Self {
        Self {
            error,
            member_id: member_id.to_owned(),
        }
    }
}

impl JoinGroup {
    pub(crate) fn decide(
        mut self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Groups>,
    ) {
        if let Err(error) = self.check(hard) {
            let refused = JoinRefused::new(error, &self.member_id);
            return out.reply(Reply::JoinGroup(Err(refused)));
        }
        self.own_what_is_kept();
        let group_id = std::mem::take(&mut self.group_id);
        let turn = match hard.group(&group_id) {
            Some(_) => Turn::take(hard, live, &group_id, now, out),
            None if self.member_id.is_empty() => Some(create(hard, &group_id, now, out)),
            None => {
                let refused = JoinRefused::new(ErrorCode::UnknownMemberId, &self.member_id);
                return out.reply(Reply::JoinGroup(Err(refused)));
            }
        };
        let mut turn = turn.expect("the log knows the group, or it was just made");
        if !turn.has_room_for(&self.member_id) {
            let member_id = std::mem::take(&mut self.member_id);
            turn.remove(&member_id);
            turn.refuse_join(ErrorCode::GroupMaxSizeReached, "");
        } else if !turn
            .group
            .accepts_protocols(&self.protocol_type, &self.protocols)
        {
            turn.refuse_join(ErrorCode::InconsistentGroupProtocol, &self.member_id);
        } else if self.member_id.is_empty() {
            turn.join_new(self);
        } else {
            turn.join_known(self);
        }
        turn.put(live);
    }

    fn check(&self, hard: &State) -> Result<(), ErrorCode> {
        if self.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let config = hard.config();
        let allowed = config.min_session_timeout_ms..=config.max_session_timeout_ms;
        if !allowed.contains(&self.session_timeout_ms) {
            return Err(ErrorCode::InvalidSessionTimeout);
        }
        if self.has_a_name_too_long_for_the_log() {
            return Err(ErrorCode::UnknownServerError);
        }
        Ok(())
    }

    /// Kafka fails on such a name when it writes the record, and says as little.
    fn has_a_name_too_long_for_the_log(&self) -> bool {
        let instance_id = self.instance_id.as_deref().unwrap_or_default();
        let prefix_bytes_max = self.client_id.len().max(instance_id.len());
        let mut protocols = self.protocols.iter();
        self.group_id.len() > OLD_STRING_BYTES_MAX
            || prefix_bytes_max + MEMBER_ID_SUFFIX_BYTES > OLD_STRING_BYTES_MAX
            || self.client_host.len() > OLD_STRING_BYTES_MAX
            || self.protocol_type.len() > OLD_STRING_BYTES_MAX
            || protocols.any(|protocol| protocol.name.len() > OLD_STRING_BYTES_MAX)
    }

    /// Copies what outlives the request, which may be a slice of its frame; drops protocols that
    /// are named twice; gives version 0 the rebalance timeout that it has not.
    fn own_what_is_kept(&mut self) {
        let mut names = std::collections::BTreeSet::new();
        self.protocols
            .retain(|protocol| names.insert(protocol.name.clone()));
        for protocol in &mut self.protocols {
            protocol.metadata = Bytes::copy_from_slice(&protocol.metadata);
        }
        if self.version == 0 {
            self.rebalance_timeout_ms = self.session_timeout_ms;
        }
    }

    pub(super) fn can_skip_assignment(&self) -> bool {
        self.version >= SKIP_ASSIGNMENT_VERSION_MIN
    }

    fn new_member_id(&self) -> String {
        let name = self.instance_id.as_ref().unwrap_or(&self.client_id);
        format!("{name}-{}", self.member_uuid)
    }

    pub(super) fn into_member(self, waiting: Waiting) -> Member {
        Member {
            instance_id: self.instance_id,
            client_id: self.client_id,
            client_host: self.client_host,
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            protocols: self.protocols,
            assignment: Bytes::new(),
            waiting,
            is_new: true,
        }
    }
}

/// A new group. The log is told at once, so that whoever is given a member id finds the group
/// again, whoever leads then.
fn create<'a>(
    hard: &'a State,
    group_id: &'a str,
    now: Timestamp,
    out: &'a mut Outbox<Groups>,
) -> Turn<'a> {
    let value = GroupMetadataValue {
        current_state_timestamp_ms: now.0,
        ..GroupMetadataValue::default()
    };
    let turn = Turn::of_new(hard, group_id, &value, now, out);
    turn.out.record(Record::GroupMetadata {
        group_id: group_id.to_owned(),
        value: Some(value),
    });
    turn
}

impl Turn<'_> {
    pub(super) fn refuse_join(&mut self, error: ErrorCode, member_id: &str) {
        let refused = JoinRefused::new(error, member_id);
        self.out.reply(Reply::JoinGroup(Err(refused)));
    }

    pub(super) fn asker(&self) -> Ticket {
        self.out
            .ticket()
            .expect("only timers ask without a ticket, and none joins or syncs")
    }

    /// Whether the group may grow by this member, or has it already. In the join phase those count
    /// that have joined, so that a group that was made smaller loses the last to come.
    fn has_room_for(&self, member_id: &str) -> bool {
        let group = &self.group;
        let member = group.members.get(member_id);
        match group.phase {
            Phase::Empty => true,
            Phase::PreparingRebalance { .. } => {
                member.is_some_and(Member::has_joined)
                    || group.joined_count() < self.config.max_size
            }
            Phase::CompletingRebalance | Phase::Stable => {
                member.is_some() || group.members.len() < self.config.max_size
            }
        }
    }

    fn join_new(&mut self, request: JoinGroup) {
        let member_id = request.new_member_id();
        let known = request.instance_id.as_deref();
        let known = known.and_then(|instance_id| self.group.static_member(instance_id));
        if let Some(old_id) = known.map(str::to_owned) {
            self.replace_static_member(&old_id, &member_id, request);
        } else if request.instance_id.is_none() && request.version >= MEMBER_ID_REQUIRED_VERSION_MIN
        {
            self.require_member_id(&member_id, request.session_timeout_ms);
        } else {
            self.add_member(&member_id, request);
        }
    }

    fn require_member_id(&mut self, member_id: &str, session_timeout_ms: i32) {
        if self.group.pending_joins.len() >= PENDING_MEMBERS_MAX {
            return self.refuse_join(ErrorCode::GroupMaxSizeReached, "");
        }
        self.group.pending_joins.insert(member_id.to_owned());
        self.set_session(member_id, i64::from(session_timeout_ms));
        self.refuse_join(ErrorCode::MemberIdRequired, member_id);
    }

    pub(super) fn add_member(&mut self, member_id: &str, request: JoinGroup) {
        if let Phase::PreparingRebalance {
            initial: true,
            new_member_added,
        } = &mut self.group.phase
        {
            *new_member_added = true;
        }
        let protocol_type = request.protocol_type.clone();
        let member = request.into_member(Waiting::Join(self.asker()));
        self.group.add(member_id, member, &protocol_type);
        self.set_session(member_id, NEW_MEMBER_JOIN_TIMEOUT_MS);
        self.rebalance_or_complete_join();
    }
}

#[cfg(test)]
mod tests;
