//! Where the replicas of new partitions go: a pure planner over the brokers that can take them.
//!
//! Leaders go round the live brokers, one after the other, and go on where the last partition of
//! the cluster ended, so that many small topics spread as one large one does. Followers are the
//! leader's neighbours, at a distance that grows each round, so that the partitions which a broker
//! leads have their other replicas on all others, not always on the same. Fenced brokers get
//! replicas only when the live ones do not suffice, and never the first, which is the preferred
//! leader. Racks are not looked at yet.

use std::sync::Arc;

use ottla_protocol::types::NodeId;
use uuid::Uuid;

use crate::image::{Broker, Image};

/// The replicas of one partition, the preferred leader first, and each one's log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who holds a replica.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica, in the same order.
    pub directories: Vec<Uuid>,
}

/// Why there is no place for the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Nobody can lead.
    #[error("all brokers are fenced or shutting down")]
    NoActiveBroker,
    /// A partition cannot have two replicas on one broker.
    #[error("{wanted} replicas were asked for, but only {registered} broker(s) are registered")]
    TooFewBrokers {
        /// Replicas asked for.
        wanted: usize,
        /// Brokers there are.
        registered: usize,
    },
}

/// The brokers of an image, as the planner sees them.
pub struct Placement<'a> {
    active: Vec<&'a Arc<Broker>>,
    others: Vec<&'a Arc<Broker>>,
}

impl<'a> Placement<'a> {
    /// Sorts the brokers into those that can lead and the rest.
    pub fn new(image: &'a Image) -> Self {
        let (active, others) = image.brokers().partition(|broker| broker.is_active());
        Self { active, others }
    }

    /// The replicas of the partition that gets this Raft group. Group ids count partitions of the
    /// whole cluster, which is what makes leaders go round.
    pub fn assign(&self, group_id: u64, replicas: usize) -> Result<Assignment, PlacementError> {
        let registered = self.active.len() + self.others.len();
        if self.active.is_empty() {
            return Err(PlacementError::NoActiveBroker);
        }
        if replicas > registered {
            return Err(PlacementError::TooFewBrokers {
                wanted: replicas,
                registered,
            });
        }
        let (active, others) = (self.active.len(), self.others.len());
        let leader = remainder(group_id, active);
        let round = group_id / active as u64;
        let chosen = (0..replicas).map(|rank| match rank {
            0 => self.active[leader],
            _ if rank < active => {
                let distance = (remainder(round, active - 1) + rank - 1) % (active - 1);
                self.active[(leader + 1 + distance) % active]
            }
            _ => self.others[(remainder(group_id, others) + rank - active) % others],
        });
        let (replicas, directories) = chosen
            .map(|broker| (broker.id, directory(broker, group_id)))
            .unzip();
        Ok(Assignment {
            replicas,
            directories,
        })
    }
}

/// The log directory that the broker's replica of this group gets: each in turn.
pub fn directory(broker: &Broker, group_id: u64) -> Uuid {
    match broker.directories.len() {
        0 => Uuid::nil(),
        count => broker.directories[remainder(group_id, count)],
    }
}

fn remainder(value: u64, divisor: usize) -> usize {
    let divisor = u64::try_from(divisor).expect("a usize fits a u64");
    usize::try_from(value % divisor).expect("smaller than a usize")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::record::{Record, RegisterBrokerRecord};

    fn brokers(active: i32, fenced: i32) -> Image {
        let mut image = Image::default();
        for id in 1..=active + fenced {
            image.apply(&Record::RegisterBroker(RegisterBrokerRecord {
                broker_id: NodeId(id),
                incarnation_id: Uuid::nil(),
                broker_epoch: 0,
                endpoints: Vec::new(),
                features: Vec::new(),
                rack: None,
                fenced: id > active,
                in_controlled_shutdown: false,
                log_dirs: (0..3)
                    .map(|dir| Uuid::from_u128(id as u128 * 10 + dir))
                    .collect(),
            }));
        }
        image
    }

    fn replicas(image: &Image, group_id: u64, count: usize) -> Vec<i32> {
        let assignment = Placement::new(image).assign(group_id, count).unwrap();
        assignment.replicas.iter().map(|id| id.0).collect()
    }

    #[test]
    fn leaders_go_round_and_followers_shift_each_round() {
        let image = brokers(3, 0);
        let placed: Vec<_> = (0..7)
            .map(|group_id| replicas(&image, group_id, 2))
            .collect();
        assert_eq!(
            placed,
            [[1, 2], [2, 3], [3, 1], [1, 3], [2, 1], [3, 2], [1, 2]].map(Vec::from)
        );
    }

    #[test]
    fn the_log_directories_of_a_broker_take_turns() {
        let image = brokers(1, 0);
        let placement = Placement::new(&image);
        let used: BTreeSet<_> = (0..3)
            .map(|group_id| placement.assign(group_id, 1).unwrap().directories)
            .collect();
        assert_eq!(used.len(), 3);
    }

    #[test]
    fn fenced_brokers_are_the_last_resort_and_never_lead() {
        let image = brokers(2, 2);
        for group_id in 0..8 {
            assert!(replicas(&image, group_id, 2).iter().all(|id| *id <= 2));
            let three = replicas(&image, group_id, 3);
            assert!(three[0] <= 2 && three[1] <= 2 && three[2] > 2);
        }
    }

    #[test]
    fn too_few_brokers_or_none_alive_are_errors() {
        let error = Placement::new(&brokers(1, 1)).assign(0, 3).unwrap_err();
        assert_eq!(
            error,
            PlacementError::TooFewBrokers {
                wanted: 3,
                registered: 2
            }
        );
        let error = Placement::new(&brokers(0, 1)).assign(0, 1).unwrap_err();
        assert_eq!(error, PlacementError::NoActiveBroker);
        let error = Placement::new(&brokers(0, 0)).assign(0, 1).unwrap_err();
        assert_eq!(error, PlacementError::NoActiveBroker);
    }

    proptest! {
        #[test]
        fn replicas_differ_and_partitions_spread_evenly(
            active in 1..9i32,
            fenced in 0..3i32,
            first in 0..u64::from(u32::MAX),
            count in 1..5usize,
        ) {
            let image = brokers(active, fenced);
            prop_assume!(count <= (active + fenced) as usize);
            let rounds = 2 * active as u64 * (active as u64).max(2);
            let mut leads: BTreeMap<i32, u64> = BTreeMap::new();
            for group_id in first..first + rounds {
                let placed = replicas(&image, group_id, count);
                let distinct: BTreeSet<_> = placed.iter().collect();
                prop_assert_eq!(distinct.len(), count);
                *leads.entry(placed[0]).or_default() += 1;
            }
            prop_assert_eq!(leads.len(), active as usize);
            let (least, most) = (leads.values().min().unwrap(), leads.values().max().unwrap());
            prop_assert!(most - least <= 1);
        }
    }
}
