//! From the members that a group has to those that it is to have, a step at a time: a pure planner.
//!
//! Whoever comes gets the log first and votes when it has it. Voters change at once and together,
//! when all that come have caught up. Whoever goes is forgotten when it votes no more; a leader that
//! goes hands over first. A leader may be no voter: one that was voted out before it knew was
//! elected for its log. It has all that there is, and what it does not become a voter for it hands
//! over. A replica whose log directory is another than before is somebody else: it
//! is removed before it comes as any newcomer, because it has forgotten what it voted and had.

use std::collections::{BTreeMap, BTreeSet};

use ottla_platform::planted::Planted;
use ottla_protocol::types::NodeId;
use uuid::Uuid;

/// A replica's identity (KIP-853): a broker, and the log directory that it lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicaKey {
    /// The broker.
    pub node: NodeId,
    /// Its log directory; nil if nobody knows it, which is any.
    pub directory: Uuid,
}

/// What a group's leader does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sends its log to one more.
    Learn(ReplicaKey),
    /// Has these vote, and nobody else.
    Vote(BTreeSet<NodeId>),
    /// Hands over to this voter, since it goes itself, or does not vote.
    HandOver(NodeId),
    /// Sends its log to these no more.
    Forget(BTreeSet<NodeId>),
}

/// Who has the group's log, each with its log directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Members {
    pub(crate) voters: BTreeMap<NodeId, Uuid>,
    pub(crate) learners: BTreeMap<NodeId, Uuid>,
    /// Half-way from some voters to others, of whom a majority of each is needed: who led meanwhile
    /// leads no more.
    pub(crate) is_joint: bool,
}

impl Members {
    pub(crate) fn new(voters: &[ReplicaKey], learners: &[ReplicaKey]) -> Members {
        let map = |keys: &[ReplicaKey]| keys.iter().map(|key| (key.node, key.directory)).collect();
        let mut members = Members {
            voters: map(voters),
            learners: map(learners),
            is_joint: false,
        };
        let voters = &members.voters;
        members
            .learners
            .retain(|node, _| !voters.contains_key(node));
        members
    }

    /// Who votes.
    pub(crate) fn voters(&self) -> Vec<ReplicaKey> {
        let key = |(node, directory): (&NodeId, &Uuid)| ReplicaKey {
            node: *node,
            directory: *directory,
        };
        self.voters.iter().map(key).collect()
    }

    fn all(&self) -> BTreeMap<NodeId, Uuid> {
        let all = self.voters.iter().chain(&self.learners);
        all.map(|(node, directory)| (*node, *directory)).collect()
    }

    /// Whether these are the others' very voters and learners.
    pub(crate) fn are(&self, others: &Members) -> bool {
        self.is_joint == others.is_joint
            && are_same(&self.voters, &others.voters)
            && are_same(&self.learners, &others.learners)
    }
}

fn are_same(some: &BTreeMap<NodeId, Uuid>, others: &BTreeMap<NodeId, Uuid>) -> bool {
    some.keys().eq(others.keys())
        && some
            .iter()
            .all(|(node, key)| !is_other(key, others.get(node)))
}

/// Whether both directories are known, and not the same.
pub(crate) fn is_other(directory: &Uuid, other: Option<&Uuid>) -> bool {
    let known = other.filter(|other| !other.is_nil() && !directory.is_nil());
    known.is_some_and(|other| other != directory) && !Planted::InitializeAfterWipe.is_there()
}

