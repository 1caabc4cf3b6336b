//! Handlers of the APIs that tell what there is.

pub mod api_versions;
pub mod describe_cluster;
pub mod describe_log_dirs;
pub mod describe_quorum;
pub mod describe_topic_partitions;
pub mod metadata;
pub mod unregister_broker;
pub mod update_features;
mod view;
pub mod voters;

#[cfg(test)]
mod tests;
