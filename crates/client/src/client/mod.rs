//! The cluster as one thing to talk to. In reading order:
//!
//! - `handle`: the client itself: whom to ask, and asking;
//! - `metadata`: the cached view of the cluster and its renewal;
//! - `by_leader`: asking about many partitions at once;
//! - `retry`: trying again;
//! - `pool`: the connections.

mod by_leader;
mod handle;
mod metadata;
mod pool;
mod retry;

#[cfg(test)]
mod tests;

pub(crate) use by_leader::LeaderSaid;
pub use by_leader::PerPartition;
pub use handle::Client;
pub use metadata::IfMissing;
