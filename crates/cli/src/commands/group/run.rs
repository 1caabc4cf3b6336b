//! The subcommands of `ottla group`.

use clap::Subcommand;

use super::{delete, delete_offsets, describe, lag, list, reset_offsets};
use crate::failure::Failure;

/// List, describe, reset and delete consumer groups, and see how far behind they are
#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    List(list::List),
    Describe(describe::Describe),
    Lag(lag::Lag),
    ResetOffsets(reset_offsets::ResetOffsets),
    DeleteOffsets(delete_offsets::DeleteOffsets),
    Delete(delete::Delete),
}

impl Group {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Group::List(list) => list.run().await,
            Group::Describe(describe) => describe.run().await,
            Group::Lag(lag) => lag.run().await,
            Group::ResetOffsets(reset) => reset.run().await,
            Group::DeleteOffsets(delete) => delete.run().await,
            Group::Delete(delete) => delete.run().await,
        }
    }
}