/// The next step of the leader `me` from `now` to `wanted`; `None` if there is none, or none yet.
/// If it goes itself, `heir` is who is to lead: one that has the log. It is not asked whether `me`
/// has caught up.
pub(crate) fn next_step(
    me: NodeId,
    now: &Members,
    wanted: &Members,
    has_caught_up: impl Fn(NodeId) -> bool,
    heir: Option<NodeId>,
) -> Option<Step> {
    let (all_now, all_wanted) = (now.all(), wanted.all());
    let has_changed = |(node, key): &(&NodeId, &Uuid)| is_other(key, all_wanted.get(node));
    let changed: BTreeSet<NodeId> = all_now
        .iter()
        .filter(has_changed)
        .map(|(it, _)| *it)
        .collect();
    if !changed.is_empty() {
        let votes = now.voters.keys().copied();
        let still: BTreeSet<NodeId> = votes.filter(|node| !changed.contains(node)).collect();
        return match still.len() == now.voters.len() {
            true => Some(Step::Forget(changed)),
            false => (!still.is_empty()).then_some(Step::Vote(still)),
        };
    }
    if let Some((node, directory)) = all_wanted
        .iter()
        .find(|(node, _)| !all_now.contains_key(node))
    {
        return Some(Step::Learn(ReplicaKey {
            node: *node,
            directory: *directory,
        }));
    }
    let voters: BTreeSet<NodeId> = now.voters.keys().copied().collect();
    let mut wanted_voters: BTreeSet<NodeId> = wanted.voters.keys().copied().collect();
    let is_to_vote = now.is_joint || voters != wanted_voters;
    if is_to_vote && !wanted_voters.is_empty() {
        let mut newcomers = wanted_voters.difference(&voters);
        if !newcomers.all(|node| *node == me || has_caught_up(*node)) {
            return None;
        }
        if voters.contains(&me) && !wanted_voters.contains(&me) {
            wanted_voters.insert(me);
            if voters == wanted_voters {
                return heir.map(Step::HandOver);
            }
        }
        return Some(Step::Vote(wanted_voters));
    }
    if !voters.contains(&me) {
        return heir.map(Step::HandOver);
    }
    let gone = all_now
        .into_keys()
        .filter(|node| !all_wanted.contains_key(node));
    let gone: BTreeSet<NodeId> = gone.collect();
    (!gone.is_empty()).then_some(Step::Forget(gone))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(nodes: &[i32]) -> BTreeSet<NodeId> {
        nodes.iter().copied().map(NodeId).collect()
    }

    fn key(node: i32) -> ReplicaKey {
        ReplicaKey {
            node: NodeId(node),
            directory: Uuid::from_u128(node.unsigned_abs().into()),
        }
    }

    fn members(voters: &[i32], learners: &[i32]) -> Members {
        let keys = |nodes: &[i32]| nodes.iter().copied().map(key).collect::<Vec<_>>();
        Members::new(&keys(voters), &keys(learners))
    }

    const ME: NodeId = NodeId(1);

    #[test]
    fn a_newcomer_learns_then_votes() {
        let wanted = members(&[1, 2], &[]);
        let step = |now: Members, has: bool| next_step(ME, &now, &wanted, |_| has, None);
        assert_eq!(step(members(&[1], &[]), true), Some(Step::Learn(key(2))));
        assert_eq!(step(members(&[1], &[2]), false), None);
        let votes = Some(Step::Vote(set(&[1, 2])));
        assert_eq!(step(members(&[1], &[2]), true), votes);
        assert_eq!(step(members(&[1, 2], &[]), false), None);
    }

    #[test]
    fn who_goes_votes_no_more_and_is_then_forgotten() {
        let wanted = members(&[1, 2], &[]);
        let step = |now: Members| next_step(ME, &now, &wanted, |_| false, None);
        let votes = Some(Step::Vote(set(&[1, 2])));
        assert_eq!(step(members(&[1, 2, 3], &[])), votes);
        let forgets = Some(Step::Forget(set(&[3])));
        assert_eq!(step(members(&[1, 2], &[3])), forgets);
    }

    #[test]
    fn a_leader_that_goes_hands_over_when_the_others_vote() {
        let wanted = members(&[2, 3], &[]);
        let step = |now: Members, heir| next_step(ME, &now, &wanted, |_| true, heir);
        let votes = Some(Step::Vote(set(&[1, 2, 3])));
        assert_eq!(step(members(&[1], &[2, 3]), None), votes);
        let heir = Some(NodeId(2));
        let hands_over = Some(Step::HandOver(NodeId(2)));
        assert_eq!(step(members(&[1, 2, 3], &[]), heir), hands_over);
        assert_eq!(step(members(&[1, 2, 3], &[]), None), None);
        let now = members(&[1, 2, 3], &[]);
        let successor = next_step(NodeId(2), &now, &wanted, |_| true, None);
        assert_eq!(successor, Some(Step::Vote(set(&[2, 3]))));
    }

    #[test]
    fn what_was_left_half_way_is_gone_on_with() {
        let joint = Members {
            is_joint: true,
            ..members(&[1, 2, 3], &[])
        };
        let step =
            |me, wanted: Members| next_step(NodeId(me), &joint, &wanted, |_| true, Some(NodeId(2)));
        let all_vote = Some(Step::Vote(set(&[1, 2, 3])));
        assert_eq!(step(1, members(&[1, 2, 3], &[])), all_vote);
        let others_vote = Some(Step::Vote(set(&[2, 3])));
        assert_eq!(step(2, members(&[2, 3], &[])), others_vote);
        let hands_over = Some(Step::HandOver(NodeId(2)));
        assert_eq!(step(1, members(&[2, 3], &[])), hands_over);
        assert!(!joint.are(&members(&[1, 2, 3], &[])));
    }

    #[test]
    fn a_leader_that_does_not_vote_comes_to_vote_or_hands_over() {
        let now = members(&[2, 3], &[1]);
        let others_have = |node| node != ME;
        let step = |wanted: Members, heir| next_step(ME, &now, &wanted, others_have, heir);
        let votes = Some(Step::Vote(set(&[1, 2, 3])));
        assert_eq!(step(members(&[1, 2, 3], &[]), None), votes);
        let heir = Some(NodeId(2));
        let hands_over = Some(Step::HandOver(NodeId(2)));
        assert_eq!(step(members(&[2, 3], &[1]), heir), hands_over);
        assert_eq!(step(members(&[2, 3], &[]), heir), hands_over);
        assert_eq!(step(members(&[2, 3], &[]), None), None);
        let votes = Some(Step::Vote(set(&[2])));
        assert_eq!(step(members(&[2], &[3]), heir), votes);
    }

    #[test]
    fn a_voter_on_another_disk_is_removed_before_it_comes_anew() {
        let now = members(&[1, 2, 3], &[]);
        let mut wanted = now.clone();
        let emptied = Uuid::from_u128(33);
        wanted.voters.insert(NodeId(3), emptied);
        let step = |now: &Members| next_step(ME, now, &wanted, |_| true, None);
        assert_eq!(step(&now), Some(Step::Vote(set(&[1, 2]))));
        let demoted = members(&[1, 2], &[3]);
        assert_eq!(step(&demoted), Some(Step::Forget(set(&[3]))));
        let anew = ReplicaKey {
            node: NodeId(3),
            directory: emptied,
        };
        assert_eq!(step(&members(&[1, 2], &[])), Some(Step::Learn(anew)));
    }

    proptest! {
        #[test]
        fn the_steps_lead_there(
            now in prop::collection::btree_map(1..6, 0..2_u128, 1..5),
            wanted in prop::collection::btree_map(1..6, 0..2_u128, 1..5),
            learners in prop::collection::btree_map(6..9, 0..2_u128, 0..3),
            is_joint: bool,
            leads_without_a_vote in proptest::option::of((1..9, 0..2_u128)),
        ) {
            let of = |nodes: &BTreeMap<i32, u128>| {
                let key = |(node, disk): (&i32, &u128)| (NodeId(*node), Uuid::from_u128(disk + 1));
                nodes.iter().map(key).collect::<BTreeMap<_, _>>()
            };
            let mut now = Members { voters: of(&now), is_joint, ..Members::default() };
            let wanted = Members { voters: of(&wanted), learners: of(&learners), is_joint: false };
            let has_its_data = |(node, key): (&NodeId, &Uuid)| {
                (!is_other(key, wanted.all().get(node))).then_some(*node)
            };
            let Some(mut leader) = now.voters.iter().find_map(has_its_data) else {
                // Nobody has its data: no leader can be there.
                return Ok(());
            };
            for (node, key) in of(&leads_without_a_vote.into_iter().collect()) {
                let is_new = !now.voters.contains_key(&node);
                if let Some(node) = has_its_data((&node, &key)).filter(|_| is_new) {
                    now.learners.insert(node, key);
                    leader = node;
                }
            }
            for _ in 0..40 {
                let heir = wanted.voters.keys().find(|it| now.voters.contains_key(it)).copied();
                match next_step(leader, &now, &wanted, |node| node != leader, heir) {
                    None => break,
                    Some(Step::Learn(key)) => {
                        prop_assert!(!now.all().contains_key(&key.node));
                        now.learners.insert(key.node, key.directory);
                    }
                    Some(Step::Vote(voters)) => {
                        let all = now.all();
                        let has_log = |node: &NodeId| all.contains_key(node);
                        prop_assert!(voters.iter().all(has_log), "who votes has the log");
                        let stays = voters.contains(&leader) || !now.voters.contains_key(&leader);
                        prop_assert!(stays, "a leader that votes does so until it hands over");
                        let votes = |(node, _): &(NodeId, Uuid)| voters.contains(node);
                        let (voting, learning) = all.into_iter().partition(votes);
                        now = Members { voters: voting, learners: learning, is_joint: false };
                    }
                    Some(Step::HandOver(node)) => leader = node,
                    Some(Step::Forget(gone)) => {
                        prop_assert!(!now.is_joint, "who votes in one of two is no learner");
                        prop_assert!(gone.iter().all(|node| !now.voters.contains_key(node)));
                        now.learners.retain(|node, _| !gone.contains(node));
                    }
                }
            }
            prop_assert!(now.are(&wanted), "{now:?}, not {wanted:?}");
        }
    }
}
