//! Handlers of the APIs that change topics.

pub mod alter_partition_reassignments;
pub mod create_partitions;
pub mod create_topics;
mod creation;
pub mod delete_topics;
pub mod elect_leaders;
mod internal;
pub mod list_partition_reassignments;

pub(crate) use creation::auto_create;
pub(crate) use internal::create_internal;

#[cfg(test)]
mod tests;
