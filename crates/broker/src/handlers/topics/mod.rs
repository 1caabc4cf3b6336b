//! Handlers of the APIs that change topics.

pub mod alter_partition_reassignments;
pub mod create_partitions;
pub mod create_topics;
mod creation;
pub mod delete_topics;
pub mod elect_leaders;
pub mod list_partition_reassignments;

pub(crate) use creation::{auto_create, create_and_settle};

#[cfg(test)]
mod tests;
