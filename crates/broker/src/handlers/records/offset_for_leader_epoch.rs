//! OffsetForLeaderEpoch: where an epoch ends in this log, so that a client can tell whether what it
//! has read is still there (KIP-320).

use ottla_metadata::image::Image;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use ottla_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use ottla_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use ottla_storage::EpochEnd;

use super::placement::{check_epoch, known_epoch, leader_by_name};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: OffsetForLeaderEpochRequest) -> Reply {
    let image = call.image();
    let is_replica = call.may(Operation::ClusterAction, Resource::Cluster);
    let topics = request.topics.into_iter().map(|topic| {
        let allowed = is_replica || call.may(Operation::Describe, Resource::Topic(&topic.topic));
        let partitions = topic.partitions.iter().map(|partition| {
            let end = if allowed {
                epoch_end(call, &image, &topic.topic, partition)
            } else {
                Err(ErrorCode::TopicAuthorizationFailed)
            };
            let answer = EpochEndOffset::default().with_partition(partition.partition);
            match end {
                Ok(end) => answer
                    .with_leader_epoch(end.epoch)
                    .with_end_offset(end.end_offset),
                Err(code) => answer.with_error_code(code.code()),
            }
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic)
            .with_partitions(partitions)
    });
    Reply::now(OffsetForLeaderEpochResponse::default().with_topics(topics.collect()))
}

fn epoch_end(
    call: Call<'_>,
    image: &Image,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<EpochEnd, ErrorCode> {
    let replica = leader_by_name(call, image, topic, asked.partition)?;
    check_epoch(&replica, known_epoch(asked.current_leader_epoch))?;
    Ok(replica.partition.epoch_end(asked.leader_epoch))
}
