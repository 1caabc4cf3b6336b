//! CreateTopics: each topic is created whole or refused; the answer waits until it can be used.

use std::sync::Arc;

use ottla_metadata::config::ConfigEntry;
use ottla_metadata::operations::{
    CreateTopics, CreatedTopic, NewTopic, NewTopicAssignment, Refused, TopicOutcome,
};
use ottla_protocol::messages::create_topics_request::CreatableTopic;
use ottla_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use ottla_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, StrBytes, TopicName};
use ottla_protocol::{ErrorCode, NodeId};
use tokio::time::timeout;

use super::creation::{new_topic_id, patience, settle};
use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::net::Reply;

/// Versions that tell what was created.
const FIRST_WITH_DETAILS: i16 = 5;
/// Stands for a number that is not told.
const UNTOLD: i32 = -1;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: CreateTopicsRequest) -> Reply {
    let wait_max = patience(request.timeout_ms);
    let validate_only = request.validate_only;
    let mut names = Vec::with_capacity(request.topics.len());
    let mut refused = Vec::new();
    let mut topics = Vec::new();
    for topic in request.topics {
        if may_create(call, &topic.name) {
            names.push(topic.name.clone());
            topics.push(new_topic(call, topic));
        } else {
            refused.push(failed(topic.name, &unauthorized()));
        }
    }
    let detailed = call.version() >= FIRST_WITH_DETAILS;
    let tells = Tells {
        details: detailed,
        hidden: names
            .iter()
            .filter(|name| detailed && !may_read(call, name))
            .cloned()
            .collect(),
    };
    let creation = call.broker.metadata.create_topics(CreateTopics {
        topics,
        validate_only,
        defaults: call.broker.defaults.current(),
    });
    let broker = Arc::clone(call.broker);
    Reply::later(async move {
        let outcomes = match timeout(wait_max, creation).await {
            Ok(Ok(outcomes)) => outcomes,
            Ok(Err(code)) => return all_failed(names, refused, code),
            Err(_elapsed) => return all_failed(names, refused, ErrorCode::RequestTimedOut),
        };
        if !validate_only {
            let created = outcomes
                .iter()
                .filter_map(|one| Some(one.result.as_ref().ok()?.id));
            settle(&broker, &created.collect::<Vec<_>>()).await;
        }
        let results = outcomes
            .into_iter()
            .map(|outcome| tells.result(&broker, outcome));
        CreateTopicsResponse::default().with_topics(results.chain(refused).collect())
    })
}

fn may_create(call: Call<'_>, name: &str) -> bool {
    call.may(Operation::Create, Resource::Cluster)
        || call.may(Operation::Create, Resource::Topic(name))
}

fn may_read(call: Call<'_>, name: &str) -> bool {
    call.may(Operation::DescribeConfigs, Resource::Topic(name))
}

fn unauthorized() -> Refused {
    Refused::plain(ErrorCode::TopicAuthorizationFailed)
}

fn new_topic(call: Call<'_>, topic: CreatableTopic) -> NewTopic {
    let assignments = topic
        .assignments
        .into_iter()
        .map(|assignment| NewTopicAssignment {
            partition: assignment.partition_index,
            replicas: assignment
                .broker_ids
                .into_iter()
                .map(|id| NodeId(id.0))
                .collect(),
        });
    let configs = topic.configs.into_iter().map(|config| {
        (
            config.name.to_string(),
            config.value.map(|value| value.to_string()),
        )
    });
    NewTopic {
        name: topic.name.to_string(),
        id: new_topic_id(call.broker),
        num_partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments.collect(),
        grows: false,
        configs: configs.collect(),
    }
}

fn failed(name: TopicName, refused: &Refused) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .with_name(name)
        .with_error_code(refused.code.code())
        .with_error_message(Some(StrBytes::from_string(refused.message.clone())))
}

fn all_failed(
    names: Vec<TopicName>,
    refused: Vec<CreatableTopicResult>,
    code: ErrorCode,
) -> CreateTopicsResponse {
    let failure = Refused::plain(code);
    let results = names.into_iter().map(|name| failed(name, &failure));
    CreateTopicsResponse::default().with_topics(results.chain(refused).collect())
}

/// How much of what was created is told.
struct Tells {
    details: bool,
    /// Topics whose configuration the caller may not read.
    hidden: Vec<TopicName>,
}

impl Tells {
    fn result(&self, broker: &Broker, outcome: TopicOutcome) -> CreatableTopicResult {
        let name = TopicName::from(StrBytes::from_string(outcome.name));
        let topic = match outcome.result {
            Ok(topic) => topic,
            Err(refused) => return failed(name, &refused),
        };
        let is_hidden = self.hidden.contains(&name);
        let result = CreatableTopicResult::default()
            .with_name(name)
            .with_topic_id(topic.id.0)
            .with_error_message(None);
        if !self.details {
            return result;
        }
        if is_hidden {
            return result
                .with_topic_config_error_code(ErrorCode::TopicAuthorizationFailed.code())
                .with_num_partitions(UNTOLD)
                .with_replication_factor(-1)
                .with_configs(None);
        }
        with_details(broker, result, &topic)
    }
}

fn with_details(
    broker: &Broker,
    result: CreatableTopicResult,
    topic: &CreatedTopic,
) -> CreatableTopicResult {
    let defaults = broker.defaults.current();
    let entries = defaults.configs.effective(&topic.configs);
    result
        .with_num_partitions(topic.num_partitions)
        .with_replication_factor(topic.replication_factor)
        .with_configs(Some(entries.into_iter().map(config).collect()))
}

fn config(entry: ConfigEntry) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(StrBytes::from_static_str(entry.name))
        .with_value(entry.value.map(StrBytes::from_string))
        .with_read_only(entry.read_only)
        .with_config_source(entry.source.code())
        .with_is_sensitive(entry.sensitive)
}
