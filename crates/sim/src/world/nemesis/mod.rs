//! What goes wrong.
//!
//! - [`fault`]: the kinds of faults;
//! - [`schedule`]: what goes wrong when, and for how long;
//! - [`hosts`]: processes that end, stand still or are slow, and their disks and clocks;
//! - [`rot`]: bits that flip;
//! - [`links`]: what does not arrive, or late.

mod fault;
mod hosts;
mod links;
mod rot;
mod schedule;

pub(super) use fault::Fault;
pub(super) use hosts::{Handle, end};
pub(super) use schedule::{LATENCY_MAX, Nemesis};
