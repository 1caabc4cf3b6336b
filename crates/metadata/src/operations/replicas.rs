//! The replicas of partitions change: by request (KIP-455), and when a broker's disk was emptied.
//!
//! A partition that moves has its replicas of before and of after: those that come are `adding`,
//! those that go are `removing`, and both hold a log. Its leader has Raft change who votes, says so
//! when that is done, and only then are the others let go. Nothing here waits.

use std::collections::BTreeSet;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::{NodeId, TopicId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Refused;
use super::brokers::check_epoch;
use super::partition_plan::too_large;
use crate::image::{Image, Partition, Topic};
use crate::placement::directory_for;
use crate::record::{PartitionRecord, Record};

/// Says which brokers are to hold the replicas of partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlterReplicas {
    /// The partitions.
    pub partitions: Vec<NewReplicas>,
    /// Whether a partition may get more or fewer replicas than it has.
    pub may_change_factor: bool,
    /// Whether partitions only get the replicas that they grow to; otherwise one whose number of
    /// replicas changes has as many as was asked for from now on.
    pub is_growth: bool,
}

/// Which brokers are to hold one partition's replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReplicas {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The brokers, the preferred leader first; `None`: those that held them before the
    /// reassignment that is under way.
    pub replicas: Option<Vec<NodeId>>,
}

/// Says, on behalf of its leader, that a partition is held by those that were wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleReplicas {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition's number.
    pub partition: i32,
    /// Who votes in its group, and nobody else has its log.
    pub held_by: Vec<(NodeId, Uuid)>,
}

/// Gives a broker's replicas the log directory that it has now, in which they begin empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewReplicas {
    /// The broker.
    pub broker: NodeId,
    /// Under which registration.
    pub broker_epoch: i64,
}

/// Partitions that one [`RenewReplicas`] writes; it is asked again until there are none.
const RENEWED_AT_ONCE_MAX: usize = 500;

impl AlterReplicas {
    /// The records, and whether each partition is to be so, in the order of the request.
    pub(crate) fn decide(
        self,
        image: &Image,
        fits: impl Fn(&[Record]) -> bool,
    ) -> (Vec<Record>, Vec<Result<(), Refused>>) {
        let may_change_factor = self.may_change_factor;
        let mut records = Vec::new();
        let decided = self.partitions.into_iter().map(|asked| {
            let (topic, partition) = find(image, &asked)?;
            let next = match asked.replicas {
                Some(replicas) => {
                    let next = assign(image, partition, &replicas, may_change_factor)?;
                    let keeps_factor = next.wanted().count() == partition.wanted().count();
                    Partition {
                        grows: partition.grows && (self.is_growth || keeps_factor),
                        ..next
                    }
                }
                None => cancel(partition)?,
            };
            if next != *partition {
                records.push(record(topic.id, asked.partition, next));
            }
            Ok(())
        });
        let outcomes: Vec<_> = decided.collect();
        if fits(&records) {
            return (records, outcomes);
        }
        let too_large = Err(too_large("the request asks for too much at once"));
        (Vec::new(), vec![too_large; outcomes.len()])
    }
}

fn record(topic_id: TopicId, partition: i32, state: Partition) -> Record {
    Record::Partition(PartitionRecord {
        partition,
        topic_id,
        state,
    })
}

fn find<'i>(image: &'i Image, asked: &NewReplicas) -> Result<(&'i Topic, &'i Partition), Refused> {
    let topic = image.topic(&asked.topic);
    let found = topic.and_then(|topic| Some((&**topic, topic.partition(asked.partition)?)));
    found.ok_or_else(|| Refused::plain(ErrorCode::UnknownTopicOrPartition))
}

/// The partition on its way to these replicas, from wherever it is.
fn assign(
    image: &Image,
    partition: &Partition,
    replicas: &[NodeId],
    may_change_factor: bool,
) -> Result<Partition, Refused> {
    check(image, replicas)?;
    let factor = partition.wanted().count();
    if !may_change_factor && replicas.len() != factor {
        return Err(Refused::new(
            ErrorCode::InvalidReplicationFactor,
            format!(
                "{} replica(s) are assigned, the partition has {factor}",
                replicas.len()
            ),
        ));
    }
    let group_id = partition.group_id;
    let mut next = Partition {
        replicas: Vec::new(),
        directories: Vec::new(),
        adding: Vec::new(),
        removing: Vec::new(),
        ..partition.clone()
    };
    for node in replicas {
        let known = partition.directory(*node);
        if known.is_none() || partition.adding.contains(node) {
            next.adding.push(*node);
        }
        let new = || {
            image
                .broker(*node)
                .map(|broker| directory_for(broker, group_id))
        };
        next.replicas.push(*node);
        next.directories
            .push(known.or_else(new).unwrap_or_default());
    }
    for (node, directory) in partition
        .seats()
        .filter(|(node, _)| !replicas.contains(node))
    {
        if partition.adding.contains(&node) {
            next.emptied.push(node);
        }
        next.removing.push(node);
        next.replicas.push(node);
        next.directories.push(directory);
    }
    Ok(next)
}

