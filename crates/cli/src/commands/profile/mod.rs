//! `ottla profile`: the clusters that have a name.
//!
//! - `run`: the subcommands;
//! - `show`: `list` and `show`;
//! - `edit`: `set`, `use` and `remove`.

mod edit;
mod run;
mod show;

pub(crate) use run::ProfileCommand;
