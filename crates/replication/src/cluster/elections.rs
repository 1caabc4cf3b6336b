//! Who should stand for election, and when: a pure planner.
//!
//! A group is an orphan while its leader is unknown, dead, or does not say that it leads it. Of
//! its replicas that are alive the most preferred stands at once, the next one a step later, and
//! so on, again and again until there is a leader. Raft decides who wins; this only keeps the
//! replicas of a group from standing against each other.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_protocol::types::NodeId;

/// How much later the next replica stands.
const STEP: Duration = Duration::from_millis(150);
/// How long a candidate waits before it stands again.
const AGAIN: Duration = Duration::from_millis(100);
/// How long a leader that is alive may take to say that it leads.
const DOUBT: Duration = Duration::from_millis(600);
/// Elections that are begun in one round; the rest wait for the next.
pub(super) const BEGUN_MAX: usize = 200;
/// So many groups without a leader double both times: where there are many, at the creation of many
/// topics or the death of a broker, elections take longer, and whoever is impatient starts them anew.
const UNHURRIED: usize = 50;

/// What is known of a group that has a replica here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) group: u64,
    pub(super) standing: Standing,
    /// Who may be elected, the preferred leader first.
    pub(super) candidates: Vec<NodeId>,
}

/// How a group's leadership stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is a leader, and no reason to doubt it.
    Led,
    /// This broker says that it leads, which is not for it to end.
    LedHere,
    /// The leader is alive and has not said that it leads: perhaps it has not come to it yet.
    Doubtful,
    /// There is no leader, or it is dead.
    Orphan,
}

/// Remembers since when groups are orphans.
#[derive(Debug, Default)]
pub(super) struct Elections {
    orphans: BTreeMap<u64, Orphan>,
}

#[derive(Debug, Clone, Copy)]
struct Orphan {
    since: Duration,
    stood: Option<Duration>,
}

impl Elections {
    /// Whether a group had no leader at the last plan.
    pub(super) fn has_orphans(&self) -> bool {
        !self.orphans.is_empty()
    }

    /// The groups for which this broker should stand now.
    pub(super) fn plan(
        &mut self,
        now: Duration,
        me: NodeId,
        views: impl IntoIterator<Item = View>,
        is_alive: impl Fn(NodeId) -> bool,
    ) -> Vec<u64> {
        let mut before = std::mem::take(&mut self.orphans);
        let crowd = 1 + u32::try_from(before.len() / UNHURRIED).unwrap_or(u32::MAX - 1);
        let (step, again) = (STEP * crowd, AGAIN * crowd);
        let mut stand = Vec::new();
        for view in views {
            let patience = match view.standing {
                Standing::Led | Standing::LedHere => continue,
                Standing::Doubtful => DOUBT,
                Standing::Orphan => Duration::ZERO,
            };
            let mut orphan = before.remove(&view.group).unwrap_or(Orphan {
                since: now,
                stood: None,
            });
            let alive = view
                .candidates
                .iter()
                .filter(|node| **node == me || is_alive(**node));
            let rank = alive.take_while(|node| **node != me).count();
            let rank = u32::try_from(rank).expect("groups are small");
            let due = match orphan.stood {
                None => orphan.since + patience + step * rank,
                Some(stood) => stood + again + step / 3 * rank,
            };
            if now >= due && stand.len() < BEGUN_MAX {
                orphan.stood = Some(now);
                stand.push(view.group);
            }
            self.orphans.insert(view.group, orphan);
        }
        stand
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];
    const NOBODY: [u64; 0] = [];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn view(group: u64, standing: Standing) -> View {
        View {
            group,
            standing,
            candidates: ALL.into(),
        }
    }

    /// When `me` stands in the first second, looking every 50 ms, if these are alive.
    fn stands_at(me: i32, alive: &[i32]) -> Vec<u64> {
        let mut elections = Elections::default();
        let looks = (0..1000).step_by(50);
        let stands = looks.filter(|at| {
            let views = [view(9, Standing::Orphan)];
            let alive = |node: NodeId| alive.contains(&node.0);
            !elections.plan(ms(*at), NodeId(me), views, alive).is_empty()
        });
        stands.collect()
    }

    #[test]
    fn the_preferred_replica_that_lives_stands_first() {
        assert_eq!(stands_at(1, &[2, 3])[..3], [0, 100, 200]);
        assert_eq!(stands_at(2, &[1, 3])[..2], [150, 300]);
        assert_eq!(stands_at(2, &[3])[..2], [0, 100]);
        assert_eq!(stands_at(3, &[2])[0], 150);
        assert_eq!(stands_at(3, &[])[0], 0);
    }

    #[test]
    fn led_groups_are_left_alone_and_a_new_orphan_starts_afresh() {
        let mut elections = Elections::default();
        let mut plan = |at, standing| {
            let views = [view(9, standing)];
            elections.plan(ms(at), NodeId(2), views, |_| true)
        };
        assert_eq!(plan(0, Standing::Orphan), NOBODY);
        assert_eq!(plan(150, Standing::Orphan), [9]);
        assert_eq!(plan(200, Standing::Led), NOBODY);
        assert_eq!(plan(1000, Standing::Orphan), NOBODY);
        assert_eq!(plan(1100, Standing::LedHere), NOBODY);
    }

    #[test]
    fn a_leader_that_lives_is_given_time_to_say_so() {
        let mut elections = Elections::default();
        let mut plan = |at, standing| {
            let views = [view(9, standing)];
            elections.plan(ms(at), NodeId(1), views, |_| true)
        };
        assert_eq!(plan(0, Standing::Doubtful), NOBODY);
        assert_eq!(plan(550, Standing::Doubtful), NOBODY);
        assert_eq!(plan(600, Standing::Doubtful), [9]);
    }

    #[test]
    fn among_many_orphans_everyone_is_given_more_time() {
        let mut elections = Elections::default();
        let stands = |at: &u64| {
            let views = (0..100).map(|group| view(group, Standing::Orphan));
            !elections
                .plan(ms(*at), NodeId(2), views, |_| true)
                .is_empty()
        };
        let stands: Vec<u64> = (0..1500).step_by(50).filter(stands).collect();
        assert_eq!(stands, [450, 900, 1350]);
    }

    #[test]
    fn a_broker_that_died_with_many_leaders_is_replaced_in_several_rounds() {
        let mut elections = Elections::default();
        let mut begun = Vec::new();
        for round in 0..3 {
            let views = (0..500).map(|group| view(group, Standing::Orphan));
            let now = ms(round * 20);
            begun.push(elections.plan(now, NodeId(1), views, |_| true).len());
        }
        assert_eq!(begun, [BEGUN_MAX, BEGUN_MAX, 500 - 2 * BEGUN_MAX]);
    }
}
