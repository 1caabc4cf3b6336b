//! A topic as the metadata log tells it.

use std::sync::Arc;

use ottla_protocol::types::{NodeId, TopicId};
use uuid::Uuid;

use super::Configs;

/// A topic: its identity, its partitions by number, what it overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The identity, which a later topic of the same name does not share.
    pub id: TopicId,
    /// The name.
    pub name: Arc<str>,
    /// The partitions; the index is the partition's number.
    pub partitions: Vec<Partition>,
    /// Configurations that the topic sets itself, as they were written.
    pub configs: Arc<Configs>,
}

/// A partition: where its replicas live and which Raft group they form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Who holds a replica, the preferred leader first; last those that are to give it up.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica, in the same order.
    pub directories: Vec<Uuid>,
    /// The Raft group; no other partition ever has or had it.
    pub group_id: u64,
    /// The replicas of the creation, each with its log directory: nobody else may found the group.
    pub founders: Vec<(NodeId, Uuid)>,
    /// Those of the replicas that are new: their logs begin empty and come from the leader.
    pub adding: Vec<NodeId>,
    /// Those of the replicas that go when the others hold the partition.
    pub removing: Vec<NodeId>,
    /// Those of the replicas that may be empty though they are not new: their log directory is another
    /// than before, or they were told to go when they had not come yet.
    pub emptied: Vec<NodeId>,
    /// Whether it gets more replicas as brokers come: nobody said how many it should have.
    pub grows: bool,
}

impl Topic {
    /// How many replicas a partition has; the topic's creation gave all the same number.
    pub fn replication_factor(&self) -> usize {
        self.partitions
            .first()
            .map_or(0, |partition| partition.wanted().count())
    }

    /// The partition of this number.
    pub fn partition(&self, number: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(number).ok()?)
    }
}

impl Partition {
    /// A new partition on these replicas.
    pub fn created(replicas: Vec<NodeId>, directories: Vec<Uuid>, group_id: u64) -> Partition {
        let seats = replicas.iter().copied().zip(directories.iter().copied());
        Partition {
            founders: seats.collect(),
            replicas,
            directories,
            group_id,
            adding: Vec::new(),
            removing: Vec::new(),
            emptied: Vec::new(),
            grows: false,
        }
    }

    /// The replicas, each with its log directory.
    pub fn seats(&self) -> impl Iterator<Item = (NodeId, Uuid)> {
        let directories = self.directories.iter().copied();
        self.replicas.iter().copied().zip(directories)
    }

    /// Who is to hold a replica in the end, the preferred leader first.
    pub fn wanted(&self) -> impl Iterator<Item = (NodeId, Uuid)> {
        self.seats()
            .filter(|(node, _)| !self.removing.contains(node))
    }

    /// Whether the replicas are not yet those that are wanted.
    pub fn is_moving(&self) -> bool {
        !(self.adding.is_empty() && self.removing.is_empty() && self.emptied.is_empty())
    }

    /// Whether a replica's log may be empty, and then comes from the leader.
    pub fn may_begin_empty(&self, node: NodeId) -> bool {
        self.adding.contains(&node) || self.emptied.contains(&node)
    }

    /// The same, when those that are wanted hold it.
    #[must_use]
    pub fn settled(&self) -> Partition {
        let (replicas, directories) = self.wanted().unzip();
        Partition {
            replicas,
            directories,
            group_id: self.group_id,
            founders: self.founders.clone(),
            adding: Vec::new(),
            removing: Vec::new(),
            emptied: Vec::new(),
            grows: self.grows,
        }
    }

    /// The log directory of this node's replica, if it holds one.
    pub fn directory(&self, node: NodeId) -> Option<Uuid> {
        let at = self.replicas.iter().position(|replica| *replica == node)?;
        self.directories.get(at).copied()
    }
}
