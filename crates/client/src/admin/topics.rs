//! Creating and deleting topics, and adding partitions to them.
//!
//! Each operation takes several topics and tells what became of each. If the controller moved
//! meanwhile, the whole request goes again.

use ottla_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use ottla_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use ottla_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};
use ottla_protocol::{ErrorCode, NodeId, TopicId};

use super::Admin;
use crate::client::IfMissing;
use crate::error::ClientError;
use crate::wire::{Request, StrBytes, text};

/// A topic to be created.
#[derive(Clone, Debug, Default)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; `None` leaves it to the broker.
    pub partitions: Option<i32>,
    /// How many replicas of each; `None` leaves it to the broker.
    pub replication_factor: Option<i16>,
    /// The replicas of each partition, preferred leader first; if not empty, the two above are `None`.
    pub assignments: Vec<Vec<NodeId>>,
    /// Configs that differ from the broker's defaults.
    pub configs: Vec<(String, String)>,
}

/// A topic as it was created.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreatedTopic {
    /// Its name.
    pub name: String,
    /// Its id; zero from a broker that tells none.
    pub id: TopicId,
    /// Its partitions; `None` if the broker does not tell.
    pub partitions: Option<i32>,
    /// The replicas of each; `None` if the broker does not tell.
    pub replication_factor: Option<i16>,
}

/// More partitions for a topic.
#[derive(Clone, Debug, Default)]
pub struct NewPartitions {
    /// The topic.
    pub topic: String,
    /// How many it shall have in all.
    pub total: i32,
    /// The replicas of each new partition; empty leaves it to the broker.
    pub assignments: Vec<Vec<NodeId>>,
}

impl Admin<'_> {
    /// Creates topics, or with `validate_only` says whether they could be. The outcomes come in the order asked.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        validate_only: bool,
    ) -> Result<Vec<Result<CreatedTopic, ClientError>>, ClientError> {
        let build = |_| {
            CreateTopicsRequest::default()
                .with_topics(topics.iter().map(creatable).collect())
                .with_timeout_ms(self.broker_timeout_ms())
                .with_validate_only(validate_only)
        };
        let codes = |response: &CreateTopicsResponse| {
            response
                .topics
                .iter()
                .map(|topic| topic.error_code)
                .collect()
        };
        let response = self.on_controller(build, codes).await?;
        let outcome_of = |topic: &NewTopic| {
            let told = response
                .topics
                .iter()
                .find(|told| *told.name.0 == *topic.name);
            let told = told.ok_or_else(|| nothing_about("CreateTopics", &topic.name))?;
            outcome(&topic.name, told.error_code, told.error_message.as_ref())?;
            Ok(CreatedTopic {
                name: topic.name.clone(),
                id: TopicId(told.topic_id),
                partitions: Some(told.num_partitions).filter(|&count| count > 0),
                replication_factor: Some(told.replication_factor).filter(|&factor| factor > 0),
            })
        };
        Ok(topics.iter().map(outcome_of).collect())
    }

    /// Deletes topics by name. The outcomes come in the order asked.
    pub async fn delete_topics(
        &self,
        names: &[&str],
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let build = |version| deletion(names, version).with_timeout_ms(self.broker_timeout_ms());
        let codes = |response: &DeleteTopicsResponse| {
            response
                .responses
                .iter()
                .map(|topic| topic.error_code)
                .collect()
        };
        let response = self.on_controller(build, codes).await?;
        let outcome_of = |&topic: &&str| {
            let is_it = |name: &TopicName| *name.0 == *topic;
            let told = response
                .responses
                .iter()
                .find(|told| told.name.as_ref().is_some_and(is_it));
            let told = told.ok_or_else(|| nothing_about("DeleteTopics", topic))?;
            outcome(topic, told.error_code, told.error_message.as_ref())
        };
        Ok(names.iter().map(outcome_of).collect())
    }

    /// Adds partitions to topics, or with `validate_only` says whether they could be. The outcomes come in the order
    /// asked.
    pub async fn create_partitions(
        &self,
        topics: &[NewPartitions],
        validate_only: bool,
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let build = |_| {
            CreatePartitionsRequest::default()
                .with_topics(topics.iter().map(more_partitions).collect())
                .with_timeout_ms(self.broker_timeout_ms())
                .with_validate_only(validate_only)
        };
        let codes = |response: &CreatePartitionsResponse| {
            response
                .results
                .iter()
                .map(|topic| topic.error_code)
                .collect()
        };
        let response = self.on_controller(build, codes).await?;
        let outcome_of = |topic: &NewPartitions| {
            let told = response
                .results
                .iter()
                .find(|told| *told.name.0 == *topic.topic);
            let told = told.ok_or_else(|| nothing_about("CreatePartitions", &topic.topic))?;
            outcome(&topic.topic, told.error_code, told.error_message.as_ref())
        };
        Ok(topics.iter().map(outcome_of).collect())
    }

    /// Sends a request to the controller, and again to the next one if any of `codes` says that it moved.
    async fn on_controller<R: Request>(
        &self,
        build: impl Fn(i16) -> R,
        codes: impl Fn(&R::Response) -> Vec<i16>,
    ) -> Result<R::Response, ClientError> {
        let (build, codes) = (&build, &codes);
        let attempt = |attempt| async move {
            if attempt > 0 {
                // A failure here shows in the request that follows.
                let _ = self.client.renew(&[], IfMissing::Fail).await;
            }
            let response = self.client.ask_controller(build).await?;
            match codes(&response)
                .into_iter()
                .find(|&code| code == ErrorCode::NotController.code())
            {
                Some(_) => Err(ClientError::refused(
                    "the request",
                    ErrorCode::NotController,
                    None,
                )),
                None => Ok(response),
            }
        };
        self.client.retry(attempt).await
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let configs = topic.configs.iter().map(|(name, value)| {
        CreatableTopicConfig::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
    });
    let assignments = (0..).zip(&topic.assignments).map(|(index, replicas)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(index)
            .with_broker_ids(broker_ids(replicas))
    });
    CreatableTopic::default()
        .with_name(TopicName(text(&topic.name)))
        .with_num_partitions(topic.partitions.unwrap_or(-1))
        .with_replication_factor(topic.replication_factor.unwrap_or(-1))
        .with_assignments(assignments.collect())
        .with_configs(configs.collect())
}

