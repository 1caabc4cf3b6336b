//! A replicated state machine on the partition that holds its log.
//!
//! - [`machine`]: what a state machine must say to live on a partition, and who follows it;
//! - [`log`]: its records, read and written;
//! - [`handle`]: how it is asked;
//! - [`task`]: the one task that owns it.

mod handle;
mod log;
mod machine;
mod task;
#[cfg(test)]
mod tests;

pub use handle::{Arriving, Questions, Undecided, questions};
pub use log::LogError;
pub use machine::{Entry, Follower, Logged, Undecodable};
pub use task::{Shard, ShardOptions};
