//! SyncGroup: a member asks for its assignment; the leader brings it for all.

use std::collections::BTreeMap;
use std::slice;

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::Turn;
use crate::live::{Live, LiveGroup, Phase, Waiting};
use crate::machine::{Groups, Reply};
use crate::state::State;

/// A member's question for its assignment.
#[derive(Clone, Debug)]
pub struct SyncGroup {
    /// Which group.
    pub group_id: String,
    /// The generation that it joined.
    pub generation: i32,
    /// Who asks.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
    /// What kind of group it thinks this is; `None` before version 5.
    pub protocol_type: Option<String>,
    /// The protocol that it assigned by; `None` before version 5.
    pub protocol: Option<String>,
    /// Everyone's part, if it is the leader.
    pub assignments: Vec<MemberAssignment>,
}

/// One member's part.
#[derive(Clone, Debug)]
pub struct MemberAssignment {
    /// Whose.
    pub member_id: String,
    /// What.
    pub assignment: Bytes,
}

/// What a member was assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The kind of members in this group.
    pub protocol_type: Option<String>,
    /// The protocol of this generation.
    pub protocol: Option<String>,
    /// Its part; empty if the leader did not name it.
    pub assignment: Bytes,
}

impl SyncGroup {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Groups>,
    ) {
        if self.group_id.is_empty() {
            return out.reply(Reply::SyncGroup(Err(ErrorCode::InvalidGroupId)));
        }
        let Some(mut turn) = Turn::take(hard, live, &self.group_id, now, out) else {
            return out.reply(Reply::SyncGroup(Err(ErrorCode::UnknownMemberId)));
        };
        match self.check(&turn.group) {
            Err(error) => turn.out.reply(Reply::SyncGroup(Err(error))),
            Ok(()) => turn.sync(&self.member_id, self.assignments),
        }
        turn.put(live);
    }

    fn check(&self, group: &LiveGroup) -> Result<(), ErrorCode> {
        group.validate_member(&self.member_id, self.instance_id.as_deref())?;
        if self.generation != group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if differ(&self.protocol_type, &group.protocol_type)
            || differ(&self.protocol, &group.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }
}

/// Whether both are known and not the same.
fn differ(asked: &Option<String>, ours: &Option<String>) -> bool {
    matches!((asked, ours), (Some(asked), Some(ours)) if asked != ours)
}

impl Turn<'_> {
    fn sync(&mut self, member_id: &str, assignments: Vec<MemberAssignment>) {
        match self.group.phase {
            Phase::Empty => unreachable!("an empty group has no members"),
            Phase::PreparingRebalance { .. } => {
                let error = ErrorCode::RebalanceInProgress;
                self.out.reply(Reply::SyncGroup(Err(error)));
            }
            Phase::CompletingRebalance => {
                let ticket = self.asker();
                self.wait(member_id, Waiting::Sync(ticket));
                self.has_synced(member_id);
                if self.group.is_leader(member_id) {
                    self.assign(assignments);
                }
            }
            Phase::Stable => {
                self.has_synced(member_id);
                let synced = self.synced(member_id);
                self.out.reply(Reply::SyncGroup(Ok(synced)));
            }
        }
    }

    fn has_synced(&mut self, member_id: &str) {
        self.group.pending_syncs.remove(member_id);
        if self.group.pending_syncs.is_empty() {
            self.out.cancel_timer(self.sync_key());
        }
    }

    /// Takes the leader's assignment: everyone that it does not name gets nothing, and whom it
    /// names without being a member is ignored. An assignment that is too large for the log is an
    /// error to all who wait, and they begin again.
    fn assign(&mut self, assignments: Vec<MemberAssignment>) {
        let mut named: BTreeMap<String, Bytes> = BTreeMap::new();
        for MemberAssignment {
            member_id,
            assignment,
        } in assignments
        {
            named.insert(member_id, assignment);
        }
        for (member_id, member) in &mut self.group.members {
            let given = named.remove(member_id).unwrap_or_default();
            member.assignment = Bytes::copy_from_slice(&given);
        }
        let record = self.record_of();
        if self.out.fits(slice::from_ref(&record)) {
            self.out.record(record);
            self.enter(Phase::Stable);
            self.answer_syncs(None);
        } else {
            self.take_back_assignments(ErrorCode::UnknownServerError);
            self.prepare_rebalance();
        }
    }
}
