//! The subcommands of `ottla perf`.

use clap::Subcommand;

use super::{consume, e2e, produce};
use crate::failure::Failure;

/// Put load on a cluster and measure rates and latencies
#[derive(Debug, Subcommand)]
pub(crate) enum Perf {
    Produce(produce::Produce),
    Consume(consume::Consume),
    E2e(e2e::E2e),
}

impl Perf {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Perf::Produce(produce) => produce.run().await,
            Perf::Consume(consume) => consume.run().await,
            Perf::E2e(e2e) => e2e.run().await,
        }
    }
}
