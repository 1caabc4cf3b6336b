//! The doors to the operating system: disk, network, clock, randomness, threads, process limits.
//!
//! Nothing here knows of logs, Raft or Kafka. Every other crate reaches the system only through
//! these types, so that a simulator can stand in for all of them. The only `unsafe` of the
//! project is in [`disk`]'s mapped files.

pub mod clock;
pub mod disk;
#[cfg(any(feature = "faults", test))]
#[cfg_attr(
    not(feature = "faults"),
    allow(dead_code, reason = "its tests run without the feature too")
)]
mod faults;
pub mod net;
pub mod planted;
pub mod process;
pub mod seed;
pub mod sim;
pub mod work;
