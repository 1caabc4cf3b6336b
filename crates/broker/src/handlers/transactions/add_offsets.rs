//! AddOffsetsToTxn: a transaction is about to commit offsets of a group; the group's partition is one that it writes to.

use std::future::Future;

use futures::FutureExt;
use ottla_metadata::topic_name::CONSUMER_OFFSETS;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::speaker::{Speaker, known_to};
use crate::context::{Broker, Call};
use crate::handlers::groups::check_in_transaction;
use crate::handlers::topics::create_internal;
use crate::net::{Answer, Reply};
use crate::transactions::{Enlisting, enlist_here};

/// Versions that know PRODUCER_FENCED.
const FIRST_WITH_FENCED: i16 = 2;
/// Clients that ask have one epoch for all transactions.
const CLIENT_VERSION: i16 = 0;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: AddOffsetsToTxnRequest) -> Reply {
    let (transactional_id, group_id) = (&request.transactional_id, &request.group_id);
    if let Err(code) = check_in_transaction(call, transactional_id, group_id) {
        return Reply::now(response(code));
    }
    let speaker = Speaker::of(call, &request.transactional_id);
    let version = call.version();
    // Clients look for the group's coordinator only after this.
    if call.image().topic(CONSUMER_OFFSETS).is_some() {
        return Reply::Later(add(speaker, request, version).boxed());
    }
    let creation = create_internal(call, CONSUMER_OFFSETS);
    let added = async move {
        creation.await;
        add(speaker, request, version).await
    };
    Reply::Later(added.boxed())
}

/// Asks now; the future only waits.
fn add(
    speaker: Speaker,
    request: AddOffsetsToTxnRequest,
    version: i16,
) -> impl Future<Output = Answer> + Send + use<> {
    let enlisted = partition_of(speaker.broker(), &request.group_id).map(|partition| {
        let enlisting = Enlisting {
            transactional_id: request.transactional_id.to_string(),
            producer_id: request.producer_id.0,
            producer_epoch: request.producer_epoch,
            partitions: vec![(CONSUMER_OFFSETS.to_owned(), partition)],
            adds_by: Some(CLIENT_VERSION),
            waits: false,
            is_stale: speaker.is_stale(),
        };
        enlist_here(speaker.broker(), enlisting)
    });
    async move {
        let code = match enlisted {
            Ok(enlisted) => enlisted.await.codes.first().copied(),
            Err(code) => Some(code),
        };
        let code = known_to(version, FIRST_WITH_FENCED, code.unwrap_or(ErrorCode::None));
        speaker.answer(code, response(code))
    }
}

/// The partition that holds the group's offsets.
fn partition_of(broker: &Broker, group_id: &str) -> Result<i32, ErrorCode> {
    let partition = broker.groups.partition_of(group_id);
    let (_, number) = partition.map_err(|_| ErrorCode::CoordinatorNotAvailable)?;
    Ok(number)
}

fn response(code: ErrorCode) -> AddOffsetsToTxnResponse {
    AddOffsetsToTxnResponse::default().with_error_code(code.code())
}
