//! The cluster's truth as a state machine: brokers, topics, the places of their replicas,
//! configurations, blocks of ids.
//!
//! What this crate is not: it holds no log, talks to nobody and opens no replica. It decides what
//! the metadata log says next ([`machine`]), folds it into an [`image`], and plans what a node must
//! do to follow it ([`reconcile`]).
//!
//! Invariants: no clock, randomness, file or asynchronous runtime in here; an image changes by
//! records alone; who leads a partition is not in here.

pub mod config;
pub mod growth;
pub mod image;
pub mod machine;
pub mod operations;
pub mod placement;
pub mod reconcile;
pub mod record;
#[cfg(test)]
mod testing;
pub mod topic_name;
