//! Committed offsets of groups: reading, setting and deleting them.
//!
//! OffsetFetch and OffsetCommit are spoken up to version 9: version 10 names topics by their ids alone, which says
//! nothing of a topic that has been deleted since.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_protocol::messages::offset_commit_request::{
    self, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use ottla_protocol::messages::offset_fetch_request::{self, OffsetFetchRequestGroup};
use ottla_protocol::messages::offset_fetch_response::{
    OffsetFetchResponse, OffsetFetchResponseGroup,
};
use ottla_protocol::messages::{
    GroupId, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
    OffsetFetchRequest, TopicName,
};
use ottla_protocol::{ErrorCode, messages};

use super::Admin;
use super::coordinators::{ANY_VERSION, check};
use crate::client::PerPartition;
use crate::error::ClientError;
use crate::partition::TopicPartition;
use crate::wire::{StrBytes, text};

/// The newest version of OffsetFetch and OffsetCommit that has names of topics.
const LAST_WITH_NAMES: i16 = 9;
/// The version of OffsetFetch from which on several groups may be asked about.
const FIRST_WITH_GROUPS: i16 = 8;
/// What a commit says that comes from nobody in the group.
const NO_GENERATION: i32 = -1;

/// An offset that a group has committed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommittedOffset {
    /// The next offset that the group wants to read.
    pub offset: i64,
    /// The epoch of the record before it; −1 if unknown.
    pub leader_epoch: i32,
    /// What the consumer noted with it.
    pub metadata: String,
}

impl CommittedOffset {
    /// An offset about which nothing else is known.
    pub fn new(offset: i64) -> Self {
        CommittedOffset {
            offset,
            leader_epoch: -1,
            metadata: String::new(),
        }
    }
}

impl Admin<'_> {
    /// All offsets that a group has committed. A group that is not there has none.
    pub async fn group_offsets(
        &self,
        group: &str,
    ) -> Result<PerPartition<CommittedOffset>, ClientError> {
        let build = |version| {
            let request = offset_fetch_request::OffsetFetchRequest::default();
            let request = if version < FIRST_WITH_GROUPS {
                request
                    .with_group_id(GroupId(text(group)))
                    .with_topics(None)
            } else {
                let asked = OffsetFetchRequestGroup::default()
                    .with_group_id(GroupId(text(group)))
                    .with_member_epoch(NO_GENERATION)
                    .with_topics(None);
                request.with_groups(vec![asked])
            };
            OffsetFetchRequest::from(request)
        };
        let code = |response: &OffsetFetchResponse| match response.groups.first() {
            Some(group) => group.error_code,
            None => response.error_code,
        };
        let (_, response) = self
            .on_coordinator(group, LAST_WITH_NAMES, build, code)
            .await?;
        check(group, code(&response), None)?;
        Ok(match response.groups.into_iter().next() {
            Some(group) => of_group(group),
            None => of_old(response.topics),
        })
    }

    /// Sets offsets of a group, as nobody in the group: only a group without members takes them.
    pub async fn commit_group_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, CommittedOffset>,
    ) -> Result<PerPartition<()>, ClientError> {
        let topics: Vec<OffsetCommitRequestTopic> = by_topic(offsets.iter())
            .into_iter()
            .map(|(name, partitions)| {
                let partitions = partitions.into_iter().map(commit);
                OffsetCommitRequestTopic::default()
                    .with_name(TopicName(text(name)))
                    .with_partitions(partitions.collect())
            })
            .collect();
        let build = |_| {
            let request = offset_commit_request::OffsetCommitRequest::default()
                .with_group_id(GroupId(text(group)))
                .with_generation_id_or_member_epoch(NO_GENERATION)
                .with_topics(topics.clone());
            OffsetCommitRequest::from(request)
        };
        // The coordinator's own errors stand at every partition.
        let code = |response: &OffsetCommitResponse| {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            let codes = partitions.map(|partition| partition.error_code);
            codes
                .into_iter()
                .find(|&code| is_of_coordinator(code))
                .unwrap_or(0)
        };
        let (_, response) = self
            .on_coordinator(group, LAST_WITH_NAMES, build, code)
            .await?;
        let told = response.topics.iter().flat_map(|topic| {
            let outcome =
                |partition: &messages::offset_commit_response::OffsetCommitResponsePartition| {
                    (
                        topic.name.as_str(),
                        partition.partition_index,
                        partition.error_code,
                    )
                };
            topic.partitions.iter().map(outcome)
        });
        Ok(outcomes(told))
    }

    /// Deletes offsets of a group. A partition of a topic to which a member subscribes keeps its offset.
    pub async fn delete_group_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<PerPartition<()>, ClientError> {
        let named = partitions.iter().map(|partition| (partition, ()));
        let topics: Vec<OffsetDeleteRequestTopic> = by_topic(named)
            .into_iter()
            .map(|(name, partitions)| {
                let partitions = partitions.into_iter().map(|(number, ())| {
                    OffsetDeleteRequestPartition::default().with_partition_index(number)
                });
                OffsetDeleteRequestTopic::default()
                    .with_name(TopicName(text(name)))
                    .with_partitions(partitions.collect())
            })
            .collect();
        let build = |_| {
            OffsetDeleteRequest::default()
                .with_group_id(GroupId(text(group)))
                .with_topics(topics.clone())
        };
        let code = |response: &OffsetDeleteResponse| response.error_code;
        let (_, response) = self.on_coordinator(group, ANY_VERSION, build, code).await?;
        check(group, response.error_code, None)?;
        let told = response.topics.iter().flat_map(|topic| {
            let outcome =
                |partition: &messages::offset_delete_response::OffsetDeleteResponsePartition| {
                    (
                        topic.name.as_str(),
                        partition.partition_index,
                        partition.error_code,
                    )
                };
            topic.partitions.iter().map(outcome)
        });
        Ok(outcomes(told))
    }
}

