//! `ottla topic delete`.

use clap::Args;
use ottla_client::{Client, ClientError};
use ottla_protocol::ErrorCode;
use serde_json::json;

use crate::confirm::Confirm;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;

/// Delete topics with everything in them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla topic delete orders
  ottla topic delete orders --dry-run            what would go
  ottla topic delete orders payments --if-exists --yes")]
pub(crate) struct Delete {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,

    /// Do not mind topics that are not there
    #[arg(long)]
    if_exists: bool,

    /// Only say what would be deleted
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Print a JSON object a topic
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    confirm: Confirm,

    #[command(flatten)]
    connect: Connect,
}

impl Delete {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if !self.dry_run {
            let what = format!("delete {} with all records", self.names.join(", "));
            self.confirm.ask(&what)?;
        }
        let client = self.connect.plain_client().await?;
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let outcomes = match self.dry_run {
            true => look_at(&client, &names).await,
            false => client.admin().delete_topics(&names).await?,
        };
        let mut output = Output::new();
        let outcomes = names
            .iter()
            .zip(outcomes)
            .filter_map(|(name, outcome)| match outcome {
                Err(error)
                    if self.if_exists
                        && error.code() == Some(ErrorCode::UnknownTopicOrPartition) =>
                {
                    eprintln!("there is no topic {name}");
                    None
                }
                outcome => Some(outcome.map(|()| name)),
            });
        tell_each(outcomes, |name| {
            if self.json {
                output.json(&json!({"name": name, "deleted": !self.dry_run}))?;
            } else if self.dry_run {
                eprintln!("would delete topic {name}");
            } else {
                eprintln!("deleted topic {name}");
            }
            Ok(())
        })?;
        Ok(output.finish()?)
    }
}

/// Whether the topics are there to be deleted.
async fn look_at(client: &Client, names: &[&str]) -> Vec<Result<(), ClientError>> {
    let mut outcomes = Vec::new();
    for name in names {
        outcomes.push(client.admin().describe_topic(name).await.map(drop));
    }
    outcomes
}
