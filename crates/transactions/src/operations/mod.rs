//! What can be done with a transactional id, one file each.

mod describe;
mod end;
mod init_producer_id;
mod markers;
mod partitions;
mod timeouts;

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use crate::machine::Transactions;
use crate::record::{Record, Value, Version};
use crate::state::Transaction;

pub use describe::{Described, ListTransactions, Listed};
pub use end::EndTransaction;
pub use init_producer_id::InitProducerId;
pub use markers::{Completed, Decided};
pub use partitions::{AddPartitions, VerifyPartitions};

pub(crate) use markers::offer;
pub(crate) use timeouts::{abort_timed_out, expire, set_timers};

/// From this level of `transaction.version` on a producer's epoch rises with each transaction (KIP-890).
pub(crate) const EPOCH_PER_TRANSACTION: i16 = 2;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producer {
    /// The producer id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An error for the client.
    Error(ErrorCode),
    /// It takes a new producer id: to be asked again with one.
    NeedsProducerId,
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Self {
        Refused::Error(error)
    }
}

/// Writes what has become of a transactional id at `now`, if a batch holds it. The log knows who the producer was
/// before.
fn write(
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
