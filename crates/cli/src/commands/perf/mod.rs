//! `ottla perf`: load on a cluster, and what became of it.
//!
//! - `run`: the subcommands;
//! - `load`: what is sent, and the topic that it goes to;
//! - `pace`: when each record is due;
//! - `measure`: counts and latencies;
//! - `produce`, `consume`, `e2e`: one file a subcommand.

mod consume;
mod e2e;
mod load;
mod measure;
mod pace;
mod produce;
mod run;

pub(crate) use run::Perf;
