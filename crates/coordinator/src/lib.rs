//! Consumer groups as a state machine: one machine per partition of `__consumer_offsets`.
//!
//! What this crate is not: it holds no log, knows no topic and no user, and speaks no version of
//! the wire. The shell checks who may ask and which topics exist; this crate decides what a group
//! becomes ([`operations`]), what the log says of it ([`record`]), what that folds to ([`state`])
//! and what only the leader knows ([`live`]).
//!
//! Invariants: no clock, randomness, file or asynchronous runtime in here; the state changes by
//! records alone; a group that is not in the state is not in the leader's memory either.

pub mod config;
pub mod live;
pub mod machine;
pub mod operations;
pub mod record;
pub mod state;
pub mod subscription;
#[cfg(test)]
mod testing;
