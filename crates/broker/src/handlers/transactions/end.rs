//! EndTxn: a transaction is committed or aborted. The answer comes when that is decided; markers follow.

use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{EndTxnRequest, EndTxnResponse};
use ottla_transactions::machine::Input;
use ottla_transactions::operations::{EndTransaction, Producer};

use super::speaker::{Speaker, known_to};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;
use crate::transactions::{EPOCH_PER_TRANSACTION, decide, server_version};

/// Versions of clients that get an epoch with each transaction.
const FIRST_WITH_EPOCH_PER_TRANSACTION: i16 = 5;
/// Versions that know PRODUCER_FENCED.
const FIRST_WITH_FENCED: i16 = 2;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: EndTxnRequest) -> Reply {
    let version = call.version();
    let transactional_id = request.transactional_id.to_string();
    if !call.may(
        Operation::Write,
        Resource::TransactionalId(&transactional_id),
    ) {
        let code = ErrorCode::TransactionalIdAuthorizationFailed;
        return Reply::now(refusal(code));
    }
    let speaker = Speaker::of(call, &transactional_id);
    let is_stale = version < FIRST_WITH_EPOCH_PER_TRANSACTION && speaker.is_stale();
    let client_version = match version >= FIRST_WITH_EPOCH_PER_TRANSACTION {
        true => EPOCH_PER_TRANSACTION,
        false => 0,
    };
    let broker = Arc::clone(call.broker);
    let id = transactional_id.clone();
    let decided = decide(call.broker, transactional_id, move |fresh_producer_id| {
        Input::EndTransaction(EndTransaction {
            transactional_id: id.clone(),
            producer: Producer {
                id: request.producer_id.0,
                epoch: request.producer_epoch,
            },
            commits: request.committed,
            client_version,
            server_version: server_version(&broker),
            fresh_producer_id,
            is_stale,
        })
    });
    Reply::Later(Box::pin(async move {
        let decided = decided.await;
        let code = decided.err().unwrap_or(ErrorCode::None);
        let response = match decided {
            Ok(Producer { id, epoch }) if version >= FIRST_WITH_EPOCH_PER_TRANSACTION => {
                EndTxnResponse::default()
                    .with_producer_id(id.into())
                    .with_producer_epoch(epoch)
            }
            Ok(_) => EndTxnResponse::default(),
            Err(code) => refusal(known_to(version, FIRST_WITH_FENCED, code)),
        };
        speaker.answer(code, response)
    }))
}

fn refusal(code: ErrorCode) -> EndTxnResponse {
    EndTxnResponse::default().with_error_code(code.code())
}