fn deletion(names: &[&str], version: i16) -> DeleteTopicsRequest {
    let names = names.iter().map(|name| TopicName(text(name)));
    if version < FIRST_WITH_STATES {
        return DeleteTopicsRequest::default().with_topic_names(names.collect());
    }
    let states = names.map(|name| DeleteTopicState::default().with_name(Some(name)));
    DeleteTopicsRequest::default().with_topics(states.collect())
}

/// The version of DeleteTopics from which on topics may also be named by id.
const FIRST_WITH_STATES: i16 = 6;

fn more_partitions(topic: &NewPartitions) -> CreatePartitionsTopic {
    let assignments = topic.assignments.iter().map(|replicas| {
        CreatePartitionsAssignment::default().with_broker_ids(broker_ids(replicas))
    });
    CreatePartitionsTopic::default()
        .with_name(TopicName(text(&topic.topic)))
        .with_count(topic.total)
        .with_assignments(Some(assignments.collect()).filter(|list: &Vec<_>| !list.is_empty()))
}

fn broker_ids(nodes: &[NodeId]) -> Vec<BrokerId> {
    nodes.iter().map(|node| BrokerId(node.0)).collect()
}

fn outcome(topic: &str, error_code: i16, message: Option<&StrBytes>) -> Result<(), ClientError> {
    match ErrorCode::from_code(error_code) {
        ErrorCode::None => Ok(()),
        code => Err(ClientError::refused(
            format!("topic {topic}"),
            code,
            message.map(|text| text.as_str()),
        )),
    }
}

fn nothing_about(api: &'static str, topic: &str) -> ClientError {
    ClientError::Incomplete {
        api,
        subject: format!("topic {topic}"),
    }
}
