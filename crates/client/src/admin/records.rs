//! Deleting records before an offset.

use std::collections::BTreeMap;

use ottla_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use ottla_protocol::messages::delete_records_response::DeleteRecordsTopicResult;
use ottla_protocol::messages::{DeleteRecordsRequest, TopicName};
use ottla_protocol::{ErrorCode, NodeId};

use super::Admin;
use crate::client::{LeaderSaid, PerPartition};
use crate::partition::TopicPartition;
use crate::wire::text;

impl Admin<'_> {
    /// Deletes the records before an offset in each partition (−1: all records there are now), and tells the first
    /// offset left.
    pub async fn delete_records(&self, before: BTreeMap<TopicPartition, i64>) -> PerPartition<i64> {
        let ask = |leader, group| self.delete_on_leader(leader, group);
        self.client.by_leader(before, ask).await
    }

    async fn delete_on_leader(
        &self,
        leader: NodeId,
        group: Vec<(TopicPartition, i64)>,
    ) -> LeaderSaid<i64> {
        let topics = by_topic(&group);
        let build = |_| {
            DeleteRecordsRequest::default()
                .with_topics(topics.clone())
                .with_timeout_ms(self.broker_timeout_ms())
        };
        let response = self.client.ask(leader, build).await?;
        Ok(response.topics.iter().flat_map(answers).collect())
    }
}

fn by_topic(group: &[(TopicPartition, i64)]) -> Vec<DeleteRecordsTopic> {
    let mut topics: BTreeMap<&str, Vec<DeleteRecordsPartition>> = BTreeMap::new();
    for (partition, offset) in group {
        let asked = DeleteRecordsPartition::default()
            .with_partition_index(partition.partition)
            .with_offset(*offset);
        topics.entry(&partition.topic).or_default().push(asked);
    }
    let topic = |(name, partitions): (&str, _)| {
        DeleteRecordsTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions)
    };
    topics.into_iter().map(topic).collect()
}

fn answers(topic: &DeleteRecordsTopicResult) -> Vec<(TopicPartition, Result<i64, ErrorCode>)> {
    let partitions = topic.partitions.iter().map(|partition| {
        let name = TopicPartition::new(topic.name.0.as_str(), partition.partition_index);
        let low_watermark = match ErrorCode::from_code(partition.error_code) {
            ErrorCode::None => Ok(partition.low_watermark),
            code => Err(code),
        };
        (name, low_watermark)
    });
    partitions.collect()
}
