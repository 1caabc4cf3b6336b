//! Batches that are part of a transaction, on their way into a partition.

use ottla_metadata::image::Topic;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::ProduceRequest;
use ottla_protocol::records::{BatchHeader, CheckedBatch};
use ottla_replication::{AppendError, Appended, Partition, Ticket};
use ottla_storage::Condition;
use tokio::sync::oneshot;

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::transactions::{Errors, FirstWrites, Write, refusal};

/// Versions whose clients know TRANSACTION_ABORTABLE; those of the next have an epoch for each transaction.
const FIRST_WITH_ABORTABLE: i16 = 11;

/// A batch that was sent to its partition, or will be.
pub(super) enum Sent {
    /// It is there.
    At(Ticket),
    /// It waits for the coordinator of its transaction.
    Waiting(oneshot::Receiver<Result<Ticket, ErrorCode>>),
}

impl Sent {
    /// What became of it; an error of its own if it was never sent.
    pub(super) async fn appended(self) -> Result<Result<Appended, AppendError>, ErrorCode> {
        let ticket = match self {
            Sent::At(ticket) => ticket,
            Sent::Waiting(ticket) => ticket.await.map_err(|_| ErrorCode::NotEnoughReplicas)??,
        };
        Ok(ticket.await)
    }
}

/// Whose transaction the batches of a request are part of, if some are.
///
/// # Errors
/// Who sends them may not use that id, or they are of several producers.
pub(super) fn transactional_id(
    call: Call<'_>,
    request: &ProduceRequest,
) -> Result<Option<String>, ErrorCode> {
    let topics = request.topic_data.iter();
    let partitions = topics.flat_map(|topic| &topic.partition_data);
    let headers = partitions.filter_map(|partition| {
        let records = partition.records.as_deref().unwrap_or_default();
        BatchHeader::parse(records)
    });
    let mut producers = headers
        .filter(|header| header.attributes.is_transactional())
        .map(|header| (header.producer_id, header.producer_epoch));
    let Some(producer) = producers.next() else {
        return Ok(None);
    };
    let id = request.transactional_id.as_ref();
    let id = id.filter(|id| call.may(Operation::Write, Resource::TransactionalId(id)));
    let id = id.ok_or(ErrorCode::TransactionalIdAuthorizationFailed)?;
    match producers.all(|other| other == producer) {
        true => Ok(Some(id.to_string())),
        false => Err(ErrorCode::InvalidProducerIdMapping),
    }
}

/// Sends a batch of a transaction to a partition as soon as it is certain that the transaction writes there.
///
/// # Errors
/// This broker does not lead it.
pub(super) fn send(
    call: Call<'_>,
    topic: &Topic,
    number: i32,
    partition: &Partition,
    transactional_id: &str,
    batch: CheckedBatch,
) -> Result<Sent, ErrorCode> {
    let leader_epoch = partition.leads_in();
    let leader_epoch = leader_epoch.ok_or(ErrorCode::NotLeaderOrFollower)?;
    let header = &batch.batch().header;
    let errors = Errors::of(call.version(), FIRST_WITH_ABORTABLE);
    let epoch_per_transaction = errors == Errors::OfEpochPerTransaction;
    let write = Write {
        partition: (topic.id, number),
        topic: topic.name.to_string(),
        leader_epoch,
        transactional_id: transactional_id.to_owned(),
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        sequence: header.base_sequence,
        adds: epoch_per_transaction,
    };
    let condition = Condition {
        term: Some(leader_epoch),
        base_offset: None,
        epoch_per_transaction,
    };
    let partition = partition.clone();
    let (sender, receiver) = oneshot::channel();
    let then = move |allowed: Result<(), ErrorCode>| {
        let ticket = allowed.map(|()| partition.propose(batch, Some(condition)));
        // Whoever sent it may have gone.
        let _ = sender.send(ticket.map_err(|code| refusal(code, errors)));
    };
    FirstWrites::admit(call.broker, write, Box::new(then));
    Ok(Sent::Waiting(receiver))
}
