//! The subcommands of `ottla config`.

use clap::Subcommand;

use super::{alter, describe};
use crate::failure::Failure;

/// Show and change configs of topics, brokers and groups, and brokers' log levels
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Describe(describe::Describe),
    Alter(alter::Alter),
}

impl Config {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Config::Describe(describe) => describe.run().await,
            Config::Alter(alter) => alter.run().await,
        }
    }
}
