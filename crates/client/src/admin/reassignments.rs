//! Who keeps the partitions, and having others keep or lead them.

use std::collections::BTreeMap;

use ottla_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use ottla_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest,
    ListPartitionReassignmentsRequest, TopicName,
};
use ottla_protocol::{ErrorCode, NodeId};

use super::Admin;
use crate::error::ClientError;
use crate::wire::text;

/// The brokers that are to keep a partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reassignment {
    /// The partition's topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// Who is to keep it, preferred leader first.
    pub replicas: Vec<NodeId>,
}

/// A partition whose replicas are on their way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OngoingReassignment {
    /// The partition's topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// Who is to keep it no more.
    pub removing: Vec<NodeId>,
}

impl Admin<'_> {
    /// Has other brokers keep partitions. It goes on after this returns. The outcomes come in the order asked.
    pub async fn reassign(
        &self,
        reassignments: &[Reassignment],
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let build = |_| {
            AlterPartitionReassignmentsRequest::default()
                .with_timeout_ms(self.broker_timeout_ms())
                .with_topics(reassignments.iter().map(reassignable).collect())
        };
        let attempt = |_| async {
            let response = self.client.ask_controller(build).await?;
            check(
                "reassignments",
                response.error_code,
                response.error_message.as_deref(),
            )?;
            Ok(response)
        };
        let response = self.client.retry(attempt).await?;
        let mut told = BTreeMap::new();
        for topic in &response.responses {
            for one in &topic.partitions {
                told.insert((topic.name.to_string(), one.partition_index), one);
            }
        }
        let outcome_of = |asked: &Reassignment| {
            let subject = format!("{}-{}", asked.topic, asked.partition);
            match told.get(&(asked.topic.clone(), asked.partition)) {
                Some(one) => check(&subject, one.error_code, one.error_message.as_deref()),
                None => Err(ClientError::Incomplete {
                    api: "AlterPartitionReassignments",
                    subject,
                }),
            }
        };
        Ok(reassignments.iter().map(outcome_of).collect())
    }

    /// The partitions whose replicas are on their way.
    pub async fn reassignments(&self) -> Result<Vec<OngoingReassignment>, ClientError> {
        let build = |_| {
            ListPartitionReassignmentsRequest::default()
                .with_timeout_ms(self.broker_timeout_ms())
                .with_topics(None)
        };
        let attempt = |_| async {
            let response = self.client.ask_controller(build).await?;
            check(
                "reassignments",
                response.error_code,
                response.error_message.as_deref(),
            )?;
            Ok(response)
        };
        let response = self.client.retry(attempt).await?;
        let topics = response.topics.iter();
        let ongoing = topics.flat_map(|topic| {
            topic.partitions.iter().map(|one| OngoingReassignment {
                topic: topic.name.to_string(),
                partition: one.partition_index,
                removing: one
                    .removing_replicas
                    .iter()
                    .map(|id| NodeId(id.0))
                    .collect(),
            })
        });
        Ok(ongoing.collect())
    }

    /// Has the preferred replicas of all partitions lead: how many lead now that did not, and why others do not.
    pub async fn elect_preferred_leaders(&self) -> Result<(usize, Vec<ClientError>), ClientError> {
        let build = |_| {
            ElectLeadersRequest::default()
                .with_topic_partitions(None)
                .with_timeout_ms(self.broker_timeout_ms())
        };
        let attempt = |_| async {
            let response = self.client.ask_controller(build).await?;
            check("elections", response.error_code, None)?;
            Ok(response)
        };
        let response = self.client.retry(attempt).await?;
        let mut failures = Vec::new();
        let mut elected = 0;
        for topic in &response.replica_election_results {
            for one in &topic.partition_result {
                let subject = format!("{}-{}", topic.topic.as_str(), one.partition_id);
                match check(&subject, one.error_code, one.error_message.as_deref()) {
                    Ok(()) => elected += 1,
                    Err(error) if error.code() == Some(ErrorCode::ElectionNotNeeded) => {}
                    Err(error) => failures.push(error),
                }
            }
        }
        Ok((elected, failures))
    }
}

pub(super) fn check(subject: &str, code: i16, message: Option<&str>) -> Result<(), ClientError> {
    match ErrorCode::from_code(code) {
        ErrorCode::None => Ok(()),
        code => Err(ClientError::refused(subject, code, message)),
    }
}

fn reassignable(one: &Reassignment) -> ReassignableTopic {
    let replicas = one.replicas.iter().map(|id| BrokerId(id.0)).collect();
    let partition = ReassignablePartition::default()
        .with_partition_index(one.partition)
        .with_replicas(Some(replicas));
    ReassignableTopic::default()
        .with_name(TopicName(text(&one.topic)))
        .with_partitions(vec![partition])
}
