//! What one node must do to its replicas to follow the metadata: a pure planner.
//!
//! The plan is made from what changed, so that following costs what changed. Deletions come first:
//! a topic that was deleted and created again under its name is gone before it comes back. The
//! shell carries the plan out in order.

use std::collections::BTreeSet;
use std::sync::Arc;

use ottla_protocol::types::{NodeId, TopicId};
use uuid::Uuid;

use crate::image::{
    ConfigResource, Configs, Delta, Image, Partition, ResourceType, Topic, TopicChange,
};

/// A node and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalNode {
    /// Its number.
    pub id: NodeId,
    /// The ids of its log directories.
    pub directories: BTreeSet<Uuid>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Give up a replica and its data.
    Delete(ReplicaId),
    /// Start a replica, with the data it has or, at its birth, none.
    Open(Replica),
    /// Say that a replica cannot be served: it lives in a log directory that is not here, and
    /// must not be made anew where its data is not.
    Offline(Replica),
    /// Others than before are to hold the partition's replicas. This node has one still.
    Resize {
        /// Which replica.
        id: ReplicaId,
        /// Who is to hold a replica, the preferred leader first, each with its log directory.
        wanted: Vec<(NodeId, Uuid)>,
    },
    /// The topic's configurations are others than before, or what it gets where it has none.
    Configure {
        /// Which topic.
        topic_id: TopicId,
        /// Its name.
        topic: Arc<str>,
        /// How many partitions it has, here and elsewhere.
        partitions: i32,
        /// What it overrides now.
        configs: Arc<Configs>,
    },
}

/// Names a replica on this node, past a topic's deletion and return under the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicaId {
    /// The topic's identity.
    pub topic_id: TopicId,
    /// The partition's number.
    pub partition: i32,
    /// The topic's name.
    pub topic: Arc<str>,
}

/// A replica on this node, as the metadata describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Which one.
    pub id: ReplicaId,
    /// The partition's Raft group.
    pub group_id: u64,
    /// Who is to hold a replica, the preferred leader first, each with its log directory.
    pub wanted: Vec<(NodeId, Uuid)>,
    /// The log directory that this node's replica lives in.
    pub directory: Uuid,
    /// Whether it may begin with an empty log, if it has none.
    pub beginning: Beginning,
    /// What the topic overrides.
    pub configs: Arc<Configs>,
}

/// Whether a replica may begin with an empty log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It was placed here when the partition was created, with these, who found the group.
    Founds(Vec<(NodeId, Uuid)>),
    /// It was placed here later, and has everything from the leader.
    Joins,
    /// It was here before.
    Continues,
}

/// Whether `delta` changes what topics get on this broker where they do not say.
pub fn changes_defaults(delta: &Delta, broker: NodeId) -> bool {
    let own = broker.to_string();
    let is_ours = |resource: &ConfigResource| {
        resource.kind == ResourceType::Broker && (resource.name.is_empty() || resource.name == own)
    };
    delta.configs.iter().any(is_ours)
}

/// Plans what the node must do after the metadata changed by `delta` to `image`. If that changes
/// the defaults of topics, it costs what there is.
pub fn reconcile(delta: &Delta, image: &Image, node: &LocalNode) -> Vec<Change> {
    let (mut deletions, mut rest) = (Vec::new(), Vec::new());
    for change in &delta.topics {
        match change {
            TopicChange::Created(topic) => {
                rest.extend(replicas(topic, node.id).map(|replica| start(replica, node)));
            }
            TopicChange::Deleted(topic) => {
                deletions
                    .extend(replicas(topic, node.id).map(|replica| Change::Delete(replica.id)));
            }
            TopicChange::Changed { old, new } => {
                follow(old, new, node, &mut deletions, &mut rest);
            }
        }
    }
    deletions.append(&mut rest);
    if changes_defaults(delta, node.id) {
        let hosted = image
            .topics()
            .filter(|topic| replicas(topic, node.id).next().is_some());
        deletions.extend(hosted.map(|topic| configure(topic)));
    }
    deletions
}

fn configure(topic: &Topic) -> Change {
    Change::Configure {
        topic_id: topic.id,
        topic: topic.name.clone(),
        partitions: i32::try_from(topic.partitions.len()).expect("partitions are counted in i32"),
        configs: topic.configs.clone(),
    }
}

/// The replicas that stand in the node's log directories although the metadata gives it none:
/// left over from a deletion that was not finished. Call it only with an image that is at least as
/// new as the last one this node has carried out; of an older one, everything looks left over.
pub fn strays(
    image: &Image,
    node: NodeId,
    found: impl IntoIterator<Item = ReplicaId>,
) -> Vec<ReplicaId> {
    let is_stray = |id: &ReplicaId| {
        let partition = image.partition(id.topic_id, id.partition);
        partition.is_none_or(|partition| partition.directory(node).is_none())
    };
    found.into_iter().filter(is_stray).collect()
}

/// The node's replicas of a topic.
fn replicas(topic: &Topic, node: NodeId) -> impl Iterator<Item = Replica> {
    topic
        .partitions
        .iter()
        .zip(0..)
        .filter_map(move |(partition, number)| replica(topic, partition, number, node))
}

fn replica(topic: &Topic, partition: &Partition, number: i32, node: NodeId) -> Option<Replica> {
    let directory = partition.directory(node)?;
    Some(Replica {
        id: ReplicaId {
            topic_id: topic.id,
            partition: number,
            topic: topic.name.clone(),
        },
        group_id: partition.group_id,
        wanted: partition.wanted().collect(),
        directory,
        beginning: beginning(partition, node, directory),
        configs: topic.configs.clone(),
    })
}

fn beginning(partition: &Partition, node: NodeId, directory: Uuid) -> Beginning {
    // Who was there at the creation, left and comes back founds nothing.
    if partition.may_begin_empty(node) {
        Beginning::Joins
    } else if partition.founders.contains(&(node, directory)) {
        Beginning::Founds(partition.founders.clone())
    } else {
        Beginning::Continues
    }
}

fn start(replica: Replica, node: &LocalNode) -> Change {
    if node.directories.contains(&replica.directory) {
        Change::Open(replica)
    } else {
        Change::Offline(replica)
    }
}

/// Plans for a topic that stayed: partition by partition, then its configurations, which replicas
/// that are started here have already.
fn follow(
    old: &Topic,
    new: &Topic,
    node: &LocalNode,
    deletions: &mut Vec<Change>,
    rest: &mut Vec<Change>,
) {
    let mut kept_any = false;
    for number in 0..old.partitions.len().max(new.partitions.len()) {
        let number = i32::try_from(number).expect("partitions are counted in i32");
        let of = |topic: &Topic| replica(topic, topic.partition(number)?, number, node.id);
        match (of(old), of(new)) {
            (None, None) => {}
            (None, Some(new)) => rest.push(start(new, node)),
            (Some(old), None) => deletions.push(Change::Delete(old.id)),
            (Some(old), Some(new)) if moved(&old, &new) => {
                deletions.push(Change::Delete(old.id));
                rest.push(start(new, node));
            }
            (Some(old), Some(new)) => {
                kept_any = true;
                if old.wanted != new.wanted {
                    rest.push(Change::Resize {
                        id: new.id,
                        wanted: new.wanted,
                    });
                }
            }
        }
    }
    if kept_any && old.configs != new.configs {
        rest.push(configure(new));
    }
}

/// Whether what stands on the node is not what should: another group, or another directory.
fn moved(old: &Replica, new: &Replica) -> bool {
    old.group_id != new.group_id || old.directory != new.directory
}
