//! A static member that comes back without its id: it takes its own place (KIP-345).
//!
//! Whoever held the place is fenced. In a stable group, if the protocol stays what it is, nobody
//! else notices: the newcomer takes over the assignment. A leader that comes back so is told to
//! leave the assignment as it is, if its version has room for that (KIP-814); an older one is told
//! that its former self leads, so that it does not assign.

use std::slice;

use ottla_protocol::ErrorCode;

use super::{JoinGroup, Turn};
use crate::live::{Member, Phase, Waiting};
use crate::machine::Reply;

impl Turn<'_> {
    pub(super) fn replace_static_member(&mut self, old_id: &str, new_id: &str, request: JoinGroup) {
        let old_leader = self.group.leader.clone().unwrap_or_default();
        let can_skip_assignment = request.can_skip_assignment();
        let member = self.successor(old_id, request);
        let before = self.group.clone();
        let old = self.group.replace(old_id, new_id, member);
        let old = old.expect("a static name leads to a member");
        self.group.pending_syncs.remove(old_id);
        match self.group.phase {
            Phase::Stable if self.group.protocol == self.group.select_protocol() => {
                if !self.out.fits(slice::from_ref(&self.record_of())) {
                    self.group = before;
                    return self.refuse_join(ErrorCode::UnknownServerError, "");
                }
                self.fence(&old, old_id, new_id);
                self.take_over(new_id, &old_leader, can_skip_assignment);
            }
            Phase::Stable | Phase::CompletingRebalance => {
                self.fence(&old, old_id, new_id);
                self.prepare_rebalance();
            }
            Phase::PreparingRebalance { .. } => {
                self.fence(&old, old_id, new_id);
                self.maybe_complete_join();
            }
            Phase::Empty => unreachable!("an empty group has no static member"),
        }
    }

    /// The member in the old one's place: its client and assignment, the newcomer's wishes.
    fn successor(&self, old_id: &str, request: JoinGroup) -> Member {
        let old = &self.group.members[old_id];
        let (client_id, client_host) = (old.client_id.clone(), old.client_host.clone());
        Member {
            client_id,
            client_host,
            assignment: old.assignment.clone(),
            is_new: false,
            ..request.into_member(Waiting::Join(self.asker()))
        }
    }

    fn fence(&mut self, old: &Member, old_id: &str, new_id: &str) {
        self.cancel_session(old_id);
        self.turn_away(old, old_id, ErrorCode::FencedInstanceId);
        self.renew_session(new_id);
    }

    fn take_over(&mut self, new_id: &str, old_leader: &str, can_skip_assignment: bool) {
        let record = self.record_of();
        self.out.record(record);
        let mut joined = self.joined(new_id);
        if can_skip_assignment {
            joined.skip_assignment = self.group.is_leader(new_id);
        } else {
            joined.leader = old_leader.to_owned();
            joined.members.clear();
        }
        let member = self.group.members.get_mut(new_id);
        member.expect("it was just put there").waiting = Waiting::No;
        self.out.reply(Reply::JoinGroup(Ok(joined)));
    }
}
