//! JoinGroup from someone who has an id.

use ottla_protocol::ErrorCode;

use super::{JoinGroup, Turn};
use crate::live::{Phase, Waiting};
use crate::machine::Reply;

impl Turn<'_> {
    pub(super) fn join_known(&mut self, request: JoinGroup) {
        let member_id = request.member_id.clone();
        if self.group.pending_joins.contains(&member_id) {
            return self.join_pending(&member_id, request);
        }
        let valid = self
            .group
            .validate_member(&member_id, request.instance_id.as_deref());
        if let Err(error) = valid {
            return self.refuse_join(error, &member_id);
        }
        let changed = self.group.members[&member_id].protocols != request.protocols;
        match self.group.phase {
            Phase::Empty => unreachable!("an empty group has no members"),
            Phase::PreparingRebalance { .. } => self.update_member(&member_id, request),
            // The same again: it did not get our answer.
            Phase::CompletingRebalance if !changed => self.tell_generation(&member_id),
            Phase::CompletingRebalance => self.update_member(&member_id, request),
            // A leader that joins again wants to assign again, for reasons that only it knows.
            Phase::Stable if changed || self.group.is_leader(&member_id) => {
                self.update_member(&member_id, request);
            }
            Phase::Stable => self.tell_generation(&member_id),
        }
    }

    /// Ids are only given out ahead to dynamic members.
    fn join_pending(&mut self, member_id: &str, request: JoinGroup) {
        if request.instance_id.is_some() {
            self.refuse_join(ErrorCode::UnknownServerError, member_id);
        } else {
            self.add_member(member_id, request);
        }
    }

    /// The member is in the generation that there is; it lacks its assignment at most.
    fn tell_generation(&mut self, member_id: &str) {
        let joined = self.joined(member_id);
        self.out.reply(Reply::JoinGroup(Ok(joined)));
    }

    /// The member joins with what it says now, and waits for the others.
    fn update_member(&mut self, member_id: &str, request: JoinGroup) {
        let ticket = self.asker();
        self.wait(member_id, Waiting::Join(ticket));
        let member = self.group.members.get_mut(member_id);
        let member = member.expect("it was validated");
        member.protocols = request.protocols;
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.session_timeout_ms = request.session_timeout_ms;
        self.rebalance_or_complete_join();
    }
}
