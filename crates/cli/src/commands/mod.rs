//! One file a command, and how they are run.

pub(crate) mod cluster;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod consume;
pub(crate) mod dump;
pub(crate) mod group;
pub(crate) mod health;
pub(crate) mod perf;
pub(crate) mod produce;
pub(crate) mod profile;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod topic;

pub(crate) use run::run;
