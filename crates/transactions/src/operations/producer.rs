//! Who writes, and how a producer's epochs go.

use ottla_protocol::ErrorCode;

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

/// Whether clients of a level of `transaction.version` get an epoch for each transaction.
pub(crate) fn has_epoch_per_transaction(version: i16) -> bool {
    version >= EPOCH_PER_TRANSACTION
}
