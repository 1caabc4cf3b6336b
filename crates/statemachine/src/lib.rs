//! The one pattern for replicated state: decide with [`StateMachine::step`], change with
//! [`StateMachine::apply`], run with [`Runner`], test with [`rig`].
//!
//! What this crate is not: it appends nothing, sleeps never, answers nobody. The shell around it
//! writes the records that a step returns, tells it what is committed and when a deadline passed,
//! and delivers the replies that it releases.
//!
//! Invariants:
//! - No clock, randomness, file, thread or asynchronous runtime in here (`clippy.toml` enforces it).
//! - Replicated state changes by applying records of the log, in order, and by nothing else.
//! - A reply leaves only when the log is committed up to everything its decision could have seen.
//! - All records of one step are one batch, or the step leaves no record at all.

mod askers;
mod limits;
mod machine;
mod outbox;
mod replay;
pub mod rig;
mod runner;
#[cfg(test)]
mod sample;
mod timers;
mod units;

pub use askers::Ticket;
pub use limits::{BatchLimits, Limits};
pub use machine::StateMachine;
pub use outbox::Outbox;
pub use replay::Replay;
pub use runner::{Append, Overflow, Release, Runner, Started, Step, StepError};
pub use units::{Offset, Timestamp};
