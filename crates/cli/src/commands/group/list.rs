//! `ottla group list`.

use clap::Args;
use serde_json::json;

use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;
use crate::table;

/// List groups with their state, kind and protocol
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla group list
  ottla group list --state empty --state dead
  ottla group list --json | jq -r 'select(.state == \"Stable\").id'")]
pub(crate) struct List {
    /// Only groups in this state, such as stable or empty; may be repeated
    #[arg(short, long, value_name = "STATE")]
    state: Vec<String>,

    /// Print a JSON object a group
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl List {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let groups = client.admin().list_groups(&self.state).await?;
        let mut output = Output::new();
        if self.json {
            for group in &groups {
                output.json(&json!({
                    "id": group.id,
                    "state": group.state,
                    "type": group.group_type,
                    "protocol": group.protocol_type,
                }))?;
            }
        } else if !groups.is_empty() {
            let or_dash = |text: String| match text.is_empty() {
                true => "-".to_owned(),
                false => text,
            };
            let rows: Vec<Vec<String>> = groups
                .into_iter()
                .map(|group| {
                    let cells = [group.id, group.state, group.group_type, group.protocol_type];
                    cells.map(or_dash).to_vec()
                })
                .collect();
            for line in table::lines(&["GROUP", "STATE", "TYPE", "PROTOCOL"], &rows) {
                output.line(&line)?;
            }
        }
        Ok(output.finish()?)
    }
}
