//! Who leads which group, as the leaders themselves tell. Invariant: the leader epoch of a group
//! never goes back.

use std::sync::Arc;

use ottla_platform::seed::HashMap;
use ottla_protocol::types::NodeId;
use parking_lot::RwLock;
use tokio::sync::watch;

use super::attention::Attention;

/// A group's leader, by its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Which broker.
    pub node: NodeId,
    /// The leader epoch: the Raft term.
    pub epoch: i32,
    /// The replicas that keep up with it, itself among them.
    pub in_sync: Arc<[NodeId]>,
}

/// The leaders of all groups of the cluster.
#[derive(Debug, Default)]
pub struct Leaders {
    attention: Arc<Attention>,
    /// Those that lead no more are kept without a leader, so that old claims stay refused.
    known: RwLock<HashMap<u64, Known>>,
    moved: watch::Sender<u64>,
}

#[derive(Debug)]
struct Known {
    epoch: i32,
    leader: Option<Leader>,
}

impl Leaders {
    /// Knows no leader yet. Groups whose leader moves are looked at.
    pub(super) fn new(attention: Arc<Attention>) -> Leaders {
        Leaders {
            attention,
            ..Leaders::default()
        }
    }

    /// The leader of a group, if one is known and has not resigned. Whether it is alive is another
    /// question.
    pub fn get(&self, group: u64) -> Option<Leader> {
        self.known.read().get(&group)?.leader.clone()
    }

    /// Tells of each change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// Takes a leader's word. That of a newer epoch wins.
    pub(super) fn claim(&self, group: u64, leader: Leader) {
        let mut all = self.known.write();
        let is_news = all.get(&group).is_none_or(|known| {
            let same_leader = known.leader.as_ref() == Some(&leader);
            known.epoch <= leader.epoch && !same_leader
        });
        if is_news {
            let known = Known {
                epoch: leader.epoch,
                leader: Some(leader),
            };
            all.insert(group, known);
            drop(all);
            self.tell(group);
        }
    }

    /// A leader says that it leads a group no more.
    pub(super) fn resign(&self, group: u64, node: NodeId) {
        let mut all = self.known.write();
        let leads = |known: &&mut Known| known.leader.as_ref().is_some_and(|it| it.node == node);
        if let Some(known) = all.get_mut(&group).filter(leads) {
            known.leader = None;
            drop(all);
            self.tell(group);
        }
    }

    /// A broker leads exactly what `leads` says: it has begun anew, or we missed something.
    pub(super) fn retain(&self, node: NodeId, leads: impl Fn(u64) -> bool) {
        let of_node = |known: &Known| known.leader.as_ref().is_some_and(|it| it.node == node);
        let all = self.known.read();
        let gone: Vec<u64> = all
            .iter()
            .filter(|(group, known)| of_node(known) && !leads(**group))
            .map(|(group, _)| *group)
            .collect();
        drop(all);
        gone.into_iter().for_each(|group| self.resign(group, node));
    }

    /// There are groups no more: of all but these it is forgotten that they were once led.
    pub fn forget_all_but(&self, is_there: impl Fn(u64) -> bool) {
        let mut all = self.known.write();
        all.retain(|group, known| known.leader.is_some() || is_there(*group));
    }

    fn tell(&self, group: u64) {
        self.attention.stir(group);
        self.moved.send_modify(|moves| *moves += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(node: i32, epoch: i32) -> Leader {
        Leader {
            node: NodeId(node),
            epoch,
            in_sync: [NodeId(node)].into(),
        }
    }

    #[test]
    fn the_newest_epoch_wins_whatever_the_order() {
        let leaders = Leaders::default();
        leaders.claim(1, leader(1, 5));
        leaders.claim(1, leader(2, 4));
        assert_eq!(leaders.get(1), Some(leader(1, 5)));
        leaders.claim(1, leader(3, 6));
        leaders.resign(1, NodeId(1));
        assert_eq!(leaders.get(1), Some(leader(3, 6)));
    }

    #[test]
    fn who_resigned_does_not_come_back_with_an_old_claim() {
        let leaders = Leaders::default();
        leaders.claim(1, leader(1, 5));
        leaders.resign(1, NodeId(1));
        leaders.claim(1, leader(2, 4));
        assert_eq!(leaders.get(1), None);
        leaders.claim(1, leader(1, 5));
        assert_eq!(leaders.get(1), Some(leader(1, 5)));
    }

    #[test]
    fn what_is_no_more_is_forgotten_when_nobody_says_that_he_leads_it() {
        let leaders = Leaders::default();
        (1..=3).for_each(|group| leaders.claim(group, leader(1, 1)));
        leaders.resign(1, NodeId(1));
        leaders.resign(2, NodeId(1));
        leaders.forget_all_but(|group| group == 1);
        assert_eq!(leaders.get(3), Some(leader(1, 1)));
        let mut known: Vec<u64> = leaders.known.read().keys().copied().collect();
        known.sort_unstable();
        assert_eq!(known, [1, 3]);
    }

    #[test]
    fn a_full_word_ends_what_it_does_not_name() {
        let leaders = Leaders::default();
        (1..=3).for_each(|group| leaders.claim(group, leader(1, 1)));
        leaders.claim(4, leader(2, 1));
        leaders.retain(NodeId(1), |group| group == 2);
        let left: Vec<u64> = (1..=4).filter(|it| leaders.get(*it).is_some()).collect();
        assert_eq!(left, [2, 4]);
    }
}
