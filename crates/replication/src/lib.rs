//! Raft groups over the segment log: one per partition, one for the cluster's metadata.
//!
//! The only crate that names openraft. A group's log *is* the partition's segment log
//! (`ottla-storage`): one Raft entry is one Kafka batch, the leader epoch is the term, and the
//! state machine holds nothing but watermarks, so applying an entry reads a header and no data.
//!
//! In reading order: the types given to openraft, what travels through it, the two faces it sees
//! (log store, state machine), and the handles that the broker sees (groups, partition).

mod cleaner;
pub mod cluster;
mod codec;
mod contradiction;
mod damage;
mod entry;
mod groups;
mod heard;
mod log_store;
mod partition;
mod peers;
mod progress;
mod quorum;
mod room;
mod scrub;
mod shared;
mod snapshot;
mod standing;
mod state_machine;
mod throttle;
mod ticket;
pub mod transport;
mod types;
mod wake;

/// How much of what openraft says is for operators, in the syntax of tracing's EnvFilter: below an error
/// it tells of its inner life, and that a stopped group takes no requests is no error.
pub const OPENRAFT_LEVELS: &str = "openraft=error,openraft::raft::raft_inner=off";

#[cfg(test)]
mod suite;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use cleaner::{Cleaner, CleanerPace, CleanerStats};
pub use cluster::{Held, ReplicaKey};
pub use groups::{Beginning, Groups, OpenError, PartitionSpec};
pub use partition::{DeleteRecordsError, Isolation, Partition, ReadData, RetainError, Watermarks};
pub use progress::{Registration, Waiter};
pub use quorum::{Quorum, ReplicaProgress};
pub use scrub::{ScrubPace, Scrubber};
pub use throttle::{Named, Throttled, ThrottledRates};
pub use ticket::{AppendError, Appended, Ticket};
