//! InitProducerId: an id for an idempotent producer, never given to another; for a transactional one the id and epoch
//! under which it goes on, and everybody before it is fenced.

use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_transactions::machine::Input;
use ottla_transactions::operations::{InitProducerId, Producer};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;
use crate::transactions::{decide, server_version};

/// Stands for "no producer id" and "no epoch".
const NONE: i64 = -1;
const NO_EPOCH: i16 = -1;
/// Versions that know PRODUCER_FENCED.
const FIRST_WITH_FENCED: i16 = 4;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: InitProducerIdRequest) -> Reply {
    if let Err(code) = check(call, &request) {
        return Reply::now(refusal(code));
    }
    if request.transactional_id.is_some() {
        return transactional(call, request);
    }
    if let Some(id) = call.broker.producer_ids.take_at_hand() {
        return Reply::now(granted(Producer { id, epoch: 0 }));
    }
    let broker = Arc::clone(call.broker);
    Reply::later(async move {
        match broker.producer_ids.take(&broker.metadata).await {
            Ok(id) => granted(Producer { id, epoch: 0 }),
            Err(code) => refusal(code),
        }
    })
}

fn check(call: Call<'_>, request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    if let Some(id) = &request.transactional_id {
        if !call.may(Operation::Write, Resource::TransactionalId(id)) {
            return Err(ErrorCode::TransactionalIdAuthorizationFailed);
        }
    } else if !call.may(Operation::IdempotentWrite, Resource::Cluster)
        && !call.may(Operation::Write, Resource::AnyTopic)
    {
        return Err(ErrorCode::ClusterAuthorizationFailed);
    }
    // Versions from 3 on say who the producer was, both or neither. Without a transaction a producer
    // that asks becomes someone new either way.
    if (request.producer_id.0 == NONE) != (request.producer_epoch == NO_EPOCH) {
        return Err(ErrorCode::InvalidRequest);
    }
    if let Some(id) = &request.transactional_id {
        let config = &call.broker.config.transactions.coordinator;
        InitProducerId::check(id, request.transaction_timeout_ms, config)?;
    }
    Ok(())
}

fn transactional(call: Call<'_>, request: InitProducerIdRequest) -> Reply {
    let version = call.version();
    let id = request.transactional_id.map(|id| id.to_string());
    let transactional_id = id.unwrap_or_default();
    let expected = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let broker = Arc::clone(call.broker);
    let (id, speaks_for) = (transactional_id.clone(), transactional_id.clone());
    let decided = decide(call.broker, transactional_id, move |fresh_producer_id| {
        Input::InitProducerId(InitProducerId {
            transactional_id: id.clone(),
            timeout_ms: request.transaction_timeout_ms,
            expected: (expected.id != NONE).then_some(expected),
            fresh_producer_id,
            server_version: server_version(&broker),
        })
    });
    let (broker, peer) = (Arc::clone(call.broker), Arc::clone(call.peer));
    Reply::later(async move {
        match decided.await {
            Ok(producer) => {
                broker.speakers.begin(&speaks_for, peer.number);
                granted(producer)
            }
            Err(ErrorCode::ProducerFenced) if version < FIRST_WITH_FENCED => {
                refusal(ErrorCode::InvalidProducerEpoch)
            }
            Err(code) => refusal(code),
        }
    })
}

fn granted(producer: Producer) -> InitProducerIdResponse {
    InitProducerIdResponse::default()
        .with_producer_id(producer.id.into())
        .with_producer_epoch(producer.epoch)
}

fn refusal(code: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse::default()
        .with_error_code(code.code())
        .with_producer_id(NONE.into())
        .with_producer_epoch(NO_EPOCH)
}
