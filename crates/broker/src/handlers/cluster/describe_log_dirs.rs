//! DescribeLogDirs: what the log directory holds, partition by partition, and how full its volume is.

use std::collections::{BTreeMap, BTreeSet};

use ottla_platform::work::blocking;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use ottla_protocol::messages::{
    DescribeLogDirsRequest, DescribeLogDirsResponse, StrBytes, TopicName,
};
use ottla_storage::LogDir;

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;
use crate::partitions::Replica;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeLogDirsRequest) -> Reply {
    if !call.may(Operation::Describe, Resource::Cluster) {
        return Reply::now(DescribeLogDirsResponse {
            error_code: ErrorCode::ClusterAuthorizationFailed.code(),
            ..DescribeLogDirsResponse::default()
        });
    }
    let directory = call.broker.directory.clone();
    let topics = match directory.failure() {
        None => topics(call, request.0.topics.as_deref()),
        Some(_) => Vec::new(),
    };
    Reply::later(async move {
        let described = blocking(move || describe(&directory, topics));
        DescribeLogDirsResponse {
            results: described.await.into_iter().collect(),
            ..DescribeLogDirsResponse::default()
        }
    })
}

/// Asks the disk, so it blocks.
fn describe(directory: &LogDir, topics: Vec<DescribeLogDirsTopic>) -> DescribeLogDirsResult {
    let path = std::path::absolute(directory.path());
    let path = path.unwrap_or_else(|_| directory.path().to_owned());
    let result = DescribeLogDirsResult {
        log_dir: StrBytes::from_string(path.display().to_string()),
        ..DescribeLogDirsResult::default()
    };
    let volume = match directory.failure() {
        None => directory.volume().map_err(|error| error.to_string()),
        Some(failure) => Err(failure),
    };
    match volume {
        Ok(volume) => DescribeLogDirsResult {
            topics,
            total_bytes: size(volume.total_bytes),
            usable_bytes: size(volume.usable_bytes),
            ..result
        },
        Err(error) => {
            tracing::warn!(%error, "the log directory was not described");
            DescribeLogDirsResult {
                error_code: ErrorCode::KafkaStorageError.code(),
                ..result
            }
        }
    }
}

/// The replicas that are open here; of those asked for, if any were named.
fn topics(call: Call<'_>, asked: Option<&[DescribableLogDirTopic]>) -> Vec<DescribeLogDirsTopic> {
    let asked: Option<BTreeSet<(&str, i32)>> = asked.map(|topics| {
        let partitions = topics.iter().flat_map(|topic| {
            let numbers = topic.partitions.iter();
            numbers.map(|&number| (&**topic.topic, number))
        });
        partitions.collect()
    });
    let image = call.image();
    let mut topics: BTreeMap<&str, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for (id, replica) in call.broker.partitions.open_by_id() {
        let Some(topic) = image.topic_by_id(id.0) else {
            continue;
        };
        let name = &*topic.name;
        if asked
            .as_ref()
            .is_none_or(|asked| asked.contains(&(name, id.1)))
        {
            topics
                .entry(name)
                .or_default()
                .push(partition(id.1, &replica));
        }
    }
    let topics = topics.into_iter().map(|(name, mut partitions)| {
        partitions.sort_by_key(|partition| partition.partition_index);
        DescribeLogDirsTopic::default()
            .with_name(TopicName(StrBytes::from_string(name.to_owned())))
            .with_partitions(partitions)
    });
    topics.collect()
}

fn partition(number: i32, replica: &Replica) -> DescribeLogDirsPartition {
    let marks = replica.partition.watermarks();
    DescribeLogDirsPartition::default()
        .with_partition_index(number)
        .with_partition_size(size(replica.partition.log().size_bytes()))
        // What is committed and not here yet.
        .with_offset_lag((marks.high_watermark - marks.log_end_offset).max(0))
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
