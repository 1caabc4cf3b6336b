//! `ottla topic`: one file a subcommand.

mod alter;
mod create;
mod delete;
mod describe;
mod list;
mod run;

pub(crate) use run::Topic;