fn is_of_coordinator(code: i16) -> bool {
    matches!(
        ErrorCode::from_code(code),
        ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
    )
}

fn by_topic<'a, T>(
    partitions: impl Iterator<Item = (&'a TopicPartition, T)>,
) -> BTreeMap<&'a str, Vec<(i32, T)>> {
    let mut topics: BTreeMap<&str, Vec<(i32, T)>> = BTreeMap::new();
    for (name, value) in partitions {
        let of_topic = topics.entry(&name.topic).or_default();
        of_topic.push((name.partition, value));
    }
    topics
}

fn commit((number, committed): (i32, &CommittedOffset)) -> OffsetCommitRequestPartition {
    OffsetCommitRequestPartition::default()
        .with_partition_index(number)
        .with_committed_offset(committed.offset)
        .with_committed_leader_epoch(committed.leader_epoch)
        .with_committed_metadata(Some(text(&committed.metadata)))
}

fn outcomes<'a>(told: impl Iterator<Item = (&'a str, i32, i16)>) -> PerPartition<()> {
    let outcome = |(topic, number, code): (&str, i32, i16)| {
        let name = TopicPartition::new(topic, number);
        let outcome = partition_outcome(&name, code);
        (name, outcome)
    };
    told.map(outcome).collect()
}

fn partition_outcome(name: &TopicPartition, error_code: i16) -> Result<(), ClientError> {
    match ErrorCode::from_code(error_code) {
        ErrorCode::None => Ok(()),
        code => Err(ClientError::refused(name.to_string(), code, None)),
    }
}

/// What a response says of one partition: number, offset, epoch, metadata, error.
type Told<'a> = (i32, i64, i32, Option<&'a StrBytes>, i16);

fn of_group(group: OffsetFetchResponseGroup) -> PerPartition<CommittedOffset> {
    let mut all = PerPartition::new();
    for topic in &group.topics {
        let told = topic.partitions.iter().map(|told| {
            let metadata = told.metadata.as_ref();
            (
                told.partition_index,
                told.committed_offset,
                told.committed_leader_epoch,
                metadata,
                told.error_code,
            )
        });
        take(&mut all, &topic.name, told);
    }
    all
}

fn of_old(
    topics: Vec<messages::offset_fetch_response::OffsetFetchResponseTopic>,
) -> PerPartition<CommittedOffset> {
    let mut all = PerPartition::new();
    for topic in &topics {
        let told = topic.partitions.iter().map(|told| {
            let metadata = told.metadata.as_ref();
            (
                told.partition_index,
                told.committed_offset,
                told.committed_leader_epoch,
                metadata,
                told.error_code,
            )
        });
        take(&mut all, &topic.name, told);
    }
    all
}

fn take<'a>(
    all: &mut PerPartition<CommittedOffset>,
    topic: &str,
    told: impl Iterator<Item = Told<'a>>,
) {
    let topic: Arc<str> = topic.into();
    for (number, offset, leader_epoch, metadata, error_code) in told {
        let name = TopicPartition::new(topic.clone(), number);
        let committed = partition_outcome(&name, error_code).map(|()| CommittedOffset {
            offset,
            leader_epoch,
            metadata: metadata.map(StrBytes::to_string).unwrap_or_default(),
        });
        // No offset is committed where the number says so.
        if committed
            .as_ref()
            .is_ok_and(|committed| committed.offset < 0)
        {
            continue;
        }
        all.insert(name, committed);
    }
}
