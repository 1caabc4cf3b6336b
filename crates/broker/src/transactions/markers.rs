//! Writes the ends of transactions to partitions that are led here.

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all, ready};
use ottla_coordinator::machine::{Input, Reply};
use ottla_coordinator::operations::EndTransaction;
use ottla_metadata::image::Image;
use ottla_metadata::topic_name::CONSUMER_OFFSETS;
use ottla_protocol::ErrorCode;
use ottla_protocol::records::{CheckedBatch, EndMarker};
use ottla_storage::Condition;
use serde::{Deserialize, Serialize};

use super::coordinator::EPOCH_PER_TRANSACTION;
use super::first_writes::End;
use crate::context::Broker;
use crate::errors::append_error;
use crate::partitions::{Absence, PartitionId};

/// The end of a transaction in some partitions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// Who wrote it.
    pub(crate) producer_id: i64,
    /// In which epoch its marker is.
    pub(crate) producer_epoch: i16,
    /// Whether it is committed.
    pub(crate) commits: bool,
    /// The epoch of its coordinator.
    pub(crate) coordinator_epoch: i32,
    /// The level of `transaction.version` by which it ended.
    pub(crate) version: i16,
    /// As of which offset of its log the coordinator had decided; `None` if it comes from a tool.
    pub(crate) as_of: Option<i64>,
    /// Where to.
    pub(crate) partitions: Vec<Place>,
}

/// A partition that a marker goes to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The topic's name.
    pub(crate) topic: String,
    /// The partition's number.
    pub(crate) partition: i32,
    /// The leader epoch in which it is to be written, so that what is known of later transactions since then is known
    /// here; `None` is any.
    pub(crate) leader_epoch: Option<i32>,
}

/// Writes a marker to each of its partitions. All are proposed now; the future only waits. A code for each partition.
pub(crate) fn write_here(
    broker: &Arc<Broker>,
    marker: &Marker,
) -> impl Future<Output = Vec<ErrorCode>> + Send + use<> {
    let image = broker.images.current();
    let written = marker.partitions.iter().map(|place| {
        let begun = begin(broker, &image, marker, place);
        begun.unwrap_or_else(|code| ready(code).boxed())
    });
    join_all(written.collect::<Vec<_>>())
}

fn begin(
    broker: &Arc<Broker>,
    image: &Image,
    marker: &Marker,
    place: &Place,
) -> Result<BoxFuture<'static, ErrorCode>, ErrorCode> {
    let topic = image.topic(&place.topic);
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let id = (topic.id, place.partition);
    let replica = broker.partitions.find(id.0, id.1);
    let replica = replica.map_err(|absence| match absence {
        Absence::NotHere => ErrorCode::UnknownTopicOrPartition,
        Absence::Offline => ErrorCode::KafkaStorageError,
    })?;
    let leads_in = replica.partition.leads_in();
    let is_asked = |term: &i32| place.leader_epoch.is_none_or(|epoch| epoch == *term);
    let term = leads_in.filter(is_asked);
    let term = term.ok_or(ErrorCode::NotLeaderOrFollower)?;
    broker.first_writes.end(&End {
        partition: id,
        producer_id: marker.producer_id,
        as_of: marker.as_of,
    })?;
    if place.topic == CONSUMER_OFFSETS {
        return end_in_groups(broker, id, marker);
    }
    let end = EndMarker {
        commits: marker.commits,
        coordinator_epoch: marker.coordinator_epoch,
    };
    let now_ms = broker.clock.now_ms();
    let batch = end.batch(marker.producer_id, marker.producer_epoch, now_ms);
    let condition = Condition {
        term: Some(term),
        base_offset: None,
        epoch_per_transaction: marker.version >= EPOCH_PER_TRANSACTION,
    };
    let batch = CheckedBatch::trusted(batch);
    let ticket = replica.partition.propose(batch, Some(condition));
    let written = async move {
        match ticket.await {
            Ok(_) => ErrorCode::None,
            Err(error) => append_error(&error),
        }
    };
    Ok(written.boxed())
}

/// Groups keep what was committed in a transaction apart until it ends.
fn end_in_groups(
    broker: &Broker,
    id: PartitionId,
    marker: &Marker,
) -> Result<BoxFuture<'static, ErrorCode>, ErrorCode> {
    // Its coordinator knows no errors of group coordinators.
    const NOT_READY: ErrorCode = ErrorCode::NotLeaderOrFollower;
    let hosts = broker.groups.machine(id).map_err(|_| NOT_READY)?;
    let answer = hosts.questions.ask(Input::EndTransaction(EndTransaction {
        producer_id: marker.producer_id,
        producer_epoch: marker.producer_epoch,
        coordinator_epoch: marker.coordinator_epoch,
        commits: marker.commits,
        epoch_per_transaction: marker.version >= EPOCH_PER_TRANSACTION,
    }));
    let ended = async move {
        match answer.await {
            Ok(Reply::EndTransaction(Ok(()))) => ErrorCode::None,
            Ok(Reply::EndTransaction(Err(code))) => code,
            Ok(_) | Err(_) => NOT_READY,
        }
    };
    Ok(ended.boxed())
}
