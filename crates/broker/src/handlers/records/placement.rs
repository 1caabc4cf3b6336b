//! From what a request names to the replica here, or to Kafka's error for it.

use ottla_metadata::image::{Image, Topic};
use ottla_protocol::ErrorCode;
use ottla_replication::Isolation;

use crate::context::Call;
use crate::partitions::{Absence, Replica};

/// Whether a topic has a partition of this number.
pub(super) fn has_partition(topic: &Topic, partition: i32) -> bool {
    usize::try_from(partition).is_ok_and(|partition| partition < topic.partitions.len())
}

/// The replica of a partition that the image knows. A partition that is not here is led elsewhere
/// or is not open yet: either way its client asks again.
pub(super) fn replica(call: Call<'_>, topic: &Topic, partition: i32) -> Result<Replica, ErrorCode> {
    call.broker
        .partitions
        .find(topic.id, partition)
        .map_err(|absence| match absence {
            Absence::NotHere => ErrorCode::NotLeaderOrFollower,
            Absence::Offline => ErrorCode::KafkaStorageError,
        })
}

/// The replica of a partition that this node leads, by the topic's name.
pub(super) fn leader_by_name(
    call: Call<'_>,
    image: &Image,
    name: &str,
    partition: i32,
) -> Result<Replica, ErrorCode> {
    let topic = image
        .topic(name)
        .filter(|topic| has_partition(topic, partition));
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let replica = replica(call, topic, partition)?;
    leads(&replica)?;
    Ok(replica)
}

pub(super) fn leads(replica: &Replica) -> Result<(), ErrorCode> {
    if replica.partition.serves() {
        Ok(())
    } else {
        Err(ErrorCode::NotLeaderOrFollower)
    }
}

/// Holds the epoch that a client believes in against the replica's.
pub(super) fn check_epoch(replica: &Replica, believed: Option<i32>) -> Result<(), ErrorCode> {
    compare_epochs(replica.partition.leader_epoch(), believed)
}

/// The same against an epoch that is known otherwise.
pub(super) fn compare_epochs(current: i32, believed: Option<i32>) -> Result<(), ErrorCode> {
    let Some(believed) = believed else {
        return Ok(());
    };
    match current.cmp(&believed) {
        std::cmp::Ordering::Greater => Err(ErrorCode::FencedLeaderEpoch),
        std::cmp::Ordering::Less => Err(ErrorCode::UnknownLeaderEpoch),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// An epoch from the wire, where −1 says that the client does not know. Below is an epoch like any
/// other, and older than all.
pub(super) fn known_epoch(epoch: i32) -> Option<i32> {
    (epoch != -1).then_some(epoch)
}

/// An isolation level from the wire.
pub(super) fn isolation(level: i8) -> Result<Isolation, ErrorCode> {
    match level {
        0 => Ok(Isolation::ReadUncommitted),
        1 => Ok(Isolation::ReadCommitted),
        _ => Err(ErrorCode::InvalidRequest),
    }
}
