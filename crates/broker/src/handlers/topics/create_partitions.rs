//! CreatePartitions: topics grow; the answer waits until the new partitions can be used.

use std::sync::Arc;

use ottla_metadata::operations::{CreatePartitions, NewPartitions, PartitionsOutcome, Refused};
use ottla_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use ottla_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use ottla_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse, StrBytes};
use ottla_protocol::{ErrorCode, NodeId};
use tokio::time::timeout;

use super::creation::{patience, settle};
use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: CreatePartitionsRequest) -> Reply {
    let wait_max = patience(request.timeout_ms);
    let validate_only = request.validate_only;
    let mut refused = Vec::new();
    let mut topics = Vec::new();
    for topic in request.topics {
        if call.may(Operation::Alter, Resource::Topic(&topic.name)) {
            topics.push(new_partitions(topic));
        } else {
            let name = topic.name.to_string();
            refused.push(failed(name, ErrorCode::TopicAuthorizationFailed));
        }
    }
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let growth = call.broker.metadata.create_partitions(CreatePartitions {
        topics,
        validate_only,
        defaults: call.broker.defaults.current(),
    });
    let broker = Arc::clone(call.broker);
    Reply::later(async move {
        let all = |code| names.into_iter().map(|name| failed(name, code)).collect();
        let outcomes: Vec<PartitionsOutcome> = match timeout(wait_max, growth).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(code)) => all(code),
            Err(_elapsed) => all(ErrorCode::RequestTimedOut),
        };
        if !validate_only {
            settle_grown(&broker, &outcomes).await;
        }
        let results = outcomes.into_iter().chain(refused).map(result);
        CreatePartitionsResponse::default().with_results(results.collect())
    })
}

async fn settle_grown(broker: &Broker, outcomes: &[PartitionsOutcome]) {
    let image = broker.images.current();
    let grown = outcomes.iter().filter(|outcome| outcome.result.is_ok());
    let ids = grown.filter_map(|outcome| Some(image.topic(&outcome.name)?.id));
    settle(broker, &ids.collect::<Vec<_>>()).await;
}

fn new_partitions(topic: CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic.assignments.map(|assignments| {
        let replicas = assignments.into_iter().map(|assignment| {
            assignment
                .broker_ids
                .into_iter()
                .map(|id| NodeId(id.0))
                .collect()
        });
        replicas.collect()
    });
    NewPartitions {
        name: topic.name.to_string(),
        count: topic.count,
        assignments,
    }
}

fn failed(name: String, code: ErrorCode) -> PartitionsOutcome {
    PartitionsOutcome {
        name,
        result: Err(Refused::plain(code)),
    }
}

fn result(outcome: PartitionsOutcome) -> CreatePartitionsTopicResult {
    let name = StrBytes::from_string(outcome.name);
    let result = CreatePartitionsTopicResult::default().with_name(name.into());
    match outcome.result {
        Ok(()) => result,
        Err(refused) => result
            .with_error_code(refused.code.code())
            .with_error_message(Some(StrBytes::from_string(refused.message))),
    }
}
