//! `ottla config`: one file a subcommand, and what has configs as arguments name it.

mod alter;
mod describe;
mod resource;
mod run;

pub(crate) use run::Config;
