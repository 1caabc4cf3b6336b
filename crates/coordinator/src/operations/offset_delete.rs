//! OffsetDelete: an operator removes offsets of topics that the group does not read.

use ottla_protocol::ErrorCode;
use ottla_statemachine::Outbox;

use super::PartitionResult;
use crate::live::{Live, Phase};
use crate::machine::{Groups, Reply};
use crate::record::{OffsetCommitKey, Record};
use crate::state::{Group, State};

/// Offsets to delete.
#[derive(Clone, Debug)]
pub struct OffsetDelete {
    /// Which group.
    pub group_id: String,
    /// The partitions.
    pub topics: Vec<TopicPartitions>,
}

/// The partitions of one topic.
#[derive(Clone, Debug)]
pub struct TopicPartitions {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: Vec<i32>,
}

/// What became of the offsets of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicResults {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: Vec<PartitionResult>,
}

impl OffsetDelete {
    pub(crate) fn decide(self, hard: &State, live: &Live, out: &mut Outbox<Groups>) {
        let reply = self.check(hard, live).and_then(|group| {
            let records = self.tombstones(group, live);
            if !out.fits(&records) {
                return Err(ErrorCode::UnknownServerError);
            }
            out.extend(records);
            Ok(self.results(live))
        });
        out.reply(Reply::OffsetDelete(reply));
    }

    fn check<'a>(&self, hard: &'a State, live: &Live) -> Result<&'a Group, ErrorCode> {
        if self.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let group = hard
            .group(&self.group_id)
            .ok_or(ErrorCode::GroupIdNotFound)?;
        match live.group(&self.group_id) {
            Some(live) if live.phase != Phase::Empty && !live.are_consumers() => {
                Err(ErrorCode::NonEmptyGroup)
            }
            _ => Ok(group),
        }
    }

    fn tombstones(&self, group: &Group, live: &Live) -> Vec<Record> {
        let topics = self.topics.iter();
        let partitions = topics
            .filter(|topic| !self.is_subscribed_to(topic, live))
            .flat_map(|topic| {
                topic
                    .partitions
                    .iter()
                    .map(|&partition| (&topic.name, partition))
            });
        partitions
            .filter(|(topic, partition)| group.offset(topic, *partition).is_some())
            .map(|(topic, partition)| Record::OffsetCommit {
                key: OffsetCommitKey {
                    group_id: self.group_id.clone(),
                    topic: topic.clone(),
                    partition,
                },
                value: None,
            })
            .collect()
    }

    fn results(&self, live: &Live) -> Vec<TopicResults> {
        let topics = self.topics.iter().map(|topic| {
            let error = if self.is_subscribed_to(topic, live) {
                ErrorCode::GroupSubscribedToTopic
            } else {
                ErrorCode::None
            };
            let partitions = topic.partitions.iter();
            let partitions = partitions.map(|&partition| PartitionResult { partition, error });
            TopicResults {
                name: topic.name.clone(),
                partitions: partitions.collect(),
            }
        });
        topics.collect()
    }

    /// A group in which nothing goes on reads nothing.
    fn is_subscribed_to(&self, topic: &TopicPartitions, live: &Live) -> bool {
        let group = live.group(&self.group_id);
        group.is_some_and(|group| group.is_subscribed_to(&topic.name))
    }
}
