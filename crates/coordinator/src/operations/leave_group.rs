//! LeaveGroup: members go, or an operator sends static members away by their names.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::Turn;
use crate::live::{Live, Phase};
use crate::machine::{Groups, Reply};
use crate::state::State;

/// Members that leave.
#[derive(Clone, Debug)]
pub struct LeaveGroup {
    /// Which group.
    pub group_id: String,
    /// Who; one before version 3.
    pub members: Vec<LeavingMember>,
}

/// One that leaves.
#[derive(Clone, Debug)]
pub struct LeavingMember {
    /// Its id; empty if it is named by its static name alone.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
}

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftMember {
    /// Its id, as it was asked.
    pub member_id: String,
    /// Its own name, as it was asked.
    pub instance_id: Option<String>,
    /// Whether it is gone.
    pub error: ErrorCode,
}

impl LeaveGroup {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Groups>,
    ) {
        if self.group_id.is_empty() {
            return out.reply(Reply::LeaveGroup(Err(ErrorCode::InvalidGroupId)));
        }
        let Some(mut turn) = Turn::take(hard, live, &self.group_id, now, out) else {
            let members = self.members.into_iter();
            let members = members.map(|member| member.left(Err(ErrorCode::UnknownMemberId)));
            return out.reply(Reply::LeaveGroup(Ok(members.collect())));
        };
        let left: Vec<LeftMember> = self
            .members
            .into_iter()
            .map(|member| {
                let result = turn.leave(&member);
                member.left(result)
            })
            .collect();
        if left.iter().any(|member| !member.error.is_error()) {
            turn.go_on_without_them();
        }
        turn.out.reply(Reply::LeaveGroup(Ok(left)));
        turn.put(live);
    }
}

impl LeavingMember {
    fn left(self, result: Result<(), ErrorCode>) -> LeftMember {
        LeftMember {
            member_id: self.member_id,
            instance_id: self.instance_id,
            error: result.err().unwrap_or(ErrorCode::None),
        }
    }
}

impl Turn<'_> {
    fn leave(&mut self, member: &LeavingMember) -> Result<(), ErrorCode> {
        let instance_id = member.instance_id.as_deref();
        if member.member_id.is_empty() {
            let named = instance_id.and_then(|name| self.group.static_member(name));
            let member_id = named.ok_or(ErrorCode::UnknownMemberId)?.to_owned();
            self.remove(&member_id);
            return Ok(());
        }
        if !self.group.pending_joins.contains(&member.member_id) {
            self.group.validate_member(&member.member_id, instance_id)?;
        }
        self.remove(&member.member_id);
        Ok(())
    }

    fn go_on_without_them(&mut self) {
        match self.group.phase {
            Phase::Empty => {}
            Phase::PreparingRebalance { .. } => self.maybe_complete_join(),
            Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::record::Record;
    use crate::testing::*;

    #[test]
    fn the_last_one_to_leave_leaves_an_empty_group_in_the_log() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        assert_eq!(bench.leave(&[(&members[0], None)]), [ErrorCode::None]);
        assert_eq!(bench.state(), "Empty");
        assert_eq!(bench.rig.runner().soft().group_count(), 0);
        let now = bench.rig.now().0;
        let Record::GroupMetadata {
            value: Some(value), ..
        } = bench.last_record()
        else {
            panic!("{:?}", bench.last_record());
        };
        assert_eq!(
            (value.generation, value.current_state_timestamp_ms),
            (generation + 1, now)
        );
        assert_eq!(
            (value.protocol, value.leader, value.members.len()),
            (None, None, 0)
        );
        assert_eq!(value.protocol_type, "consumer");
    }

    #[test]
    fn the_others_join_again() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(3);
        assert_eq!(bench.leave(&[(&members[0], None)]), [ErrorCode::None]);
        let told = bench.heartbeat(&members[1], generation);
        assert_eq!(told, Err(ErrorCode::RebalanceInProgress));
        let first = bench.send(Input::JoinGroup(rejoin(&members[1])));
        let second = bench.send(Input::JoinGroup(rejoin(&members[2])));
        let (first, second) = (bench.joined(first), bench.joined(second));
        assert_eq!(first.leader, second.leader);
        assert_eq!(first.members.len() + second.members.len(), 2);
    }

    #[test]
    fn several_leave_at_once_and_each_is_told_what_became_of_it() {
        let mut bench = Bench::new();
        let asker = bench.send(Input::JoinGroup(join_static("i")));
        let (_, other) = bench.join_new();
        let pending = bench.member_id(&join());
        assert!(bench.waits(asker) && bench.waits(other));
        let left = bench.leave(&[
            ("", Some("i")),
            ("", Some("j")),
            ("", None),
            ("stranger", None),
            (&pending, None),
        ]);
        let unknown = ErrorCode::UnknownMemberId;
        assert_eq!(
            left,
            [ErrorCode::None, unknown, unknown, unknown, ErrorCode::None]
        );
        let refused = bench.refused(asker);
        assert_eq!((refused.error, refused.member_id.as_str()), (unknown, ""));
        assert!(bench.waits(other));
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.advance_ms(INITIAL_DELAY_MS);
        assert_eq!(bench.joined(other).members.len(), 1);
    }

    #[test]
    fn one_that_leaves_while_it_waits_for_its_assignment_is_answered() {
        let mut bench = Bench::new();
        bench.join_new();
        let (second, _) = bench.join_new();
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.advance_ms(INITIAL_DELAY_MS);
        let waiting = bench.send(Input::SyncGroup(sync(&second, 1)));
        assert_eq!(bench.leave(&[(&second, None)]), [ErrorCode::None]);
        assert_eq!(bench.synced(waiting), Err(ErrorCode::UnknownMemberId));
    }

    #[test]
    fn nobody_leaves_a_group_that_is_not_there() {
        let mut bench = Bench::new();
        assert_eq!(bench.leave(&[("m", None)]), [ErrorCode::UnknownMemberId]);
        let nameless = LeaveGroup {
            group_id: String::new(),
            members: Vec::new(),
        };
        let told = bench.ask(Input::LeaveGroup(nameless));
        assert_eq!(told, Reply::LeaveGroup(Err(ErrorCode::InvalidGroupId)));
    }
}
