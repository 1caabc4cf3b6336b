//! Transactions on this node, as their coordinator and as the leader of partitions that they write to.
//!
//! - [`records`]: the machine's records as `__transaction_state` holds them;
//! - [`shards`]: the machines of the partitions of that topic that are here;
//! - [`coordinator`]: asks whoever coordinates a transaction;
//! - [`first_writes`]: what a transaction may write to, known before it does;
//! - [`speakers`]: who speaks for a transactional id;
//! - [`markers`]: the ends of transactions, written to partitions that are led here;
//! - [`completing`]: the way from a decision to its end;
//! - [`between`]: questions from broker to broker.

mod between;
mod completing;
mod coordinator;
mod first_writes;
mod markers;
mod records;
mod shards;
mod speakers;

pub use between::Answering;
pub use completing::Completing;
pub use coordinator::ConcurrentRetries;
pub use first_writes::FirstWrites;
pub use shards::{TransactionShards, start};
pub use speakers::Speakers;

pub(crate) use coordinator::{
    EPOCH_PER_TRANSACTION, Enlisting, ask, decide, enlist_here, server_version,
};
pub(crate) use first_writes::{Errors, Write, refusal, refusal_of_offsets};
pub(crate) use markers::{Marker, Place, write_here};
