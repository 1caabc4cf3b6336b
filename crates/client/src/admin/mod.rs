//! Operations on topics, records, configs and the cluster. In reading order:
//!
//! - `handle`: where they start;
//! - `topics`: create, delete, add partitions;
//! - `describe`: list and describe topics;
//! - `offsets`: find offsets;
//! - `records`: delete records;
//! - `configs`: read configs;
//! - `cluster`: who is in the cluster.

mod cluster;
mod configs;
mod describe;
mod handle;
mod offsets;
mod records;
mod topics;

#[cfg(test)]
mod tests;

pub use cluster::{ClusterDescription, DescribedBroker};
pub use configs::{ConfigEntry, ConfigResource, ConfigSource, ConfigSynonym};
pub use handle::Admin;
pub use offsets::FoundOffset;
pub use topics::{CreatedTopic, NewPartitions, NewTopic};
