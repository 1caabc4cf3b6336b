//! Where the leaders are of partitions that a client looked for at the wrong broker (KIP-951), as
//! Produce and Fetch tell it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_metadata::image::{Image, Topic};
use ottla_protocol::ErrorCode;
use ottla_protocol::fetch::{FetchPartition, LeaderIdAndEpoch, NodeEndpoint};
use ottla_protocol::messages::produce_response::{
    self, PartitionProduceResponse, TopicProduceResponse,
};
use ottla_protocol::messages::{BrokerId, ProduceResponse, StrBytes};

use tokio::time::{Instant, timeout_at};

use crate::leader::{Hint, Hints};

/// Resolves when it is known who leads each partition that is led elsewhere, or at the deadline. Between
/// two leaders that is a matter of milliseconds, and a producer that has to ask for the new one waits for
/// its `retry.backoff.ms` first.
pub(super) async fn leaders_known(hints: &Hints, response: &ProduceResponse, deadline: Instant) {
    let mut moves = hints.moves();
    loop {
        moves.mark_unchanged();
        if !lacks_leaders(hints, response) {
            return;
        }
        if !matches!(timeout_at(deadline, moves.changed()).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Whether a partition is led elsewhere, and it is not known by whom.
pub(super) fn lacks_leaders(hints: &Hints, response: &ProduceResponse) -> bool {
    let image = hints.image();
    let mut topics = response.responses.iter();
    topics.any(|topic| {
        let mut partitions = topic.partition_responses.iter();
        partitions.any(|partition| {
            is_led_elsewhere(partition)
                && find(&image, topic)
                    .is_some_and(|known| hints.of(&image, known, partition.index, None).is_none())
        })
    })
}

fn is_led_elsewhere(partition: &PartitionProduceResponse) -> bool {
    partition.error_code == ErrorCode::NotLeaderOrFollower.code()
}

fn find<'i>(image: &'i Image, topic: &TopicProduceResponse) -> Option<&'i Arc<Topic>> {
    let by_id = image.topic_by_id(topic.topic_id.into());
    by_id.or_else(|| image.topic(&topic.name))
}

/// Adds to each partition that is led elsewhere who leads it.
pub(super) fn tell_producer(hints: &Hints, response: &mut ProduceResponse) {
    let mut endpoints = BTreeMap::new();
    let image = hints.image();
    for topic in &mut response.responses {
        let Some(known) = find(&image, topic) else {
            continue;
        };
        for partition in &mut topic.partition_responses {
            if !is_led_elsewhere(partition) {
                continue;
            }
            let Some(hint) = hints.of(&image, known, partition.index, None) else {
                continue;
            };
            partition.current_leader = produce_response::LeaderIdAndEpoch::default()
                .with_leader_id(BrokerId(hint.node.0))
                .with_leader_epoch(hint.epoch);
            endpoints.insert(hint.node, hint);
        }
    }
    let endpoints = endpoints.into_values().map(|hint| {
        produce_response::NodeEndpoint::default()
            .with_node_id(BrokerId(hint.node.0))
            .with_host(StrBytes::from_string(hint.host))
            .with_port(i32::from(hint.port))
            .with_rack(hint.rack.map(StrBytes::from_string))
    });
    response.node_endpoints = endpoints.collect();
}

/// Whether a consumer that gets this error for a partition may look for the leader elsewhere.
pub(super) fn is_misled(partition: &FetchPartition) -> bool {
    let misled = [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch];
    misled.map(ErrorCode::code).contains(&partition.error_code)
}

/// As a partition of a fetch has it.
pub(super) fn leader(hint: &Hint) -> LeaderIdAndEpoch {
    LeaderIdAndEpoch {
        leader_id: hint.node.0,
        leader_epoch: hint.epoch,
    }
}

/// As a fetch names its broker.
pub(super) fn endpoint(hint: Hint) -> NodeEndpoint {
    NodeEndpoint {
        node_id: hint.node.0,
        host: hint.host,
        port: i32::from(hint.port),
        rack: hint.rack,
    }
}
