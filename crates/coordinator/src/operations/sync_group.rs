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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::JoinGroup;
    use crate::record::Record;
    use crate::testing::*;

    fn completing(bench: &mut Bench) -> (String, String) {
        let (leader, _) = bench.join_new();
        let (follower, _) = bench.join_new();
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.advance_ms(INITIAL_DELAY_MS);
        assert_eq!(bench.state(), "CompletingRebalance");
        (leader, follower)
    }

    #[test]
    fn members_wait_for_the_leader_and_get_what_it_assigns() {
        let mut bench = Bench::new();
        let (leader, follower) = completing(&mut bench);
        let waiting = bench.send(Input::SyncGroup(sync(&follower, 1)));
        assert!(bench.waits(waiting));
        let mut leaders = sync(&leader, 1);
        leaders.assignments = assign(vec![
            (&leader, vec![1]),
            (&follower, vec![2]),
            ("nobody", vec![3]),
        ]);
        let synced = bench.ask_sync(leaders).unwrap();
        assert_eq!(synced.assignment, vec![1]);
        assert_eq!(synced.protocol.as_deref(), Some("range"));
        assert_eq!(synced.protocol_type.as_deref(), Some("consumer"));
        assert_eq!(bench.synced(waiting).unwrap().assignment, vec![2]);
        assert_eq!(bench.state(), "Stable");
        let Record::GroupMetadata {
            value: Some(value), ..
        } = bench.last_record()
        else {
            panic!("{:?}", bench.last_record());
        };
        let logged: Vec<_> = value
            .members
            .iter()
            .map(|member| &member.assignment[..])
            .collect();
        assert_eq!(logged, [&[1][..], &[2]]);
        assert_eq!((value.generation, value.leader), (1, Some(leader)));
    }

    #[test]
    fn whom_the_leader_does_not_name_gets_nothing() {
        let mut bench = Bench::new();
        let (leader, follower) = completing(&mut bench);
        bench.ask_sync(sync(&leader, 1)).unwrap();
        assert_eq!(
            bench.ask_sync(sync(&follower, 1)).unwrap().assignment,
            Bytes::new()
        );
    }

    #[test]
    fn a_stable_group_tells_assignments_at_any_time_and_after_a_failover() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(3);
        bench.fail_over();
        for (part, member_id) in (0u8..).zip(&members) {
            let synced = bench.ask_sync(sync(member_id, generation)).unwrap();
            assert_eq!(synced.assignment, vec![part]);
        }
    }

    #[test]
    fn what_is_not_of_this_generation_is_told_so() {
        let mut bench = Bench::new();
        assert_eq!(
            bench.ask_sync(sync("m", 1)),
            Err(ErrorCode::UnknownMemberId)
        );
        let (members, generation) = bench.stable(1);
        let mut asked = sync(&members[0], generation);
        asked.group_id = String::new();
        assert_eq!(bench.ask_sync(asked), Err(ErrorCode::InvalidGroupId));
        assert_eq!(
            bench.ask_sync(sync("m", generation)),
            Err(ErrorCode::UnknownMemberId)
        );
        let stale = sync(&members[0], generation - 1);
        assert_eq!(bench.ask_sync(stale), Err(ErrorCode::IllegalGeneration));
        for (protocol_type, protocol) in [("connect", "range"), ("consumer", "sticky")] {
            let mut asked = sync(&members[0], generation);
            asked.protocol_type = Some(protocol_type.into());
            asked.protocol = Some(protocol.into());
            assert_eq!(
                bench.ask_sync(asked),
                Err(ErrorCode::InconsistentGroupProtocol)
            );
        }
        let mut old = sync(&members[0], generation);
        (old.protocol_type, old.protocol) = (None, None);
        assert!(bench.ask_sync(old).is_ok());
        bench.send(Input::JoinGroup(JoinGroup {
            version: 3,
            ..join()
        }));
        let asked = sync(&members[0], generation);
        assert_eq!(bench.ask_sync(asked), Err(ErrorCode::RebalanceInProgress));
    }

    #[test]
    fn an_assignment_too_large_for_the_log_is_an_error_to_all_and_they_begin_again() {
        let mut bench = Bench::new();
        let (leader, follower) = completing(&mut bench);
        let waiting = bench.send(Input::SyncGroup(sync(&follower, 1)));
        let mut large = sync(&leader, 1);
        large.assignments = assign(vec![(&leader, vec![0; 9 << 20])]);
        assert_eq!(bench.ask_sync(large), Err(ErrorCode::UnknownServerError));
        assert_eq!(bench.synced(waiting), Err(ErrorCode::UnknownServerError));
        assert_eq!(bench.state(), "PreparingRebalance");
        let first = bench.send(Input::JoinGroup(rejoin(&leader)));
        let second = bench.send(Input::JoinGroup(rejoin(&follower)));
        assert_eq!(bench.joined(first).generation, 2);
        assert_eq!(bench.joined(second).generation, 2);
    }

    #[test]
    fn a_member_that_asks_twice_is_answered_twice() {
        let mut bench = Bench::new();
        let (leader, follower) = completing(&mut bench);
        let first = bench.send(Input::SyncGroup(sync(&follower, 1)));
        let second = bench.send(Input::SyncGroup(sync(&follower, 1)));
        assert_eq!(bench.synced(first), Err(ErrorCode::RebalanceInProgress));
        bench.ask_sync(sync(&leader, 1)).unwrap();
        assert!(bench.synced(second).is_ok());
    }
}
