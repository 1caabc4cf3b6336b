//! InitProducerId: an id for an idempotent producer, never given to another.
//!
//! Transactional producers are refused: this broker coordinates no transactions yet. A client that
//! follows the protocol does not come here at all, since it looks for a coordinator first and finds
//! that the API for it is not served. One that comes anyway gets an error that is final.

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Stands for "no producer id" and "no epoch".
const NONE: i64 = -1;
const NO_EPOCH: i16 = -1;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: InitProducerIdRequest) -> Reply {
    if let Err(code) = check(call, &request) {
        return Reply::now(refusal(code));
    }
    if let Some(id) = call.broker.producer_ids.take_at_hand() {
        return Reply::now(granted(id));
    }
    let broker = std::sync::Arc::clone(call.broker);
    Reply::later(async move {
        match broker.producer_ids.take(&broker.metadata).await {
            Ok(id) => granted(id),
            Err(code) => refusal(code),
        }
    })
}

fn check(call: Call<'_>, request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    if let Some(transactional_id) = &request.transactional_id {
        if !call.may(
            Operation::Write,
            Resource::TransactionalId(transactional_id),
        ) {
            return Err(ErrorCode::TransactionalIdAuthorizationFailed);
        }
        return Err(ErrorCode::UnsupportedVersion);
    }
    if !call.may(Operation::IdempotentWrite, Resource::Cluster)
        && !call.may(Operation::Write, Resource::AnyTopic)
    {
        return Err(ErrorCode::ClusterAuthorizationFailed);
    }
    // Versions from 3 on say who the producer was, both or neither. Without a transaction a producer
    // that asks becomes someone new either way.
    if (request.producer_id.0 == NONE) != (request.producer_epoch == NO_EPOCH) {
        return Err(ErrorCode::InvalidRequest);
    }
    Ok(())
}

fn granted(id: i64) -> InitProducerIdResponse {
    InitProducerIdResponse::default()
        .with_producer_id(id.into())
        .with_producer_epoch(0)
}

fn refusal(code: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse::default()
        .with_error_code(code.code())
        .with_producer_id(NONE.into())
        .with_producer_epoch(NO_EPOCH)
}
