//! The groups that have a replica here.

use std::sync::Arc;

use ottla_platform::seed::HashMap;
use ottla_protocol::types::NodeId;
use parking_lot::RwLock;

use super::members::{Members, ReplicaKey};
use crate::partition::Partition;

/// When what is said of a group's members holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Whoever leads.
    Always,
    /// While this broker leads in the epoch that it was said in: the leader decides itself, and what
    /// it decided when it led before may have been overruled since.
    InEpoch(i32),
    /// Never: nobody has said anything yet.
    Never,
}

/// A replica that is open.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) partition: Partition,
    /// Who is to hold a replica, the preferred leader first.
    pub(crate) voters: Arc<[ReplicaKey]>,
    /// Who else is to have the log.
    pub(crate) learners: Arc<[ReplicaKey]>,
    /// When that holds.
    pub(crate) held: Held,
    /// The replicas of the partition's creation, if this one is among them and empty, so that it
    /// may found the group; otherwise none.
    pub(crate) founders: Arc<[ReplicaKey]>,
}

impl Replica {
    /// Who votes: by the group's own word, or, before it is founded, those who are to found it.
    pub(crate) fn electorate(&self) -> Arc<[NodeId]> {
        let voters = self.partition.shared.voters();
        match voters.is_empty() {
            true => self.founders.iter().map(|it| it.node).collect(),
            false => voters,
        }
    }

    /// Those who vote, the preferred leader first.
    pub(crate) fn candidates(&self) -> Vec<NodeId> {
        let voters = self.electorate();
        let wanted: Vec<NodeId> = self.voters.iter().map(|it| it.node).collect();
        let preferred = wanted.iter().filter(|node| voters.contains(node));
        let others = voters.iter().filter(|node| !wanted.contains(node));
        preferred.chain(others).copied().collect()
    }

    /// Whether this broker's replica may be elected: it votes and lacks nothing that it should have, or
    /// is to found the group.
    pub(crate) fn may_stand(&self, me: NodeId) -> bool {
        match self.partition.shared.voters().is_empty() {
            true => self.founders.iter().any(|it| it.node == me),
            false => self.partition.shared.may_lead(),
        }
    }

    /// Who is to have the log, and vote, by what holds now.
    pub(crate) fn wanted(&self) -> Option<Members> {
        let holds = match self.held {
            Held::Always => true,
            Held::InEpoch(epoch) => epoch == self.partition.leader_epoch(),
            Held::Never => false,
        };
        holds.then(|| Members::new(&self.voters, &self.learners))
    }
}

/// Open replicas by group.
#[derive(Default)]
pub(crate) struct Registry(RwLock<HashMap<u64, Replica>>);

impl Registry {
    pub(crate) fn insert(&self, group: u64, replica: Replica) {
        self.0.write().insert(group, replica);
    }

    pub(crate) fn set_members(
        &self,
        group: u64,
        voters: Vec<ReplicaKey>,
        learners: Vec<ReplicaKey>,
        held: Held,
    ) {
        if let Some(replica) = self.0.write().get_mut(&group) {
            replica.voters = voters.into();
            replica.learners = learners.into();
            replica.held = held;
        }
    }

    pub(crate) fn remove(&self, group: u64) {
        self.0.write().remove(&group);
    }

    pub(crate) fn get(&self, group: u64) -> Option<Replica> {
        self.0.read().get(&group).cloned()
    }

    /// The groups of all.
    pub(crate) fn groups(&self) -> Vec<u64> {
        self.0.read().keys().copied().collect()
    }
}
