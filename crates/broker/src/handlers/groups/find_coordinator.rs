//! FindCoordinator: the broker that leads the partition that holds a group.
//!
//! The first one who asks has the topic of groups created.

use std::future::Future;
use std::sync::Arc;

use ottla_metadata::image::Image;
use ottla_metadata::operations::{CreateTopics, NewTopic};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::find_coordinator_response::Coordinator;
use ottla_protocol::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, StrBytes,
};

use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::groups::{OFFSETS_TOPIC, partition_of};
use crate::handlers::topics::create_and_settle;
use crate::leader;
use crate::limits::GROUPS_SETTLE_MAX;
use crate::net::{Peer, Reply};

/// Versions that ask about several at once.
const FIRST_WITH_KEYS: i16 = 4;
/// What a key names.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const NOBODY: BrokerId = BrokerId(-1);

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: FindCoordinatorRequest) -> Reply {
    let version = call.version();
    let keys = match version < FIRST_WITH_KEYS {
        true => vec![request.key],
        false => request.coordinator_keys,
    };
    let asked: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let allowed = check(call, request.key_type, &key);
            (key, allowed)
        })
        .collect();
    let needs_topic = asked.iter().any(|(_, allowed)| allowed.is_ok())
        && call.image().topic(OFFSETS_TOPIC).is_none();
    let creation = needs_topic.then(|| create_topic(call));
    let (broker, peer) = (Arc::clone(call.broker), Arc::clone(call.peer));
    let groups = Arc::clone(&call.broker.groups);
    let answer = move || {
        let image = broker.images.current();
        let coordinators = asked.into_iter().map(|(key, allowed)| {
            let found = allowed.and_then(|()| find(&broker, &peer, &image, &key));
            coordinator(key, found)
        });
        response(coordinators.collect(), version)
    };
    match creation {
        None => Reply::now(answer()),
        Some(creation) => Reply::later(async move {
            creation.await;
            groups.settle(GROUPS_SETTLE_MAX).await;
            answer()
        }),
    }
}

fn check(call: Call<'_>, key_type: i8, key: &str) -> Result<(), ErrorCode> {
    match key_type {
        GROUP if call.may(Operation::Describe, Resource::Group(key)) => Ok(()),
        GROUP => Err(ErrorCode::GroupAuthorizationFailed),
        TRANSACTION if !call.may(Operation::Describe, Resource::TransactionalId(key)) => {
            Err(ErrorCode::TransactionalIdAuthorizationFailed)
        }
        // Nobody coordinates transactions and share groups here.
        _ => Err(ErrorCode::InvalidRequest),
    }
}

/// Creates the topic of groups. Over when it is there, or cannot be had.
fn create_topic(call: Call<'_>) -> impl Future<Output = ()> + use<> {
    let wanted = call.broker.config.offsets_topic;
    let brokers = call.image().brokers().count();
    let replicas = wanted
        .replicas_max
        .min(i16::try_from(brokers).unwrap_or(i16::MAX));
    let configs = [
        ("cleanup.policy", "compact".to_owned()),
        ("compression.type", "producer".to_owned()),
        ("segment.bytes", wanted.segment_bytes.to_string()),
    ];
    let topic = NewTopic {
        name: OFFSETS_TOPIC.to_owned(),
        id: ottla_protocol::TopicId(call.broker.random_uuid()),
        num_partitions: wanted.partitions,
        replication_factor: replicas,
        assignments: Vec::new(),
        grows: true,
        configs: configs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Some(value)))
            .collect(),
    };
    create_and_settle(
        call,
        CreateTopics {
            topics: vec![topic],
            validate_only: false,
            defaults: call.broker.defaults.current(),
        },
    )
}

/// Where a group's broker is for those who come by this listener.
fn find(
    broker: &Broker,
    peer: &Peer,
    image: &Image,
    group_id: &str,
) -> Result<(BrokerId, StrBytes, i32), ErrorCode> {
    const UNKNOWN: ErrorCode = ErrorCode::CoordinatorNotAvailable;
    let topic = image.topic(OFFSETS_TOPIC).ok_or(UNKNOWN)?;
    let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    let partition = partition_of(group_id, count);
    let leader = leader::of(broker, topic, partition).ok_or(UNKNOWN)?.node;
    let leading = image.broker(leader).filter(|one| !one.fenced);
    let endpoint = leading.and_then(|one| one.endpoint(&peer.listener));
    let endpoint = endpoint.ok_or(UNKNOWN)?;
    let host = StrBytes::from_string(endpoint.host.clone());
    Ok((BrokerId(leader.0), host, i32::from(endpoint.port)))
}

fn coordinator(key: StrBytes, found: Result<(BrokerId, StrBytes, i32), ErrorCode>) -> Coordinator {
    let answer = Coordinator::default().with_key(key);
    match found {
        Ok((node_id, host, port)) => answer
            .with_node_id(node_id)
            .with_host(host)
            .with_port(port)
            .with_error_message(Some(StrBytes::new())),
        Err(code) => answer
            .with_node_id(NOBODY)
            .with_port(-1)
            .with_error_code(code.code())
            .with_error_message(Some(StrBytes::from_static_str(code.name()))),
    }
}

fn response(mut coordinators: Vec<Coordinator>, version: i16) -> FindCoordinatorResponse {
    if version >= FIRST_WITH_KEYS {
        return FindCoordinatorResponse::default().with_coordinators(coordinators);
    }
    let Some(only) = coordinators.pop() else {
        return FindCoordinatorResponse::default();
    };
    FindCoordinatorResponse::default()
        .with_error_code(only.error_code)
        .with_error_message(only.error_message)
        .with_node_id(only.node_id)
        .with_host(only.host)
        .with_port(only.port)
}
