//! The cluster's truth as a state machine.

pub mod config;
pub mod record;
pub mod topic_name;
