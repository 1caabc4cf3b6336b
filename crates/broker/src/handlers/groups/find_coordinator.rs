//! FindCoordinator: the broker that leads the partition that holds a group, or a transactional id.
//!
//! The first one who asks has the topic of groups, or of transactions, created.

use std::sync::Arc;

use ottla_metadata::image::Image;
use ottla_metadata::topic_name::{CONSUMER_OFFSETS, TRANSACTION_STATE};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::find_coordinator_response::Coordinator;
use ottla_protocol::messages::{
    BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, StrBytes,
};

use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::handlers::topics::create_internal;
use crate::leader;
use crate::limits::SHARDS_SETTLE_MAX;
use crate::net::{Peer, Reply};
use crate::shard::partition_of;

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
    let topic = match request.key_type {
        TRANSACTION => TRANSACTION_STATE,
        _ => CONSUMER_OFFSETS,
    };
    let needs_topic =
        asked.iter().any(|(_, allowed)| allowed.is_ok()) && call.image().topic(topic).is_none();
    let creation = needs_topic.then(|| create_internal(call, topic));
    let (broker, peer) = (Arc::clone(call.broker), Arc::clone(call.peer));
    let answer = move || {
        let image = broker.images.current();
        let coordinators = asked.into_iter().map(|(key, allowed)| {
            let found = allowed.and_then(|()| find(&broker, &peer, &image, topic, &key));
            coordinator(key, found)
        });
        response(coordinators.collect(), version)
    };
    let broker = Arc::clone(call.broker);
    match creation {
        None => Reply::now(answer()),
        Some(creation) => Reply::later(async move {
            creation.await;
            match topic {
                TRANSACTION_STATE => broker.transactions.settle(SHARDS_SETTLE_MAX).await,
                _ => broker.groups.settle(SHARDS_SETTLE_MAX).await,
            }
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
        TRANSACTION => Ok(()),
        // Nobody coordinates share groups here.
        _ => Err(ErrorCode::InvalidRequest),
    }
}

/// Where the broker of a group or a transactional id is for those who come by this listener.
fn find(
    broker: &Broker,
    peer: &Peer,
    image: &Image,
    topic: &str,
    key: &str,
) -> Result<(BrokerId, StrBytes, i32), ErrorCode> {
    const UNKNOWN: ErrorCode = ErrorCode::CoordinatorNotAvailable;
    let topic = image.topic(topic).ok_or(UNKNOWN)?;
    let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    let partition = partition_of(key, count);
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
