//! Operations on topics, records, configs, groups and the cluster. In reading order:
//!
//! - `handle`: where they start;
//! - `topics`: create, delete, add partitions;
//! - `describe`: list and describe topics;
//! - `offsets`: find offsets;
//! - `records`: delete records;
//! - `configs`: read and change configs;
//! - `cluster`: who is in the cluster;
//! - `quorum`: who votes on its metadata, and brokers that leave;
//! - `reassignments`: who keeps and leads partitions;
//! - `coordinators`: who coordinates a group;
//! - `groups`: list, describe and delete groups;
//! - `assignment`: what members of a group were given;
//! - `group_offsets`: read, set and delete the offsets of a group.

mod assignment;
mod cluster;
mod configs;
mod coordinators;
mod describe;
mod group_offsets;
mod groups;
mod handle;
mod offsets;
mod quorum;
mod reassignments;
mod records;
mod topics;

#[cfg(test)]
mod tests;

pub use cluster::{ClusterDescription, DescribedBroker};
pub use configs::{
    ConfigChange, ConfigEntry, ConfigOperation, ConfigResource, ConfigSource, ConfigSynonym,
};
pub use group_offsets::CommittedOffset;
pub use groups::{GroupDescription, GroupMember, ListedGroup};
pub use handle::Admin;
pub use offsets::FoundOffset;
pub use quorum::{QuorumDescription, QuorumMember};
pub use reassignments::{OngoingReassignment, Reassignment};
pub use topics::{CreatedTopic, NewPartitions, NewTopic};
