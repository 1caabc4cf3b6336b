//! The subcommands of `ottla topic`.

use clap::Subcommand;

use super::{alter, create, delete, describe, list};
use crate::failure::Failure;

/// Create, list, describe, alter and delete topics
#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    Create(create::Create),
    List(list::List),
    Describe(describe::Describe),
    Alter(alter::Alter),
    Delete(delete::Delete),
}

impl Topic {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Topic::Create(create) => create.run().await,
            Topic::List(list) => list.run().await,
            Topic::Describe(describe) => describe.run().await,
            Topic::Alter(alter) => alter.run().await,
            Topic::Delete(delete) => delete.run().await,
        }
    }
}
