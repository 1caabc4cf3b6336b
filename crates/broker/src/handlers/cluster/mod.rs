//! Handlers of the APIs that tell what there is.

pub mod api_versions;
pub mod describe_cluster;
pub mod describe_log_dirs;
pub mod describe_topic_partitions;
pub mod metadata;
mod view;

#[cfg(test)]
mod tests;
