//! Having the preferred replica of each partition lead it: the first that its topic's metadata names.
//!
//! After failures others lead, and some brokers lead more than their share. Each leader hands over what
//! another should lead, now and then by itself (`auto.leader.rebalance.enable`) or when a client asks
//! (ElectLeaders). The first part is pure.

use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::image::{Image, Partition};
use ottla_protocol::{ErrorCode, NodeId};
use ottla_replication::cluster::{Cluster, Leader};
use tokio::time::{Instant, interval, timeout_at};

use crate::images::Images;

/// What it takes to have the preferred replica lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Election {
    /// Nothing: it leads.
    NotNeeded,
    /// It is not alive, or not in sync; or nobody leads, who could hand over.
    Unavailable,
    /// The leader is to hand over to it.
    HandOver {
        /// Who leads.
        leader: NodeId,
        /// Who should.
        successor: NodeId,
    },
}

/// What it takes for this partition, which has that leader.
pub(crate) fn election(partition: &Partition, leader: Option<&Leader>) -> Election {
    let preferred = partition.replicas.first();
    match (preferred, leader) {
        (Some(preferred), Some(leader)) if leader.node == *preferred => Election::NotNeeded,
        (Some(preferred), Some(leader)) if leader.in_sync.contains(preferred) => {
            Election::HandOver {
                leader: leader.node,
                successor: *preferred,
            }
        }
        _ => Election::Unavailable,
    }
}

/// How long an election waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a preferred replica that is not in sync: one that was just taken in, or was not heard for a
    /// moment, soon is.
    pub(crate) in_sync_until: Instant,
    /// For everything.
    pub(crate) until: Instant,
}

/// Has the preferred replica lead a partition, if that can be in time.
pub(crate) async fn elect(
    peers: &Cluster,
    partition: &Partition,
    patience: Patience,
) -> Result<(), ErrorCode> {
    let group = partition.group_id;
    let mut moves = peers.leaders().watch();
    let mut asked = false;
    loop {
        moves.mark_unchanged();
        let leader = peers.leader(group);
        match election(partition, leader.as_ref()) {
            Election::NotNeeded if asked => return Ok(()),
            Election::NotNeeded => return Err(ErrorCode::ElectionNotNeeded),
            Election::Unavailable => {}
            Election::HandOver { .. } if asked => {}
            Election::HandOver { leader, successor } => {
                asked = true;
                let told = peers.ask_to_hand_over(leader, group, successor).await;
                told.map_err(|_| ErrorCode::PreferredLeaderNotAvailable)?;
                continue;
            }
        }
        let deadline = match asked {
            true => patience.until,
            false => patience.in_sync_until.min(patience.until),
        };
        if timeout_at(deadline, moves.changed()).await.is_err() {
            return Err(ErrorCode::PreferredLeaderNotAvailable);
        }
    }
}

/// Hands over what others should lead.
pub(crate) struct Balancer {
    /// This broker.
    pub(crate) node_id: NodeId,
    /// What this broker knows of the cluster.
    pub(crate) images: Arc<Images>,
    /// The other brokers.
    pub(crate) peers: Arc<Cluster>,
    /// `leader.imbalance.check.interval.seconds`.
    pub(crate) interval: Duration,
}

/// Leaders that are handed over at a time; each costs its partition a few milliseconds.
const HANDED_OVER_AT_ONCE: usize = 50;
/// How long a round may take to hand over so many.
const ROUND_MAX: Duration = Duration::from_secs(5);

impl Balancer {
    /// Looks at every interval, for ever.
    pub(crate) async fn run(self) {
        let mut looks = interval(self.interval);
        // The first comes at once.
        looks.tick().await;
        loop {
            looks.tick().await;
            let image = self.images.current();
            let leads = misled_here(&image, self.node_id, |group| self.peers.leader(group));
            if !leads.is_empty() {
                tracing::info!(
                    partitions = leads.len(),
                    "handing over to preferred leaders"
                );
            }
            for some in leads.chunks(HANDED_OVER_AT_ONCE) {
                let until = Instant::now() + ROUND_MAX;
                let patience = Patience {
                    in_sync_until: until,
                    until,
                };
                let handing = some
                    .iter()
                    .map(|partition| elect(&self.peers, partition, patience));
                // What was not handed over now is at the next look.
                futures::future::join_all(handing).await;
            }
        }
    }
}

/// The partitions that this broker leads and another, which can, should.
fn misled_here(
    image: &Image,
    me: NodeId,
    leader_of: impl Fn(u64) -> Option<Leader>,
) -> Vec<&Partition> {
    let partitions = image.topics().flat_map(|topic| &topic.partitions);
    let is_misled = |partition: &&Partition| {
        let leader = leader_of(partition.group_id);
        match election(partition, leader.as_ref()) {
            Election::HandOver { leader, successor } => {
                let is_in_service = image.broker(successor).is_some_and(|it| it.is_active());
                leader == me && is_in_service
            }
            Election::NotNeeded | Election::Unavailable => false,
        }
    };
    partitions.filter(is_misled).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_preferred_replica_leads_if_it_is_in_sync() {
        let replicas = vec![NodeId(2), NodeId(1)];
        let partition = Partition::created(replicas, vec![Uuid::nil(); 2], 7);
        let of = |node: i32, in_sync: &[i32]| {
            let leader = Leader {
                node: NodeId(node),
                epoch: 3,
                in_sync: in_sync.iter().copied().map(NodeId).collect(),
            };
            election(&partition, Some(&leader))
        };
        assert_eq!(of(2, &[1, 2]), Election::NotNeeded);
        assert_eq!(of(1, &[1]), Election::Unavailable);
        let hands_over = Election::HandOver {
            leader: NodeId(1),
            successor: NodeId(2),
        };
        assert_eq!(of(1, &[1, 2]), hands_over);
        assert_eq!(election(&partition, None), Election::Unavailable);
    }
}
