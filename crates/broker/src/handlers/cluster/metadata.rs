//! Metadata: brokers, topics, and who leads what.
//!
//! | topics asked for | means | versions |
//! |---|---|---|
//! | null | all topics | 1+ |
//! | none | all topics in version 0, else none | |
//! | by name | those; ones that do not exist are created, if both sides want it | all |
//! | by id | those; if any is given by id, names are not looked at | 12+ |

use std::collections::BTreeSet;
use std::sync::Arc;

use ottla_metadata::image::{Image, Topic};
use ottla_metadata::topic_name::{TopicName, is_internal};
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_protocol::messages::{MetadataRequest, MetadataResponse, StrBytes};
use ottla_protocol::{ErrorCode, TopicId};

use super::view;
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::handlers::topics::auto_create;
use crate::net::Reply;

/// Versions whose clients can be told that the leader lacks their listener.
const FIRST_WITH_LISTENER_NOT_FOUND: i16 = 6;
/// Versions that may say what the caller is allowed to do.
const FIRST_WITH_OPERATIONS: i16 = 8;
/// The last version that may say what the caller may do to the cluster.
const LAST_WITH_CLUSTER_OPERATIONS: i16 = 10;
/// Versions in which topics may be given by id, and names be null.
const FIRST_WITH_TOPIC_IDS: i16 = 12;
/// Versions whose request can say whether topics may be created; before, they may.
const FIRST_WITH_CREATION_CHOICE: i16 = 4;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: MetadataRequest) -> Reply {
    if let Err(code) = check(call, &request) {
        return Reply::now(refused(request, code));
    }
    let wanted = Wanted::of(call, &request);
    let missing = wanted.to_create(call, &call.image());
    if missing.is_empty() {
        return Reply::now(respond(call, &wanted));
    }
    let (broker, peer) = (Arc::clone(call.broker), Arc::clone(call.peer));
    let header = call.header.clone();
    let creation = auto_create(call, missing);
    Reply::later(async move {
        creation.await;
        respond(
            Call {
                broker: &broker,
                peer: &peer,
                header: &header,
            },
            &wanted,
        )
    })
}

/// Topics without a name, or with an id, only from the version on that knows them.
fn check(call: Call<'_>, request: &MetadataRequest) -> Result<(), ErrorCode> {
    let topics = request.topics.iter().flatten();
    let is_new_style =
        |topic: &MetadataRequestTopic| topic.name.is_none() || !topic.topic_id.is_nil();
    if call.version() < FIRST_WITH_TOPIC_IDS && topics.into_iter().any(is_new_style) {
        return Err(ErrorCode::InvalidRequest);
    }
    Ok(())
}

/// The whole request refused: every topic with the error.
fn refused(request: MetadataRequest, code: ErrorCode) -> MetadataResponse {
    let topics = request.topics.unwrap_or_default().into_iter().map(|topic| {
        let name = topic.name.unwrap_or_else(|| StrBytes::new().into());
        MetadataResponseTopic::default()
            .with_error_code(code.code())
            .with_name(Some(name))
    });
    MetadataResponse::default()
        .with_topics(topics.collect())
        .with_error_code(code.code())
}

/// What a request wants to know.
struct Wanted {
    topics: Topics,
    may_create: bool,
    cluster_operations: bool,
    topic_operations: bool,
}

enum Topics {
    All,
    Named(BTreeSet<String>),
    Identified(BTreeSet<TopicId>),
}

impl Wanted {
    fn of(call: Call<'_>, request: &MetadataRequest) -> Wanted {
        let version = call.version();
        let may_create = version < FIRST_WITH_CREATION_CHOICE || request.allow_auto_topic_creation;
        Wanted {
            topics: Topics::of(version, request),
            may_create: may_create && call.broker.config.topics.auto_create,
            cluster_operations: request.include_cluster_authorized_operations,
            topic_operations: request.include_topic_authorized_operations,
        }
    }

    /// Names of topics that do not exist, could, and that the caller may have created.
    fn to_create(&self, call: Call<'_>, image: &Image) -> Vec<String> {
        let Topics::Named(names) = &self.topics else {
            return Vec::new();
        };
        if !self.may_create {
            return Vec::new();
        }
        let missing = names.iter().filter(|name| image.topic(name).is_none());
        missing
            .filter(|name| may_be_created(call, name))
            .cloned()
            .collect()
    }
}

impl Topics {
    fn of(version: i16, request: &MetadataRequest) -> Topics {
        let topics = match &request.topics {
            None => return Topics::All,
            Some(topics) if topics.is_empty() && version == 0 => return Topics::All,
            Some(topics) => topics,
        };
        let ids: BTreeSet<TopicId> = topics
            .iter()
            .map(|topic| TopicId(topic.topic_id))
            .filter(|id| !id.is_zero())
            .collect();
        if !ids.is_empty() {
            return Topics::Identified(ids);
        }
        let names = topics
            .iter()
            .filter_map(|topic| Some(topic.name.as_ref()?.to_string()));
        Topics::Named(names.collect())
    }
}

