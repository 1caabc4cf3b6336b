//! The subcommands of `ottla cluster`.

use clap::Subcommand;

use super::{decommission, describe, leaders, voters};
use crate::failure::Failure;

/// Look at the cluster's brokers, have them leave, vote and lead
#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    Describe(describe::Describe),
    Decommission(decommission::Decommission),
    AddVoter(voters::AddVoter),
    RemoveVoter(voters::RemoveVoter),
    RebalanceLeaders(leaders::RebalanceLeaders),
}

impl Cluster {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Cluster::Describe(describe) => describe.run().await,
            Cluster::Decommission(decommission) => decommission.run().await,
            Cluster::AddVoter(add) => add.run().await,
            Cluster::RemoveVoter(remove) => remove.run().await,
            Cluster::RebalanceLeaders(rebalance) => rebalance.run().await,
        }
    }
}
