//! What a fetch found, as its client wants it: what changed, topic by topic.

use std::collections::BTreeMap;

use ottla_protocol::ErrorCode;
use ottla_protocol::fetch::{
    AbortedTransaction, EpochEndOffset, FetchPartition, FetchResponse, FetchTopic, NodeEndpoint,
    RecordSlices,
};
use ottla_protocol::messages::FetchRequest;
use ottla_replication::{Isolation, ReadData, Watermarks};

use super::super::hints;
use super::read::{Found, Reading, Round};
use super::request::FIRST_WITH_TOPIC_IDS;
use crate::context::Call;
use crate::fetch_session::{Context, Target, Told, TopicKey};
use crate::metrics::FetchMetrics;

/// Stands for no other replica to read from.
const NOWHERE_ELSE: i32 = -1;

/// Ends the request in its session and makes the response.
pub(super) fn finish(reading: Reading, round: Round, context: Context) -> FetchResponse {
    let isolation = reading.limits.isolation;
    count(&reading.broker.metrics.fetches, &round);
    let mut partitions: Vec<FetchPartition> = round
        .found
        .into_iter()
        .map(|found| partition(found, isolation))
        .collect();
    let node_endpoints = tell_leaders(&reading, &mut partitions);
    let Reading { broker, wanted, .. } = reading;
    let told: Vec<(Target, Told)> = wanted
        .into_iter()
        .map(|wanted| wanted.target)
        .zip(partitions.iter().map(told))
        .collect();
    let reply = {
        let now_ms = broker.clock.now_ms();
        let fresh_id = || (broker.random.lock().next_u64() >> 33) as i32;
        broker
            .fetch_sessions
            .lock()
            .finish(context, &told, now_ms, fresh_id)
    };
    let kept = told
        .into_iter()
        .zip(partitions)
        .zip(reply.kept)
        .filter(|(_, kept)| *kept);
    FetchResponse {
        error_code: reply.error.code(),
        session_id: reply.session_id,
        topics: by_topic(kept.map(|(((target, _), partition), _)| (target, partition))),
        node_endpoints,
        ..FetchResponse::default()
    }
}

fn count(metrics: &FetchMetrics, round: &Round) {
    for found in &round.found {
        match found {
            Found::Data { data, is_leader } => match is_leader {
                true => metrics.read_from_leader(data.records.size_bytes),
                false => metrics.read_from_follower(data.records.size_bytes),
            },
            Found::Elsewhere(..) => metrics.sent_nearer(),
            Found::Diverging(..) | Found::Failed(_) | Found::Refused(_) => {}
        }
    }
}

/// Adds to each partition that was looked for at the wrong broker who leads it; where those are.
fn tell_leaders(reading: &Reading, partitions: &mut [FetchPartition]) -> Vec<NodeEndpoint> {
    let Some(leaders) = &reading.hints else {
        return Vec::new();
    };
    let mut endpoints = BTreeMap::new();
    let image = leaders.image();
    for (wanted, partition) in reading.wanted.iter().zip(partitions) {
        let topic = wanted.topic.ok().and_then(|id| image.topic_by_id(id));
        let Some(topic) = topic.filter(|_| hints::is_misled(partition)) else {
            continue;
        };
        let Target { key, request, .. } = &wanted.target;
        let believed = request.current_leader_epoch;
        if let Some(hint) = leaders.of(&image, topic, key.partition, believed) {
            partition.current_leader = Some(hints::leader(&hint));
            endpoints.insert(hint.node, hints::endpoint(hint));
        }
    }
    endpoints.into_values().collect()
}

/// The whole request refused. Versions that name topics say so of each partition too.
pub(super) fn refused(call: Call<'_>, request: &FetchRequest, code: ErrorCode) -> FetchResponse {
    let with_partitions = call.version() < FIRST_WITH_TOPIC_IDS;
    let topics = request.topics.iter().filter(|_| with_partitions);
    let topics = topics.map(|topic| FetchTopic {
        topic: topic.topic.to_string(),
        partitions: topic
            .partitions
            .iter()
            .map(|asked| FetchPartition {
                partition_index: asked.partition,
                ..partition(Found::Refused(code), Isolation::ReadUncommitted)
            })
            .collect(),
        ..FetchTopic::default()
    });
    FetchResponse {
        error_code: code.code(),
        session_id: request.session_id,
        topics: topics.collect(),
        ..FetchResponse::default()
    }
}

fn partition(found: Found, isolation: Isolation) -> FetchPartition {
    match found {
        Found::Failed(code) => FetchPartition {
            error_code: code.code(),
            ..FetchPartition::default()
        },
        Found::Refused(code) => FetchPartition {
            error_code: code.code(),
            aborted_transactions: Some(Vec::new()),
            ..FetchPartition::default()
        },
        Found::Diverging(end, watermarks) => FetchPartition {
            diverging_epoch: Some(EpochEndOffset {
                epoch: end.epoch,
                end_offset: end.end_offset,
            }),
            ..bounded_by(watermarks)
        },
        Found::Elsewhere(node, watermarks) => FetchPartition {
            preferred_read_replica: node.0,
            ..bounded_by(watermarks)
        },
        Found::Data {
            data:
                ReadData {
                    records,
                    aborted,
                    watermarks,
                },
            ..
        } => FetchPartition {
            aborted_transactions: (isolation == Isolation::ReadCommitted).then(|| {
                let aborted = aborted.iter();
                let to_wire = aborted.map(|aborted| AbortedTransaction {
                    producer_id: aborted.producer_id,
                    first_offset: aborted.first_offset,
                });
                to_wire.collect()
            }),
            records: RecordSlices(records.slices),
            ..bounded_by(watermarks)
        },
    }
}

fn bounded_by(watermarks: Watermarks) -> FetchPartition {
    FetchPartition {
        high_watermark: watermarks.high_watermark,
        last_stable_offset: watermarks.last_stable_offset,
        log_start_offset: watermarks.log_start_offset,
        ..FetchPartition::default()
    }
}

fn told(partition: &FetchPartition) -> Told {
    Told {
        high_watermark: partition.high_watermark,
        log_start_offset: partition.log_start_offset,
        has_records: !partition.records.0.is_empty(),
        has_error: partition.error_code != ErrorCode::None.code(),
        is_urgent: partition.diverging_epoch.is_some()
            || partition.preferred_read_replica != NOWHERE_ELSE,
    }
}

/// Neighbours of one topic share an entry; the order of partitions is kept.
fn by_topic(partitions: impl Iterator<Item = (Target, FetchPartition)>) -> Vec<FetchTopic> {
    let mut topics: Vec<FetchTopic> = Vec::new();
    let mut last: Option<TopicKey> = None;
    for (target, mut partition) in partitions {
        partition.partition_index = target.key.partition;
        if last.as_ref() != Some(&target.key.topic) {
            let topic = match &target.key.topic {
                TopicKey::Id(id) => FetchTopic {
                    topic_id: *id,
                    ..FetchTopic::default()
                },
                TopicKey::Name(name) => FetchTopic {
                    topic: name.to_string(),
                    ..FetchTopic::default()
                },
            };
            topics.push(topic);
            last = Some(target.key.topic);
        }
        let topic = topics
            .last_mut()
            .expect("one was just pushed, or was there");
        topic.partitions.push(partition);
    }
    topics
}
