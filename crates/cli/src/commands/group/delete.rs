//! `ottla group delete`.

use clap::Args;
use ottla_protocol::ErrorCode;
use serde_json::json;

use crate::confirm::Confirm;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;

/// Delete groups with the offsets they committed; only while no member is in them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla group delete billing
  ottla group delete billing audit --yes --if-exists")]
pub(crate) struct Delete {
    /// The groups' ids
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,

    /// Do not mind groups that are not there
    #[arg(long)]
    if_exists: bool,

    /// Print a JSON object a group
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    confirm: Confirm,

    #[command(flatten)]
    connect: Connect,
}

impl Delete {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let what = format!("delete {} with all offsets", self.groups.join(", "));
        self.confirm.ask(&what)?;
        let client = self.connect.plain_client().await?;
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let outcomes = client.admin().delete_groups(&groups).await;
        let outcomes = groups.iter().zip(outcomes).filter_map(|(group, outcome)| {
            let is_missing = |error: &ottla_client::ClientError| {
                error.code() == Some(ErrorCode::GroupIdNotFound)
            };
            match outcome {
                Err(error) if self.if_exists && is_missing(&error) => {
                    eprintln!("there is no group {group}");
                    None
                }
                outcome => Some(outcome.map(|()| group)),
            }
        });
        let mut output = Output::new();
        let told = tell_each(outcomes, |group| {
            if self.json {
                output.json(&json!({"id": group, "deleted": true}))?;
            } else {
                eprintln!("deleted group {group}");
            }
            Ok(())
        });
        output.finish()?;
        told
    }
}
