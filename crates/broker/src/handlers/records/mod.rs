//! Handlers of the APIs that read and write partitions.

mod acks;
pub mod delete_records;
pub mod describe_producers;
pub mod fetch;
mod hints;
pub mod init_producer_id;
pub mod list_offsets;
pub mod offset_for_leader_epoch;
pub(super) mod placement;
pub mod produce;
mod transactional;

#[cfg(test)]
mod tests;
