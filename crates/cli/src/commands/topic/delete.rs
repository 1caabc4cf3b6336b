//! `ottla topic delete`.

use clap::Args;
use ottla_protocol::ErrorCode;
use serde_json::json;

use super::outcomes::tell_each;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;

/// Delete topics with everything in them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla topic delete orders
  ottla topic delete orders payments --if-exists")]
pub(crate) struct Delete {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,

    /// Do not mind topics that are not there
    #[arg(long)]
    if_exists: bool,

    /// Print a JSON object a topic
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl Delete {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let outcomes = client.admin().delete_topics(&names).await?;
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
                output.json(&json!({"name": name, "deleted": true}))?;
            } else {
                eprintln!("deleted topic {name}");
            }
            Ok(())
        })?;
        Ok(output.finish()?)
    }
}
