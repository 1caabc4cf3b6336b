//! Compaction: of records with the same key the newest stays. What is decided, without IO.
//!
//! The rules are those of Kafka's `Cleaner` and `CleanedTransactionMetadata` (KIP-58, KIP-354, KIP-534). In
//! reading order: when a log is due, where the newest record of each key is, which transactions were
//! aborted, what stays of a batch.

mod filter;
mod need;
mod newest;
mod transactions;

pub(crate) use filter::{Filter, Left, raw};
pub use need::Need;
pub(crate) use need::{Candidate, Limits, groups};
pub(crate) use newest::{Newest, SLOT_BYTES};
pub(crate) use transactions::CleanedTransactions;