fn check(image: &Image, replicas: &[NodeId]) -> Result<(), Refused> {
    let invalid = |message| Err(Refused::new(ErrorCode::InvalidReplicaAssignment, message));
    if replicas.is_empty() {
        return invalid("no replicas are assigned".to_owned());
    }
    let mut seen = BTreeSet::new();
    for node in replicas {
        if image.broker(*node).is_none() {
            return invalid(format!(
                "broker {node} is assigned, which is not registered"
            ));
        }
        if !seen.insert(node) {
            return invalid(format!("broker {node} is assigned more than once"));
        }
    }
    Ok(())
}

/// The partition on its way back to the replicas that it had.
fn cancel(partition: &Partition) -> Result<Partition, Refused> {
    if partition.adding.is_empty() && partition.removing.is_empty() {
        return Err(Refused::plain(ErrorCode::NoReassignmentInProgress));
    }
    let is_new = |(node, _): &(NodeId, Uuid)| partition.adding.contains(node);
    let (new, old): (Vec<_>, Vec<_>) = partition.seats().partition(is_new);
    if old.is_empty() {
        return Err(Refused::new(
            ErrorCode::InvalidReplicaAssignment,
            "none of the replicas of before is left",
        ));
    }
    let removing: Vec<_> = new.iter().map(|(node, _)| *node).collect();
    // They may not even have begun.
    let emptied = [&partition.emptied[..], &removing[..]].concat();
    let (replicas, directories) = old.into_iter().chain(new).unzip();
    Ok(Partition {
        replicas,
        directories,
        adding: Vec::new(),
        removing,
        emptied,
        ..partition.clone()
    })
}

impl SettleReplicas {
    /// The record, if that is what was wanted last.
    pub(crate) fn decide(self, image: &Image) -> Option<Record> {
        let partition = image.partition(self.topic_id, self.partition)?;
        let wanted: BTreeSet<_> = partition.wanted().collect();
        let is_so = wanted == self.held_by.into_iter().collect();
        let settled = (is_so && partition.is_moving()).then(|| partition.settled())?;
        Some(record(self.topic_id, self.partition, settled))
    }
}

impl RenewReplicas {
    /// The records of some of the replicas, if there are any. One that has the only data of its
    /// partition stays where that is.
    pub(crate) fn decide(
        self,
        image: &Image,
        fits: impl Fn(&[Record]) -> bool,
    ) -> Result<Vec<Record>, Refused> {
        check_epoch(image, self.broker, self.broker_epoch)?;
        let mut records: Vec<Record> = misplaced(image)
            .filter(|(node, ..)| *node == self.broker)
            .take(RENEWED_AT_ONCE_MAX)
            .filter_map(|(node, topic, number)| {
                let partition = renewed(image, topic.partition(number)?, node)?;
                Some(record(topic.id, number, partition))
            })
            .collect();
        while !fits(&records) {
            records.truncate(records.len() / 2);
        }
        Ok(records)
    }
}

/// The replicas in log directories that their brokers do not have, of partitions that another
/// replica has the data of.
pub fn misplaced(image: &Image) -> impl Iterator<Item = (NodeId, &Topic, i32)> {
    image.topics().flat_map(move |topic| {
        let partitions = topic.partitions.iter().zip(0..);
        partitions.flat_map(move |(partition, number)| {
            let misplaced = partition.seats().filter(move |(node, directory)| {
                let broker = image.broker(*node);
                broker.is_some_and(|broker| !broker.directories.contains(directory))
                    && partition
                        .replicas
                        .iter()
                        .any(|other| other != node && !partition.may_begin_empty(*other))
            });
            misplaced.map(move |(node, _)| (node, &**topic, number))
        })
    })
}

fn renewed(image: &Image, partition: &Partition, node: NodeId) -> Option<Partition> {
    let directory = directory_for(image.broker(node)?, partition.group_id);
    let mut next = partition.clone();
    let at = next.replicas.iter().position(|replica| *replica == node)?;
    *next.directories.get_mut(at)? = directory;
    if !next.emptied.contains(&node) {
        next.emptied.push(node);
    }
    Some(next)
}

#[cfg(test)]
mod tests;
