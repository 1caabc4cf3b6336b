//! `ottla cluster`: one file a subcommand, and the pure planner of [`decommission`].

mod decommission;
mod describe;
mod leaders;
mod moves;
mod run;
mod voters;

pub(crate) use run::Cluster;
