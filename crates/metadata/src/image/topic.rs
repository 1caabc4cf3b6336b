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
    /// Who holds a replica, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica, in the same order.
    pub directories: Vec<Uuid>,
    /// The Raft group; no other partition ever has or had it.
    pub group_id: u64,
    /// Whether the replicas are still those of the creation, so that they may found the group.
    pub birth: bool,
}

impl Topic {
    /// How many replicas a partition has; the topic's creation gave all the same number.
    pub fn replication_factor(&self) -> usize {
        self.partitions
            .first()
            .map_or(0, |partition| partition.replicas.len())
    }

    /// The partition of this number.
    pub fn partition(&self, number: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(number).ok()?)
    }
}

impl Partition {
    /// The log directory of this node's replica, if it holds one.
    pub fn directory(&self, node: NodeId) -> Option<Uuid> {
        let at = self.replicas.iter().position(|replica| *replica == node)?;
        self.directories.get(at).copied()
    }
}
