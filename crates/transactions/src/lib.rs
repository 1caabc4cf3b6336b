//! Transactions as a state machine: one machine per partition of `__transaction_state`.
//!
//! What this crate is not: it writes no marker, hands out no producer id and knows no topic. The shell checks who may
//! ask, brings producer ids, and writes markers to partitions when it is told which; this crate decides what becomes
//! of a transactional id ([`operations`]), what the log says of it ([`record`]), what that folds to ([`state`]) and
//! what only the leader knows ([`live`]).
//!
//! Invariants: no clock, randomness, file or asynchronous runtime in here; the state changes by records alone; a
//! decision to commit or to abort is told to whoever writes markers only after the log has it committed.

pub mod config;
pub mod live;
pub mod machine;
pub mod operations;
pub mod record;
pub mod state;
