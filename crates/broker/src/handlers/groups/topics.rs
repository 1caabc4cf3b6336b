//! Topics as requests about committed offsets name them, and what becomes of their partitions.

use std::collections::BTreeMap;

use ottla_metadata::image::{Image, Topic};
use ottla_protocol::{ErrorCode, TopicId};

use crate::authorize::{Operation, Resource};
use crate::context::Call;

/// How a request names a topic.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum TopicRef {
    Name(String),
    Id(TopicId),
}

/// What became of partitions, topic by topic.
#[derive(Default)]
pub(super) struct Results(BTreeMap<TopicRef, Vec<(i32, ErrorCode)>>);

impl TopicRef {
    /// As requests name topics that go by ids, or by names.
    pub(super) fn of(by_id: bool, name: &str, id: TopicId) -> TopicRef {
        match by_id {
            true => TopicRef::Id(id),
            false => TopicRef::Name(name.to_owned()),
        }
    }

    /// The topic, if there is one and the caller may do this to it.
    pub(super) fn find<'i>(
        &self,
        call: Call<'_>,
        image: &'i Image,
        operation: Operation,
    ) -> Result<&'i Topic, ErrorCode> {
        let may = |name: &str| call.may(operation, Resource::Topic(name));
        match self {
            TopicRef::Id(id) => {
                let topic: &Topic = image.topic_by_id(*id).ok_or(ErrorCode::UnknownTopicId)?;
                match may(&topic.name) {
                    true => Ok(topic),
                    false => Err(ErrorCode::TopicAuthorizationFailed),
                }
            }
            TopicRef::Name(name) if !may(name) => Err(ErrorCode::TopicAuthorizationFailed),
            TopicRef::Name(name) => match image.topic(name) {
                Some(topic) => Ok(topic),
                None => Err(ErrorCode::UnknownTopicOrPartition),
            },
        }
    }
}

/// Whether the topic has a partition of this number.
pub(super) fn has_partition(topic: &Topic, partition: i32) -> bool {
    usize::try_from(partition).is_ok_and(|partition| partition < topic.partitions.len())
}

impl Results {
    pub(super) fn add(&mut self, topic: &TopicRef, partition: i32, code: ErrorCode) {
        match self.0.get_mut(topic) {
            Some(partitions) => partitions.push((partition, code)),
            None => _ = self.0.insert(topic.clone(), vec![(partition, code)]),
        }
    }

    pub(super) fn into_topics(self) -> impl Iterator<Item = (TopicRef, Vec<(i32, ErrorCode)>)> {
        self.0.into_iter()
    }
}
