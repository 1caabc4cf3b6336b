//! Which replicas keep up with the groups that are led here.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_platform::seed::HashMap;
use ottla_protocol::types::NodeId;

use super::registry::Replica;

/// What was seen of all groups.
#[derive(Default)]
pub(super) struct InSync {
    groups: HashMap<u64, Progress>,
}

#[derive(Default)]
struct Progress {
    /// The log's end at the last check, if there was one.
    next_index: Option<u64>,
    /// All followers had all of it.
    everywhere: bool,
    /// When this broker came to lead.
    began: Duration,
    followers: BTreeMap<NodeId, Follower>,
}

/// A follower that has had all of the log as it was one check before.
#[derive(Clone, Copy)]
struct Follower {
    /// When that was, last; never, if its log is shorter now: it is another replica, which has begun
    /// anew, whatever the one before it had.
    caught_up: Option<Duration>,
    /// The end of its log.
    next_index: u64,
}

impl InSync {
    /// Looks at those of these groups that are led here.
    pub(super) fn check(&mut self, replicas: &[(u64, Replica)], me: NodeId, now: Duration) {
        for (group, replica) in replicas {
            if replica.partition.is_alone() || replica.partition.leader() != Some(me) {
                self.groups.remove(group);
                continue;
            }
            let progress = self.groups.entry(*group).or_insert_with(|| Progress {
                began: now,
                ..Progress::default()
            });
            let next_index = replica.partition.log().state().next_index;
            progress.note(replica.partition.matched(), next_index, now);
        }
    }

    /// Whether all followers had all of the log at the last check, and it ends there still.
    pub(super) fn is_everywhere(&self, group: u64, next_index: u64) -> bool {
        let progress = self.groups.get(&group);
        progress
            .is_some_and(|progress| progress.everywhere && progress.next_index == Some(next_index))
    }

    /// A group has no replica here any more.
    pub(super) fn forget(&mut self, group: u64) {
        self.groups.remove(&group);
    }

    /// Whether a replica keeps up, or may: to a new leader all do until it knows better, as in Kafka.
    pub(super) fn counts(
        &self,
        group: u64,
        node: NodeId,
        now: Duration,
        lag_max: Duration,
    ) -> bool {
        let progress = self.groups.get(&group);
        progress.is_none_or(|progress| progress.counts(node, now, lag_max))
    }

    /// Whether a replica whose log ends there is known to have kept up.
    pub(super) fn holds(
        &self,
        group: u64,
        node: NodeId,
        next_index: u64,
        now: Duration,
        lag_max: Duration,
    ) -> bool {
        let progress = self.groups.get(&group);
        progress.is_some_and(|progress| progress.holds(node, next_index, now, lag_max))
    }
}

impl Progress {
    /// The followers' logs end there, and the leader's own.
    fn note(&mut self, followers: Vec<(NodeId, u64)>, end: u64, now: Duration) {
        self.everywhere = followers.iter().all(|(_, next_index)| *next_index >= end);
        // Of what was before the first check nothing is known.
        let known_end = self.next_index.unwrap_or(end);
        // Who left and comes again is another replica.
        let stays = |node: &NodeId| followers.iter().any(|(follower, _)| follower == node);
        self.followers.retain(|node, _| stays(node));
        for (node, next_index) in followers {
            let before = self.followers.get(&node);
            if next_index >= known_end {
                let caught_up = Some(now);
                let follower = Follower {
                    caught_up,
                    next_index,
                };
                self.followers.insert(node, follower);
            } else if before.is_some_and(|before| next_index < before.next_index) {
                let follower = Follower {
                    caught_up: None,
                    next_index,
                };
                self.followers.insert(node, follower);
            }
        }
        self.next_index = Some(end);
    }

    fn counts(&self, node: NodeId, now: Duration, lag_max: Duration) -> bool {
        match self.followers.get(&node) {
            Some(follower) => self.keeps_up(follower, now, lag_max),
            None => now <= self.began + lag_max,
        }
    }

