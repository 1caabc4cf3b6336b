//! Handlers of the APIs about transactions. What is decided is decided by the machine of the transactional id; here is
//! who may ask, what exists, and the shapes of the versions.

pub mod add_offsets;
pub mod add_partitions;
pub mod describe;
pub mod end;
pub mod list;
mod speaker;
pub mod write_markers;

#[cfg(test)]
mod tests;
