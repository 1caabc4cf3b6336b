//! `ottla cluster rebalance-leaders`.

use clap::Args;
use serde_json::json;

use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;

/// Have the preferred replica of each partition lead
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla cluster rebalance-leaders")]
pub(crate) struct RebalanceLeaders {
    /// Print a JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl RebalanceLeaders {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let (elected, failures) = client.admin().elect_preferred_leaders().await?;
        let mut output = Output::new();
        match self.json {
            true => output.json(&json!({"elected": elected, "failed": failures.len()}))?,
            false => eprintln!("partitions with another leader: {elected}"),
        }
        output.finish()?;
        tell_each(failures.into_iter().map(Err::<(), _>), |()| Ok(()))
    }
}
