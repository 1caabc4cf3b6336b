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
