//! A test rig for state machines: virtual time, a log in memory, commits that lag, leaders that
//! are lost together with the uncommitted end of their log.
//!
//! It checks what the pattern promises, after every step: the state equals the replay of the log;
//! a reply leaves only when the log is committed up to what it saw; every asker is answered or
//! failed exactly once. What the state itself must satisfy, the caller checks.

mod driver;
mod log;
mod random;
mod seeds;

pub use driver::{Answer, Outcome, Rig, Weights};
pub use random::Random;
pub use seeds::run_consecutive;
