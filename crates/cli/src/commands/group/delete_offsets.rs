//! `ottla group delete-offsets`.

use clap::Args;
use ottla_client::TopicPartition;
use serde_json::json;

use super::selection::{self, Selection, parse_selection};
use crate::confirm::Confirm;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;

/// Delete a group's offsets in some topics, to which none of its members may subscribe
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla group delete-offsets billing --topic orders
  ottla group delete-offsets billing --topic orders:3 --yes")]
pub(crate) struct DeleteOffsets {
    /// The group's id
    #[arg(value_name = "GROUP")]
    group: String,

    /// A topic, or some of its partitions; may be repeated
    #[arg(short, long, required = true, value_name = "TOPIC[:0,1…]", value_parser = parse_selection)]
    topic: Vec<Selection>,

    /// Print a JSON object a partition
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    confirm: Confirm,

    #[command(flatten)]
    connect: Connect,
}

impl DeleteOffsets {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let what = format!("delete offsets of group {}", self.group);
        self.confirm.ask(&what)?;
        let client = self.connect.plain_client().await?;
        let partitions: Vec<TopicPartition> = selection::partitions(&client, &self.topic)
            .await?
            .into_iter()
            .collect();
        let admin = client.admin();
        let outcomes = admin.delete_group_offsets(&self.group, &partitions).await?;
        let outcomes = outcomes
            .into_iter()
            .map(|(partition, outcome)| outcome.map(|()| partition));
        let mut output = Output::new();
        let told = tell_each(outcomes, |partition| {
            if self.json {
                output.json(&json!({
                    "group": self.group,
                    "topic": partition.topic.as_ref(),
                    "partition": partition.partition,
                    "deleted": true,
                }))?;
            } else {
                eprintln!("group {}: no offset in {partition} any more", self.group);
            }
            Ok(())
        });
        output.finish()?;
        told
    }
}
