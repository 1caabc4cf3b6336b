//! Who holds the metadata, who votes on it and how far each has it: its leader knows, and tells the
//! other brokers.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ottla_platform::clock::Clock;
use ottla_protocol::NodeId;
use ottla_replication::{Partition, Quorum, ReplicaProgress};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the leader of the metadata tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumView {
    /// Who leads.
    pub leader: NodeId,
    /// In which epoch.
    pub leader_epoch: i32,
    /// Records below are committed.
    pub high_watermark: i64,
    /// Those who vote, the leader among them.
    pub voters: Vec<ReplicaView>,
    /// The other brokers that have the metadata.
    pub observers: Vec<ReplicaView>,
}

/// How far one broker has the metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaView {
    /// Which broker.
    pub node: NodeId,
    /// The log directory that it has it in.
    pub directory: Uuid,
    /// The offset after its last record.
    pub log_end_offset: i64,
    /// When it was heard last; −1 if never.
    pub last_fetch_ms: i64,
    /// When it had all that there was; −1 if never.
    pub last_caught_up_ms: i64,
}

/// Watches the others while this broker leads.
pub struct QuorumWatch {
    node_id: NodeId,
    clock: Arc<dyn Clock>,
    /// The metadata here, once it is open.
    partition: OnceLock<Partition>,
    /// Taken after no other lock.
    sightings: Mutex<Sightings>,
}

impl QuorumWatch {
    /// Has seen nobody.
    pub fn new(node_id: NodeId, clock: Arc<dyn Clock>) -> QuorumWatch {
        QuorumWatch {
            node_id,
            clock,
            partition: OnceLock::new(),
            sightings: Mutex::default(),
        }
    }

    /// The metadata's log is open.
    pub(crate) fn begin(&self, partition: Partition) {
        // It is opened once.
        let _ = self.partition.set(partition);
    }

    /// Notes who is alive and how far.
    pub(super) fn look(&self, is_alive: impl Fn(NodeId) -> bool) {
        let quorum = self.partition.get().and_then(Partition::quorum);
        let mut sightings = self.sightings.lock();
        match quorum {
            Some(quorum) => sightings.note(&quorum, self.node_id, self.clock.now_ms(), is_alive),
            None => *sightings = Sightings::default(),
        }
    }

    /// What is known, if this broker leads.
    pub(super) fn view(&self) -> Option<QuorumView> {
        let quorum = self.partition.get()?.quorum()?;
        let (leader, now_ms) = (self.node_id, self.clock.now_ms());
        Some(self.sightings.lock().view(&quorum, leader, now_ms))
    }
}

/// When each broker was seen, since this one leads.
#[derive(Debug, Default)]
struct Sightings {
    seen: BTreeMap<NodeId, Seen>,
    /// Where the leader's log ended at the look before, and when that was.
    before: Option<(i64, i64)>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    last_fetch_ms: i64,
    last_caught_up_ms: i64,
}

impl Sightings {
    fn note(
        &mut self,
        quorum: &Quorum,
        leader: NodeId,
        now_ms: i64,
        is_alive: impl Fn(NodeId) -> bool,
    ) {
        let all = || quorum.voters.iter().chain(&quorum.observers);
        let own = all().find(|one| one.replica.node == leader);
        let end_offset = own.map_or(0, |own| own.log_end_offset);
        for one in all().filter(|one| is_alive(one.replica.node)) {
            let seen = self.seen.entry(one.replica.node).or_insert(Seen {
                last_fetch_ms: -1,
                last_caught_up_ms: -1,
            });
            seen.last_fetch_ms = now_ms;
            if one.log_end_offset >= end_offset {
                seen.last_caught_up_ms = now_ms;
            } else if let Some((_, before_ms)) =
                self.before.filter(|(end, _)| one.log_end_offset >= *end)
            {
                seen.last_caught_up_ms = seen.last_caught_up_ms.max(before_ms);
            }
        }
        let is_member = |node: &NodeId| all().any(|one| one.replica.node == *node);
        self.seen.retain(|node, _| is_member(node));
        self.before = Some((end_offset, now_ms));
    }

    fn view(&self, quorum: &Quorum, leader: NodeId, now_ms: i64) -> QuorumView {
        let view = |one: &ReplicaProgress| {
            let seen = match one.replica.node == leader {
                true => Some(Seen {
                    last_fetch_ms: now_ms,
                    last_caught_up_ms: now_ms,
                }),
                false => self.seen.get(&one.replica.node).copied(),
            };
            ReplicaView {
                node: one.replica.node,
                directory: one.replica.directory,
                log_end_offset: one.log_end_offset,
                last_fetch_ms: seen.map_or(-1, |seen| seen.last_fetch_ms),
                last_caught_up_ms: seen.map_or(-1, |seen| seen.last_caught_up_ms),
            }
        };
        QuorumView {
            leader,
            leader_epoch: quorum.leader_epoch,
            high_watermark: quorum.high_watermark,
            voters: quorum.voters.iter().map(view).collect(),
            observers: quorum.observers.iter().map(view).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ottla_replication::cluster::ReplicaKey;

    use super::*;

    fn quorum(ends: &[(i32, i64)]) -> Quorum {
        let progress = |(node, log_end_offset): &(i32, i64)| ReplicaProgress {
            replica: ReplicaKey {
                node: NodeId(*node),
                directory: Uuid::from_u128(7),
            },
            log_end_offset: *log_end_offset,
        };
        Quorum {
            leader_epoch: 3,
            high_watermark: 5,
            voters: ends.iter().map(progress).collect(),
            observers: Vec::new(),
        }
    }

    #[test]
    fn a_follower_has_caught_up_with_the_end_that_it_was_told_of() {
        let mut sightings = Sightings::default();
        let mut look = |now_ms, ends: &[(i32, i64)], alive: &[i32]| {
            let is_alive = |node: NodeId| alive.contains(&node.0);
            let quorum = quorum(ends);
            sightings.note(&quorum, NodeId(1), now_ms, is_alive);
            let view = sightings.view(&quorum, NodeId(1), now_ms);
            assert_eq!(view.voters[0].last_caught_up_ms, now_ms, "the leader");
            (
                view.voters[1].last_fetch_ms,
                view.voters[1].last_caught_up_ms,
            )
        };
        assert_eq!(look(100, &[(1, 5), (2, 0)], &[1]), (-1, -1));
        assert_eq!(look(200, &[(1, 5), (2, 3)], &[1, 2]), (200, -1));
        assert_eq!(look(300, &[(1, 9), (2, 5)], &[1, 2]), (300, 200));
        assert_eq!(look(400, &[(1, 9), (2, 9)], &[1, 2]), (400, 400));
        assert_eq!(look(500, &[(1, 9), (2, 9)], &[1]), (400, 400));
    }
}
