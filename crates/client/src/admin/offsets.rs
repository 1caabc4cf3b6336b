//! Finding offsets: the ends of partitions, and where a time begins.

use std::collections::BTreeMap;

use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::list_offsets_response::ListOffsetsTopicResponse;
use ottla_protocol::messages::{BrokerId, ListOffsetsRequest, TopicName, list_offsets_request};
use ottla_protocol::{ErrorCode, NodeId};

use super::Admin;
use crate::client::{LeaderSaid, PerPartition};
use crate::partition::{Isolation, OffsetSpec, TopicPartition};
use crate::wire::text;

/// An offset that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FoundOffset {
    /// The offset; −1 if there is none, as behind the last timestamp.
    pub offset: i64,
    /// The timestamp of the record there, if the question was about one; else −1.
    pub timestamp: i64,
    /// The epoch in which it was written; −1 if unknown.
    pub leader_epoch: i32,
}

impl Admin<'_> {
    /// Finds one offset in each partition.
    pub async fn list_offsets(
        &self,
        questions: BTreeMap<TopicPartition, OffsetSpec>,
        isolation: Isolation,
    ) -> PerPartition<FoundOffset> {
        let ask = |leader, group| self.ask_leader(leader, group, isolation);
        self.client.by_leader(questions, ask).await
    }

    async fn ask_leader(
        &self,
        leader: NodeId,
        group: Vec<(TopicPartition, OffsetSpec)>,
        isolation: Isolation,
    ) -> LeaderSaid<FoundOffset> {
        let topics = by_topic(&group);
        let build = |_| {
            let request = list_offsets_request::ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_isolation_level(isolation.level())
                .with_topics(topics.clone())
                .with_timeout_ms(self.broker_timeout_ms());
            ListOffsetsRequest::from(request)
        };
        let response = self.client.ask(leader, build).await?;
        Ok(response.topics.iter().flat_map(answers).collect())
    }
}

fn by_topic(group: &[(TopicPartition, OffsetSpec)]) -> Vec<ListOffsetsTopic> {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (partition, spec) in group {
        let asked = ListOffsetsPartition::default()
            .with_partition_index(partition.partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(spec.timestamp());
        topics.entry(&partition.topic).or_default().push(asked);
    }
    let topic = |(name, partitions): (&str, _)| {
        ListOffsetsTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions)
    };
    topics.into_iter().map(topic).collect()
}

fn answers(
    topic: &ListOffsetsTopicResponse,
) -> Vec<(TopicPartition, Result<FoundOffset, ErrorCode>)> {
    let answer = |partition: &ottla_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse| {
        let name = TopicPartition::new(topic.name.0.as_str(), partition.partition_index);
        let found = match ErrorCode::from_code(partition.error_code) {
            ErrorCode::None => Ok(FoundOffset {
                offset: partition.offset,
                timestamp: partition.timestamp,
                leader_epoch: partition.leader_epoch,
            }),
            code => Err(code),
        };
        (name, found)
    };
    topic.partitions.iter().map(answer).collect()
}
