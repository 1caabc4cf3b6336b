//! Handlers of the APIs about consumer groups. What is decided is decided by the group's machine; here
//! is who may ask, whether the topics exist, and the shapes of the versions.

mod commits;
pub mod delete_groups;
pub mod describe_groups;
pub mod find_coordinator;
pub mod heartbeat;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod sync_group;
mod topics;
pub mod txn_offset_commit;

pub(crate) use commits::check_in_transaction;

#[cfg(test)]
mod tests;
