//! `ottla topic`: one file a subcommand.

mod alter;
mod create;
mod delete;
mod describe;
mod list;
mod outcomes;
mod run;
mod table;

pub(crate) use run::Topic;
