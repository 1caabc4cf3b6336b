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
    let mut transaction = Transaction {
        previous_producer_id: before.producer_id,
        updated_ms: now.0,
        ..after.clone()
    };
    let version = match server_version {
        0 => Version::V0,
        _ => Version::V1,
    };
    if version == Version::V0 {
        // It has no room for these.
        transaction.previous_producer_id = -1;
        transaction.next_producer_id = -1;
        transaction.client_version = 0;
    }
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
