//! The groups that have a replica here.

use std::collections::HashMap;

use ottla_protocol::types::NodeId;
use parking_lot::RwLock;

use crate::partition::Partition;

/// A replica that is open.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) partition: Partition,
    /// Who holds a replica, the preferred leader first.
    pub(crate) replicas: Vec<NodeId>,
    /// The replicas are those of the partition's creation, and this one is empty: it may found the
    /// group.
    pub(crate) may_found: bool,
}

/// Open replicas by group.
#[derive(Default)]
pub(crate) struct Registry(RwLock<HashMap<u64, Replica>>);

impl Registry {
    pub(crate) fn insert(&self, group: u64, replica: Replica) {
        self.0.write().insert(group, replica);
    }

    pub(crate) fn remove(&self, group: u64) {
        self.0.write().remove(&group);
    }

    pub(crate) fn get(&self, group: u64) -> Option<Replica> {
        self.0.read().get(&group).cloned()
    }

    pub(crate) fn all(&self) -> Vec<(u64, Replica)> {
        let replicas = self.0.read();
        replicas
            .iter()
            .map(|(group, replica)| (*group, replica.clone()))
            .collect()
    }
}