    fn holds(&self, node: NodeId, next_index: u64, now: Duration, lag_max: Duration) -> bool {
        self.followers.get(&node).is_some_and(|follower| {
            self.keeps_up(follower, now, lag_max) && next_index >= follower.next_index
        })
    }

    /// A group that rests is not checked: a follower that has all of its log has not fallen behind.
    fn keeps_up(&self, follower: &Follower, now: Duration, lag_max: Duration) -> bool {
        let caught_up = follower.caught_up;
        caught_up.is_some_and(|at| {
            now <= at + lag_max || self.next_index.is_none_or(|end| follower.next_index >= end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG_MAX: Duration = Duration::from_secs(30);
    const ONE: NodeId = NodeId(1);

    fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn at_the_first_look_nobody_is_known_to_have_caught_up() {
        let mut progress = Progress::default();
        progress.note(vec![(ONE, 0)], 10, second(0));
        assert!(progress.counts(ONE, second(0), LAG_MAX));
        assert!(!progress.holds(ONE, 0, second(0), LAG_MAX));
        progress.note(vec![(ONE, 0)], 10, second(1));
        assert!(!progress.holds(ONE, 0, second(1), LAG_MAX));
        progress.note(vec![(ONE, 10)], 12, second(2));
        assert!(progress.holds(ONE, 10, second(2), LAG_MAX));
        // It left, and another replica has come in its place.
        progress.note(Vec::new(), 12, second(3));
        assert!(!progress.holds(ONE, 10, second(3), LAG_MAX));
    }

    #[test]
    fn a_follower_keeps_up_while_it_has_what_there_was_a_check_ago() {
        let mut progress = Progress::default();
        progress.note(vec![(ONE, 10)], 10, second(0));
        assert!(progress.holds(ONE, 10, second(1), LAG_MAX));
        progress.note(vec![(ONE, 10)], 20, second(1));
        progress.note(vec![(ONE, 10)], 30, second(2));
        assert!(progress.holds(ONE, 10, second(31), LAG_MAX));
        assert!(!progress.holds(ONE, 10, second(32), LAG_MAX));
        assert!(!progress.counts(ONE, second(32), LAG_MAX));
    }

    #[test]
    fn a_follower_that_has_all_keeps_up_however_long_nothing_comes() {
        let mut progress = Progress::default();
        progress.note(vec![(ONE, 10)], 10, second(0));
        assert!(progress.everywhere);
        assert!(progress.counts(ONE, second(1000), LAG_MAX));
        assert!(progress.holds(ONE, 10, second(1000), LAG_MAX));
        progress.note(vec![(ONE, 10)], 20, second(1001));
        assert!(!progress.everywhere);
        assert!(progress.counts(ONE, second(1031), LAG_MAX));
        assert!(!progress.counts(ONE, second(1032), LAG_MAX));
    }

    #[test]
    fn a_new_leader_counts_those_of_whom_it_knows_nothing_and_relies_on_none() {
        let progress = Progress::default();
        assert!(progress.counts(ONE, second(1), LAG_MAX));
        assert!(!progress.holds(ONE, 0, second(1), LAG_MAX));
    }

    #[test]
    fn what_an_earlier_replica_had_says_nothing_of_one_that_begins_anew() {
        let mut progress = Progress::default();
        progress.note(vec![(ONE, 5)], 10, second(0));
        progress.note(vec![(ONE, 10)], 10, second(1));
        // Not even before the next check.
        assert!(!progress.holds(ONE, 0, second(1), LAG_MAX));
        progress.note(vec![(ONE, 3)], 10, second(2));
        assert!(!progress.holds(ONE, 3, second(2), LAG_MAX));
        assert!(!progress.counts(ONE, second(2), LAG_MAX));
        progress.note(vec![(ONE, 10)], 12, second(3));
        assert!(progress.holds(ONE, 10, second(3), LAG_MAX));
        assert!(progress.counts(ONE, second(3), LAG_MAX));
    }
}
