//! `ottla topic list`.

use clap::Args;
use serde_json::json;

use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;

/// List topics, a name a line
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla topic list
  ottla topic list --json | jq -r 'select(.partitions > 10).name'")]
pub(crate) struct List {
    /// Include Kafka's own topics
    #[arg(short, long)]
    internal: bool,

    /// Print a JSON object a topic, with more than its name
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl List {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let mut output = Output::new();
        for topic in client.admin().list_topics().await? {
            if topic.is_internal && !self.internal {
                continue;
            }
            if self.json {
                output.json(&json!({
                    "name": topic.name.as_ref(),
                    "id": topic.id.to_string(),
                    "internal": topic.is_internal,
                    "partitions": topic.partitions.len(),
                    "replication_factor": topic.partitions.first().map(|partition| partition.replicas.len()),
                }))?;
            } else {
                output.line(&topic.name)?;
            }
        }
        Ok(output.finish()?)
    }
}
