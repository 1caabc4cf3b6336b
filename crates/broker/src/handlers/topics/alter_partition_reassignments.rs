//! AlterPartitionReassignments (KIP-455): other brokers are to hold the replicas of partitions. The answer
//! says that it was decided; ListPartitionReassignments says what is still under way.

use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::operations::{AlterReplicas, NewReplicas, Refused};
use ottla_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use ottla_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, StrBytes, TopicName,
};
use ottla_protocol::{ErrorCode, NodeId};
use tokio::time::timeout;

use super::creation::patience;
use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::limits::CANCELLED_SETTLE_MAX;
use crate::net::Reply;

/// Versions that say whether the number of replicas may change; before, it may.
const FIRST_WITH_FACTOR: i16 = 1;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: AlterPartitionReassignmentsRequest) -> Reply {
    let may_change_factor =
        call.version() < FIRST_WITH_FACTOR || request.allow_replication_factor_change;
    let response = AlterPartitionReassignmentsResponse::default()
        .with_allow_replication_factor_change(may_change_factor)
        .with_error_message(None);
    if !call.may(Operation::Alter, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        return Reply::now(response.with_error_code(code.code()));
    }
    let wait_max = patience(request.timeout_ms);
    let topics = request.topics.into_iter();
    let partitions: Vec<NewReplicas> = topics
        .flat_map(|topic| {
            topic.partitions.into_iter().map(move |one| NewReplicas {
                topic: topic.name.to_string(),
                partition: one.partition_index,
                replicas: one
                    .replicas
                    .map(|all| all.iter().map(|id| NodeId(id.0)).collect()),
            })
        })
        .collect();
    let alteration = call.broker.metadata.alter_replicas(AlterReplicas {
        partitions: partitions.clone(),
        may_change_factor,
        is_growth: false,
    });
    let broker = Arc::clone(call.broker);
    Reply::later(async move {
        let outcomes = match timeout(wait_max, alteration).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(code)) => return response.with_error_code(code.code()),
            Err(_elapsed) => {
                return response.with_error_code(ErrorCode::RequestTimedOut.code());
            }
        };
        let cancelled = partitions.iter().zip(&outcomes);
        let cancelled =
            cancelled.filter(|(one, outcome)| one.replicas.is_none() && outcome.is_ok());
        let cancelled: Vec<_> = cancelled.map(|(one, _)| one.clone()).collect();
        settle(&broker, &cancelled, wait_max.min(CANCELLED_SETTLE_MAX)).await;
        response.with_responses(by_topic(partitions, outcomes))
    })
}

/// Waits until those that had come are let go, within a bound: whoever cancels expects that nothing is
/// under way then.
async fn settle(broker: &Broker, cancelled: &[NewReplicas], wait_max: Duration) {
    let is_settled = |_: &i64| {
        let image = broker.images.current();
        cancelled.iter().all(|one| {
            let topic = image.topic(&one.topic);
            let partition = topic.and_then(|topic| topic.partition(one.partition));
            partition.is_none_or(|partition| !partition.is_moving())
        })
    };
    let mut published = broker.images.published();
    // What takes longer goes on.
    let _ = timeout(wait_max, published.wait_for(is_settled)).await;
}

fn by_topic(
    partitions: Vec<NewReplicas>,
    outcomes: Vec<Result<(), Refused>>,
) -> Vec<ReassignableTopicResponse> {
    let mut topics: Vec<ReassignableTopicResponse> = Vec::new();
    for (asked, outcome) in partitions.into_iter().zip(outcomes) {
        let answer = ReassignablePartitionResponse::default()
            .with_partition_index(asked.partition)
            .with_error_message(None);
        let answer = match outcome {
            Ok(()) => answer,
            Err(refused) => answer
                .with_error_code(refused.code.code())
                .with_error_message(Some(StrBytes::from_string(refused.message))),
        };
        match topics.last_mut().filter(|last| **last.name == *asked.topic) {
            Some(last) => last.partitions.push(answer),
            None => {
                let name = TopicName::from(StrBytes::from_string(asked.topic));
                let topic = ReassignableTopicResponse::default().with_name(name);
                topics.push(topic.with_partitions(vec![answer]));
            }
        }
    }
    topics
}
