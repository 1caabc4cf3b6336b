//! DeleteRecords: moves the start of logs; what lies before it is gone for everyone.

use std::time::Duration;

use futures::future::join_all;
use ottla_metadata::image::Image;
use ottla_metadata::topic_name::is_internal;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use ottla_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use ottla_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use tokio::time::{Instant, timeout_at};

use super::placement::{has_partition, leader_by_name};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::errors::delete_records_error;
use crate::net::Reply;
use crate::partitions::Replica;

/// The offset that stands for the high watermark.
const HIGH_WATERMARK: i64 = -1;
/// The low watermark where there is none to tell.
const NO_LOW_WATERMARK: i64 = -1;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DeleteRecordsRequest) -> Reply {
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let deadline = Instant::now() + timeout;
    let image = call.image();
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut deletions = Vec::new();
    for topic in request.topics {
        let allowed = call.may(Operation::Delete, Resource::Topic(&topic.name));
        let mut results = DeleteRecordsTopicResult::default().with_name(topic.name.clone());
        for partition in &topic.partitions {
            let index = partition.partition_index;
            let started = if allowed {
                start(call, &image, &topic, partition)
            } else {
                Err(ErrorCode::TopicAuthorizationFailed)
            };
            let mut result = DeleteRecordsPartitionResult::default()
                .with_partition_index(index)
                .with_low_watermark(NO_LOW_WATERMARK);
            match started {
                Err(code) => result.error_code = code.code(),
                Ok((replica, offset)) => deletions.push(Deletion {
                    topic: topics.len(),
                    partition: results.partitions.len(),
                    replica,
                    offset,
                }),
            }
            results.partitions.push(result);
        }
        topics.push(results);
    }
    Reply::later(finish(topics, deletions, deadline))
}

/// A log start to be moved, and where its result goes.
struct Deletion {
    topic: usize,
    partition: usize,
    replica: Replica,
    offset: i64,
}

fn start(
    call: Call<'_>,
    image: &Image,
    topic: &DeleteRecordsTopic,
    partition: &DeleteRecordsPartition,
) -> Result<(Replica, i64), ErrorCode> {
    let found = image.topic(&topic.name);
    if !found.is_some_and(|found| has_partition(found, partition.partition_index)) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    if is_internal(&topic.name) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let replica = leader_by_name(call, image, &topic.name, partition.partition_index)?;
    if !replica.settings.deletes() {
        return Err(ErrorCode::PolicyViolation);
    }
    let offset = match partition.offset {
        HIGH_WATERMARK => replica.partition.watermarks().high_watermark,
        offset => offset,
    };
    Ok((replica, offset))
}

async fn finish(
    mut topics: Vec<DeleteRecordsTopicResult>,
    deletions: Vec<Deletion>,
    deadline: Instant,
) -> DeleteRecordsResponse {
    let results = join_all(deletions.iter().map(|deletion| {
        timeout_at(
            deadline,
            deletion.replica.partition.delete_records(deletion.offset),
        )
    }));
    for (deletion, deleted) in deletions.iter().zip(results.await) {
        let result = &mut topics[deletion.topic].partitions[deletion.partition];
        match deleted {
            Ok(Ok(low_watermark)) => result.low_watermark = low_watermark,
            Ok(Err(error)) => result.error_code = delete_records_error(&error).code(),
            Err(_elapsed) => result.error_code = ErrorCode::RequestTimedOut.code(),
        }
    }
    DeleteRecordsResponse::default().with_topics(topics)
}
