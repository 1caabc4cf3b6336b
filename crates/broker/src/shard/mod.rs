//! A replicated state machine on the partition that holds its log.
//!
//! - [`machine`]: what a state machine must say to live on a partition, and who follows it;
//! - [`log`]: its records, read and written;
//! - [`handle`]: how it is asked;
//! - [`task`]: the one task that owns it;
//! - [`placement`]: which partition of a topic holds a key;
//! - [`hosting`]: the machines of all partitions of a topic that are here.

mod handle;
mod hosting;
mod log;
mod machine;
mod placement;
mod task;
#[cfg(test)]
mod tests;

pub use handle::{Arriving, Questions, Undecided, questions};
pub use hosting::{Hosting, HostingOptions, HostingTask, Hosts};
pub use log::LogError;
pub use machine::{Entry, Envelope, Follower, Logged, Undecodable};
pub use placement::partition_of;
pub use task::{Shard, ShardOptions};
