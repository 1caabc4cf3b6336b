//! `ottla topic alter`: for now, more partitions.

use clap::Args;
use ottla_client::admin::NewPartitions;
use serde_json::json;

use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;

/// Give topics more partitions
///
/// Records with a key go to another partition afterwards than those with the same key before.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla topic alter orders --partitions 12")]
pub(crate) struct Alter {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,

    /// How many partitions each has in the end; never less than now
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,

    /// Only say whether it could be done
    #[arg(long)]
    validate_only: bool,

    /// Print a JSON object a topic
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl Alter {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let wanted = self.names.iter().map(|name| NewPartitions {
            topic: name.clone(),
            total: self.partitions,
            assignments: Vec::new(),
        });
        let wanted: Vec<NewPartitions> = wanted.collect();
        let outcomes = client
            .admin()
            .create_partitions(&wanted, self.validate_only)
            .await?;
        let mut output = Output::new();
        let outcomes = self
            .names
            .iter()
            .zip(outcomes)
            .map(|(name, outcome)| outcome.map(|()| name));
        tell_each(outcomes, |name| {
            if self.json {
                let told = json!({"name": name, "partitions": self.partitions, "validate_only": self.validate_only});
                output.json(&told)?;
            } else if self.validate_only {
                eprintln!("topic {name} could have {} partitions", self.partitions);
            } else {
                eprintln!("topic {name} has {} partitions now", self.partitions);
            }
            Ok(())
        })?;
        Ok(output.finish()?)
    }
}
