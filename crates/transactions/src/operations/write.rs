//! A transactional id as the log gets it.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use crate::machine::Transactions;
use crate::record::{Record, Value, Version};
use crate::state::Transaction;

/// Writes what has become of a transactional id at `now`, if a batch holds it. The log knows who the producer was
/// before.
pub(super) fn write(
    transactional_id: &str,
    before: &Transaction,
    after: &Transaction,
    server_version: i16,
    now: Timestamp,
    out: &mut Outbox<Transactions>,
) -> Result<(), ErrorCode> {
    let is_flexible = server_version > 0;
    let transaction = Transaction {
        previous_producer_id: if is_flexible { before.producer_id } else { -1 },
        next_producer_id: if is_flexible {
            after.next_producer_id
        } else {
            -1
        },
        client_version: if is_flexible { after.client_version } else { 0 },
        updated_ms: now.0,
        ..after.clone()
    };
    let version = if is_flexible {
        Version::V1
    } else {
        Version::V0
    };
    let record = Record {
        transactional_id: transactional_id.to_owned(),
        value: Some(Value {
            version,
            transaction,
        }),
    };
    if !out.fits(std::slice::from_ref(&record)) {
        return Err(ErrorCode::UnknownServerError);
    }
    out.record(record);
    Ok(())
}
