//! A run: three brokers, their clients and what goes wrong, in simulated time.
//!
//! - [`shared`]: what the clients of a run have in common;
//! - [`flavor`]: what kind of run a seed makes;
//! - [`broker`]: a host with a node and its disk;
//! - [`clients`]: how clients reach the cluster;
//! - [`writer`], [`reader`], [`prober`]: the clients, each on a host of its own;
//! - [`nemesis`]: what goes wrong, and when;
//! - [`replicas`]: the logs as the disks have them at the end;
//! - [`trace`]: everything that happened, as one number;
//! - [`run`](mod@run): from a seed to a verdict.

mod broker;
mod clients;
mod flavor;
mod nemesis;
mod prober;
mod reader;
mod replicas;
mod run;
mod shared;
mod trace;
mod writer;

pub use run::{Report, run};
pub use trace::{Depth, Trace, show};
