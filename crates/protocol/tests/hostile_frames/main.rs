//! What a hostile peer sends: each thing gets a typed error, and none of it costs memory worth speaking of.
//!
//! A binary of its own because it counts every allocation of its threads.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod allocation;
mod bombs;
mod frames;
mod mutations;
