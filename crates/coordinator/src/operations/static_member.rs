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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::{JoinRefused, Joined, Protocol};
    use crate::record::Record;
    use crate::testing::*;

    /// A stable group of one static member, which leads.
    fn stable(bench: &mut Bench) -> String {
        let asker = bench.send(Input::JoinGroup(join_static("i")));
        bench.advance_ms(INITIAL_DELAY_MS);
        let joined = bench.joined(asker);
        bench.sync_all(std::slice::from_ref(&joined.member_id), 1);
        joined.member_id
    }

    fn sync_as(member_id: &str) -> super::super::SyncGroup {
        let mut asked = sync(member_id, 1);
        asked.instance_id = Some("i".into());
        asked
    }

    #[test]
    fn a_static_member_joins_at_once_under_its_own_name() {
        let mut bench = Bench::new();
        let wish = join_static("i");
        let expected = format!("i-{}", wish.member_uuid);
        let asker = bench.send(Input::JoinGroup(wish));
        bench.advance_ms(INITIAL_DELAY_MS);
        let joined = bench.joined(asker);
        assert_eq!(joined.member_id, expected);
        assert_eq!(joined.members[0].instance_id.as_deref(), Some("i"));
    }

    #[test]
    fn a_static_member_that_comes_back_takes_over_without_a_rebalance() {
        let mut bench = Bench::new();
        let old_id = stable(&mut bench);
        let before = bench.records();
        let joined = bench.ask_join(join_static("i")).unwrap();
        assert_ne!(joined.member_id, old_id);
        let Joined {
            generation,
            leader,
            skip_assignment,
            members,
            ..
        } = &joined;
        assert_eq!(
            (*generation, leader, *skip_assignment),
            (1, &joined.member_id, true)
        );
        assert_eq!(members.len(), 1);
        assert_eq!(bench.state(), "Stable");
        let synced = bench.ask_sync(sync_as(&joined.member_id)).unwrap();
        assert_eq!(synced.assignment, vec![0]);

        assert_eq!(bench.records(), before + 1);
        let Record::GroupMetadata {
            value: Some(value), ..
        } = bench.last_record()
        else {
            panic!("{:?}", bench.last_record());
        };
        assert_eq!(value.members[0].member_id, joined.member_id);
        assert_eq!(value.leader.as_deref(), Some(joined.member_id.as_str()));
        assert_eq!(value.members[0].assignment, vec![0]);
        bench.fail_over();
        assert_eq!(bench.heartbeat(&joined.member_id, 1), Ok(()));
    }

    #[test]
    fn before_version_9_a_leader_that_comes_back_is_told_that_its_former_self_leads() {
        let mut bench = Bench::new();
        let old_id = stable(&mut bench);
        let mut wish = join_static("i");
        wish.version = 8;
        let joined = bench.ask_join(wish).unwrap();
        assert_eq!((joined.leader, joined.skip_assignment), (old_id, false));
        assert!(joined.members.is_empty());
    }

    #[test]
    fn whoever_held_the_place_is_fenced() {
        let mut bench = Bench::new();
        let old_id = stable(&mut bench);
        bench.ask_join(join_static("i")).unwrap();
        assert_eq!(
            bench.ask_sync(sync_as(&old_id)),
            Err(ErrorCode::FencedInstanceId)
        );
        let mut wish = join_static("i");
        wish.member_id = old_id.clone();
        let fenced = JoinRefused::new(ErrorCode::FencedInstanceId, &old_id);
        assert_eq!(bench.ask_join(wish), Err(fenced));
        assert_eq!(
            bench.leave(&[(&old_id, Some("i"))]),
            [ErrorCode::FencedInstanceId]
        );
        let mut late = commit_as(&old_id, 1, 5);
        late.instance_id = Some("i".into());
        assert_eq!(bench.commit(late), Err(ErrorCode::FencedInstanceId));
        assert_eq!(bench.heartbeat(&old_id, 1), Err(ErrorCode::UnknownMemberId));
    }

    #[test]
    fn one_that_waits_in_the_join_phase_is_fenced_by_the_next() {
        let mut bench = Bench::new();
        let first = bench.send(Input::JoinGroup(join_static("i")));
        let second = bench.send(Input::JoinGroup(join_static("i")));
        assert_eq!(bench.refused(first).error, ErrorCode::FencedInstanceId);
        bench.advance_ms(INITIAL_DELAY_MS);
        assert_eq!(bench.joined(second).members.len(), 1);
    }

    #[test]
    fn one_that_comes_back_while_the_leader_assigns_begins_again() {
        let mut bench = Bench::new();
        let first = bench.send(Input::JoinGroup(join_static("i")));
        let other = bench.send(Input::JoinGroup(join_static("j")));
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.advance_ms(INITIAL_DELAY_MS);
        let old_id = bench.joined(first).member_id;
        let other_id = bench.joined(other).member_id;
        let waiting = bench.send(Input::SyncGroup(sync(&other_id, 1)));
        let again = bench.send(Input::JoinGroup(join_static("i")));
        assert_eq!(bench.synced(waiting), Err(ErrorCode::RebalanceInProgress));
        bench.send(Input::JoinGroup(rejoin(&other_id)));
        let joined = bench.joined(again);
        assert_eq!(
            (joined.generation, bench.heartbeat(&old_id, 2)),
            (2, Err(ErrorCode::UnknownMemberId))
        );
    }

    #[test]
    fn one_that_comes_back_with_another_protocol_begins_a_rebalance() {
        let mut bench = Bench::new();
        let mut wish = join_static("i");
        wish.protocols = vec![protocol("range"), protocol("sticky")];
        let asker = bench.send(Input::JoinGroup(wish.clone()));
        bench.advance_ms(INITIAL_DELAY_MS);
        let joined = bench.joined(asker);
        bench.sync_all(&[joined.member_id], 1);
        wish.member_uuid = join().member_uuid;
        wish.protocols = vec![protocol("sticky"), protocol("range")];
        let joined = bench.ask_join(wish).unwrap();
        assert_eq!(
            (joined.generation, joined.protocol.as_deref()),
            (2, Some("sticky"))
        );
    }

    #[test]
    fn a_newcomer_too_large_for_the_log_changes_nothing() {
        let mut bench = Bench::new();
        let old_id = stable(&mut bench);
        let mut large = join_static("i");
        let metadata = vec![0; 9 << 20];
        large.protocols = vec![Protocol {
            name: "range".into(),
            metadata: metadata.into(),
        }];
        let refused = JoinRefused::new(ErrorCode::UnknownServerError, "");
        assert_eq!(bench.ask_join(large), Err(refused));
        assert_eq!(bench.heartbeat(&old_id, 1), Ok(()));
    }

    #[test]
    fn a_static_member_keeps_its_place_through_a_rebalance_that_it_misses() {
        let mut bench = Bench::new();
        let static_id = stable(&mut bench);
        let (_, asker) = bench.join_new();
        for _ in 0..REBALANCE_MS / SESSION_MS {
            bench.advance_ms(i64::from(SESSION_MS) - 1);
            let _ = bench.heartbeat(&static_id, 1);
        }
        bench.advance_ms(i64::from(SESSION_MS));
        let joined = bench.joined(asker);
        assert_eq!(joined.members.len(), 2);
        assert_eq!(joined.leader, joined.member_id);
    }
}
