//! The subcommands of `ottla profile`.

use clap::Subcommand;

use super::{edit, show};
use crate::failure::Failure;

/// Give clusters names, to be used as --profile NAME
///
/// Profiles are in ~/.config/ottla/config.toml, or the file that OTTLA_PROFILES names. What flags and environment
/// say wins over a profile.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    List(show::List),
    Show(show::Show),
    Set(edit::Set),
    Use(edit::Use),
    Remove(edit::Remove),
}

impl ProfileCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            ProfileCommand::List(list) => list.run(),
            ProfileCommand::Show(show) => show.run(),
            ProfileCommand::Set(set) => set.run(),
            ProfileCommand::Use(choose) => choose.run(),
            ProfileCommand::Remove(remove) => remove.run(),
        }
    }
}