fn may_be_created(call: Call<'_>, name: &str) -> bool {
    TopicName::parse(name).is_ok()
        && call.may(Operation::Describe, Resource::Topic(name))
        && (call.may(Operation::Create, Resource::Cluster)
            || call.may(Operation::Create, Resource::Topic(name)))
}

fn respond(call: Call<'_>, wanted: &Wanted) -> MetadataResponse {
    let image = call.image();
    let brokers = view::brokers(call, &image, false);
    let controller = view::controller(call, &brokers);
    let brokers = brokers.into_iter().map(|broker| {
        MetadataResponseBroker::default()
            .with_node_id(broker.id)
            .with_host(broker.host)
            .with_port(broker.port)
            .with_rack(broker.rack)
    });
    let mut response = MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(
            image
                .cluster_id()
                .map(|id| StrBytes::from_string(id.to_owned())),
        )
        .with_controller_id(controller)
        .with_topics(topics(call, &image, wanted));
    let has_operations = FIRST_WITH_OPERATIONS..=LAST_WITH_CLUSTER_OPERATIONS;
    if wanted.cluster_operations && has_operations.contains(&call.version()) {
        response.cluster_authorized_operations = if call.may(Operation::Describe, Resource::Cluster)
        {
            call.allowed_operations(Resource::Cluster)
        } else {
            0
        };
    }
    response
}

fn topics(call: Call<'_>, image: &Image, wanted: &Wanted) -> Vec<MetadataResponseTopic> {
    let mut topics: Vec<MetadataResponseTopic> = match &wanted.topics {
        Topics::All => {
            let shown = image
                .topics()
                .filter(|topic| may_describe(call, &topic.name));
            shown.map(|topic| existing(call, image, topic)).collect()
        }
        Topics::Named(names) => names
            .iter()
            .map(|name| named(call, image, name, wanted.may_create))
            .collect(),
        Topics::Identified(ids) => ids.iter().map(|&id| identified(call, image, id)).collect(),
    };
    if wanted.topic_operations && call.version() >= FIRST_WITH_OPERATIONS {
        let secret = ErrorCode::TopicAuthorizationFailed.code();
        for topic in topics.iter_mut().filter(|topic| topic.error_code != secret) {
            if let Some(name) = &topic.name {
                topic.topic_authorized_operations = call.allowed_operations(Resource::Topic(name));
            }
        }
    }
    topics
}

fn may_describe(call: Call<'_>, name: &str) -> bool {
    call.may(Operation::Describe, Resource::Topic(name))
}

fn named(call: Call<'_>, image: &Image, name: &str, creating: bool) -> MetadataResponseTopic {
    if !may_describe(call, name) {
        return failed(
            ErrorCode::TopicAuthorizationFailed,
            Some(name),
            TopicId::ZERO,
        );
    }
    if let Some(topic) = image.topic(name) {
        return existing(call, image, topic);
    }
    let code = if TopicName::parse(name).is_err() {
        ErrorCode::InvalidTopicException
    } else if creating && !may_be_created(call, name) {
        ErrorCode::TopicAuthorizationFailed
    } else {
        ErrorCode::UnknownTopicOrPartition
    };
    failed(code, Some(name), TopicId::ZERO)
}

fn identified(call: Call<'_>, image: &Image, id: TopicId) -> MetadataResponseTopic {
    match image.topic_by_id(id) {
        None => failed(ErrorCode::UnknownTopicId, None, id),
        Some(topic) if !may_describe(call, &topic.name) => {
            failed(ErrorCode::TopicAuthorizationFailed, None, id)
        }
        Some(topic) => existing(call, image, topic),
    }
}

fn failed(code: ErrorCode, name: Option<&str>, id: TopicId) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_error_code(code.code())
        .with_name(name.map(|name| StrBytes::from_string(name.to_owned()).into()))
        .with_topic_id(id.0)
        .with_is_internal(name.is_some_and(is_internal))
}

fn existing(call: Call<'_>, image: &Image, topic: &Topic) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().zip(0..).map(|(partition, number)| {
        let view = view::partition(call, image, topic, number, partition);
        MetadataResponsePartition::default()
            .with_error_code(partition_error(call, view.error).code())
            .with_partition_index(number)
            .with_leader_id(view.leader)
            .with_leader_epoch(view.leader_epoch)
            .with_replica_nodes(view.replicas)
            .with_isr_nodes(view.in_sync)
            .with_offline_replicas(view.offline)
    });
    MetadataResponseTopic::default()
        .with_name(Some(StrBytes::from_string(topic.name.to_string()).into()))
        .with_topic_id(topic.id.0)
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions.collect())
}

fn partition_error(call: Call<'_>, error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::ListenerNotFound if call.version() < FIRST_WITH_LISTENER_NOT_FOUND => {
            ErrorCode::LeaderNotAvailable
        }
        error => error,
    }
}
