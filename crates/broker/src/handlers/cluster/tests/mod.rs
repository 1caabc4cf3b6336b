//! Tests of the cluster handlers, each against a node in this process.

mod brokers;
mod log_dirs;
mod metadata;
mod pages;
mod quorum;
mod versions;
