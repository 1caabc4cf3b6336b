//! The partitions that this node has replicas of.
//!
//! Their table follows the metadata: a task takes the changes that the planner made of each new image
//! and opens, configures and deletes replicas. Changes of one topic are carried out in order, those
//! of different topics at the same time. What cannot be opened is offline, with one line about it;
//! the others are not touched. If all it lacked was room on the disk, it is opened when there is some,
//! as is a replica whose group stopped because a full disk left its log half changed.
//!
//! - [`table`]: the replicas, and what is done to each;
//! - [`following`]: the task.

mod following;
mod table;
#[cfg(test)]
mod tests;

pub use following::Plans;
pub(crate) use table::keys;
pub use table::{Absence, PartitionId, Partitions, Replica, Resolve};
