//! From the members that a group has to those that it is to have, a step at a time: a pure planner.
//!
//! Whoever comes gets the log first and votes when it has it. Voters change at once and together,
//! when all that come have caught up. Whoever goes is forgotten when it votes no more.

use std::collections::BTreeSet;

use ottla_protocol::types::NodeId;

/// What a group's leader does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sends its log to one more.
    Learn(NodeId),
    /// Has these vote, and nobody else.
    Vote(BTreeSet<NodeId>),
    /// Sends its log to these no more.
    Forget(BTreeSet<NodeId>),
}

/// Who has the group's log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Members {
    pub(crate) voters: BTreeSet<NodeId>,
    pub(crate) learners: BTreeSet<NodeId>,
}

impl Members {
    fn all(&self) -> BTreeSet<NodeId> {
        self.voters.union(&self.learners).copied().collect()
    }
}

/// The next step from `now` to `wanted`; `None` if there is none, or none yet.
pub(crate) fn next_step(
    now: &Members,
    wanted: &Members,
    has_caught_up: impl Fn(NodeId) -> bool,
) -> Option<Step> {
    let (all_now, all_wanted) = (now.all(), wanted.all());
    if let Some(newcomer) = all_wanted.difference(&all_now).next() {
        return Some(Step::Learn(*newcomer));
    }
    if now.voters != wanted.voters && !wanted.voters.is_empty() {
        let mut newcomers = wanted.voters.difference(&now.voters);
        let ready = newcomers.all(|node| has_caught_up(*node));
        return ready.then(|| Step::Vote(wanted.voters.clone()));
    }
    let gone: BTreeSet<NodeId> = all_now.difference(&all_wanted).copied().collect();
    (!gone.is_empty()).then_some(Step::Forget(gone))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(nodes: &[i32]) -> BTreeSet<NodeId> {
        nodes.iter().copied().map(NodeId).collect()
    }

    fn members(voters: &[i32], learners: &[i32]) -> Members {
        Members {
            voters: set(voters),
            learners: set(learners),
        }
    }

    #[test]
    fn a_newcomer_learns_then_votes() {
        let wanted = members(&[1, 2], &[]);
        let step = |now: Members, caught_up: bool| next_step(&now, &wanted, |_| caught_up);
        assert_eq!(step(members(&[1], &[]), true), Some(Step::Learn(NodeId(2))));
        assert_eq!(step(members(&[1], &[2]), false), None);
        let votes = Some(Step::Vote(set(&[1, 2])));
        assert_eq!(step(members(&[1], &[2]), true), votes);
        assert_eq!(step(members(&[1, 2], &[]), false), None);
    }

    #[test]
    fn who_goes_votes_no_more_and_is_then_forgotten() {
        let wanted = members(&[1, 2], &[]);
        let step = |now: Members| next_step(&now, &wanted, |_| false);
        let votes = Some(Step::Vote(set(&[1, 2])));
        assert_eq!(step(members(&[1, 2, 3], &[])), votes);
        let forgets = Some(Step::Forget(set(&[3])));
        assert_eq!(step(members(&[1, 2], &[3])), forgets);
    }

    proptest! {
        #[test]
        fn the_steps_lead_there(
            now in prop::collection::btree_set(1..6, 1..5),
            wanted in prop::collection::btree_set(1..6, 1..5),
            learners in prop::collection::btree_set(6..9, 0..3),
        ) {
            let of = |nodes: &BTreeSet<i32>| nodes.iter().copied().map(NodeId).collect();
            let mut now = Members { voters: of(&now), ..Members::default() };
            let wanted = Members { voters: of(&wanted), learners: of(&learners) };
            for _ in 0..20 {
                match next_step(&now, &wanted, |_| true) {
                    None => break,
                    Some(Step::Learn(node)) => _ = now.learners.insert(node),
                    Some(Step::Vote(voters)) => {
                        prop_assert!(voters.is_subset(&now.all()), "who votes has the log");
                        now.learners = now.all().difference(&voters).copied().collect();
                        now.voters = voters;
                    }
                    Some(Step::Forget(gone)) => {
                        prop_assert!(gone.is_disjoint(&now.voters));
                        now.learners.retain(|node| !gone.contains(node));
                    }
                }
            }
            prop_assert_eq!(now, wanted);
        }
    }
}
