//! A run: three brokers, their clients and what goes wrong, in simulated time.
//!
//! - [`swarm`]: what a seed makes of a run;
//! - [`shared`]: what the clients of a run have in common;
//! - [`evidence`]: what was seen and still binds;
//! - [`numbers`]: which records a log may have in another order, or twice;
//! - [`broker`]: a host with a node and its disk;
//! - [`workload`]: what clients do, each on a host of its own;
//! - [`nemesis`]: what goes wrong, and when;
//! - [`replicas`]: the logs as the disks have them at the end;
//! - [`trace`]: everything that happened, as one number;
//! - [`run`](mod@run): from a seed to a verdict.

mod broker;
mod evidence;
mod nemesis;
mod numbers;
mod replicas;
mod run;
mod shared;
mod swarm;
mod trace;
mod workload;

pub use run::{About, Report, run};
pub use trace::{Depth, Trace, show};
