//! One group and its members.
//!
//! Invariants: a static member's name leads to a member; a pending member is not a member; there
//! is a leader if and only if there are members.

use std::collections::{BTreeMap, BTreeSet};

use ottla_protocol::ErrorCode;

use super::{Member, Protocol};
use crate::record::{GroupMetadataValue, MemberMetadata};

/// Where a group is in its life. A dead group is one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No members.
    Empty,
    /// Members join.
    PreparingRebalance {
        /// Whether the group was empty before: then it waits a little for more to come.
        initial: bool,
        /// Whether someone came since the last look: then it waits a little longer.
        new_member_added: bool,
    },
    /// All joined; the leader assigns.
    CompletingRebalance,
    /// Everyone has an assignment.
    Stable,
}

/// A group as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveGroup {
    /// Where it is in its life.
    pub phase: Phase,
    /// Since when; `None` if an old log did not say.
    pub phase_since_ms: Option<i64>,
    /// Counts its rebalances.
    pub generation: i32,
    /// What kind of members it has; `None` if it never had any.
    pub protocol_type: Option<String>,
    /// The protocol of this generation.
    pub protocol: Option<String>,
    /// The member that assigns.
    pub leader: Option<String>,
    /// Who is in it, by member id.
    pub members: BTreeMap<String, Member>,
    /// Member ids that were given out and have not joined yet.
    pub pending_joins: BTreeSet<String>,
    /// Members of this generation that did not ask for their assignment yet.
    pub pending_syncs: BTreeSet<String>,
    /// The topics that its consumers want; `None` if it is not known.
    pub subscribed_topics: Option<BTreeSet<String>>,
    static_members: BTreeMap<String, String>,
}

impl Phase {
    /// Kafka's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::PreparingRebalance { .. } => "PreparingRebalance",
            Phase::CompletingRebalance => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }
}

impl LiveGroup {
    /// The group that the log describes: stable if it has members.
    pub(crate) fn loaded(value: &GroupMetadataValue) -> Self {
        let protocol = value.protocol.as_deref().unwrap_or_default();
        let members: BTreeMap<String, Member> = value
            .members
            .iter()
            .map(|member| (member.member_id.clone(), Member::loaded(protocol, member)))
            .collect();
        let named_leader = value
            .leader
            .clone()
            .filter(|leader| members.contains_key(leader));
        let mut group = Self {
            phase: if members.is_empty() {
                Phase::Empty
            } else {
                Phase::Stable
            },
            phase_since_ms: Some(value.current_state_timestamp_ms).filter(|since| *since != -1),
            generation: value.generation,
            protocol_type: Some(value.protocol_type.clone()).filter(|kind| !kind.is_empty()),
            protocol: value.protocol.clone(),
            leader: named_leader.or_else(|| members.keys().next().cloned()),
            static_members: static_members(&members),
            members,
            pending_joins: BTreeSet::new(),
            pending_syncs: BTreeSet::new(),
            subscribed_topics: None,
        };
        group.subscribed_topics = group.read_subscribed_topics();
        group
    }

    /// What the log shall say of it.
    pub(crate) fn to_value(&self) -> GroupMetadataValue {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self
            .members
            .iter()
            .map(|(member_id, member)| MemberMetadata {
                member_id: member_id.clone(),
                instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                subscription: member.metadata(protocol),
                assignment: member.assignment.clone(),
            });
        GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp_ms: self.phase_since_ms.unwrap_or(-1),
            members: members.collect(),
        }
    }

    pub(super) fn is_worth_keeping(&self) -> bool {
        self.phase != Phase::Empty || !self.pending_joins.is_empty()
    }

    /// Whether a member is the one that assigns.
    pub fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// Who goes by that static name.
    pub fn static_member(&self, instance_id: &str) -> Option<&str> {
        self.static_members.get(instance_id).map(String::as_str)
    }

    /// Whether a request with these names comes from a member.
    pub fn validate_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_member(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(existing) if existing != member_id => {
                    return Err(ErrorCode::FencedInstanceId);
                }
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// Adds a member. The first one decides of which kind the group is.
    pub(crate) fn add(&mut self, member_id: &str, member: Member, protocol_type: &str) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.to_owned());
        }
        self.leader.get_or_insert_with(|| member_id.to_owned());
        if let Some(instance_id) = &member.instance_id {
            let before = self
                .static_members
                .insert(instance_id.clone(), member_id.to_owned());
            assert!(before.is_none(), "a static member was added twice");
        }
        self.pending_joins.remove(member_id);
        let before = self.members.insert(member_id.to_owned(), member);
        assert!(before.is_none(), "a member was added twice");
    }

    /// Removes a member or a pending member; another one leads, if it led.
    pub(crate) fn remove(&mut self, member_id: &str) -> Option<Member> {
        self.pending_joins.remove(member_id);
        self.pending_syncs.remove(member_id);
        let member = self.members.remove(member_id)?;
        if let Some(instance_id) = &member.instance_id {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Gives a static member's place to a new member id, and returns what was there.
    pub(crate) fn replace(&mut self, old_id: &str, new_id: &str, member: Member) -> Option<Member> {
        let old = self.members.remove(old_id)?;
        if let Some(instance_id) = &member.instance_id {
            self.static_members
                .insert(instance_id.clone(), new_id.to_owned());
        }
        if self.is_leader(old_id) {
            self.leader = Some(new_id.to_owned());
        }
        self.members.insert(new_id.to_owned(), member);
        Some(old)
    }

    /// How many wait for the end of the join phase.
    pub fn joined_count(&self) -> usize {
        self.members
            .values()
            .filter(|member| member.has_joined())
            .count()
    }

    /// Whether nobody is missing.
    pub fn all_joined(&self) -> bool {
        self.pending_joins.is_empty() && self.members.values().all(Member::has_joined)
    }

    /// How long the slowest member may take to join.
    pub fn rebalance_timeout_ms(&self) -> i32 {
        let timeouts = self
            .members
            .values()
            .map(|member| member.rebalance_timeout_ms);
        timeouts.max().unwrap_or(0).max(0)
    }

    /// Makes sure that the one who leads has joined. Says whether anyone can lead.
    pub(crate) fn elect_joined_leader(&mut self) -> bool {
        let led = self
            .leader
            .as_ref()
            .and_then(|leader| self.members.get(leader));
        if led.is_some_and(Member::has_joined) {
            return true;
        }
        let mut joined = self
            .members
            .iter()
            .filter(|(_, member)| member.has_joined());
        match joined.next() {
            Some((member_id, _)) => {
                self.leader = Some(member_id.clone());
                true
            }
            None => false,
        }
    }

    /// Whether a member that speaks these protocols fits in.
    pub fn accepts_protocols(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.phase == Phase::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|protocol| self.all_speak(&protocol.name))
    }
}

fn static_members(members: &BTreeMap<String, Member>) -> BTreeMap<String, String> {
    let named = members.iter().filter_map(|(member_id, member)| {
        let instance_id = member.instance_id.clone()?;
        Some((instance_id, member_id.clone()))
    });
    named.collect()
}
