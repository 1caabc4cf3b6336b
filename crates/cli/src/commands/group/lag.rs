//! `ottla group lag`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use ottla_client::{Client, ClientError};
use ottla_platform::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::positions::{self, Position};
use crate::connect::Connect;
use crate::durations::parse_duration;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;
use crate::table;

/// Show how many records groups are behind, once or again and again
///
/// Lag is the log's end less the committed offset. Partitions without a committed offset are not counted.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla group lag                           all groups
  ottla group lag billing --watch --interval 5s
  ottla group lag --json | jq 'select(.lag > 1000)'")]
pub(crate) struct Lag {
    /// The groups' ids; none means all
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,

    /// Look again and again, until Ctrl-C
    #[arg(short, long)]
    watch: bool,

    /// How long to wait between two looks
    #[arg(short, long, value_name = "TIME", default_value = "2s", value_parser = parse_duration, requires = "watch")]
    interval: Duration,

    /// Print a JSON object a group, a line for each look
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// One group at one moment.
struct GroupLag {
    group: String,
    positions: Vec<Position>,
}

impl Lag {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let told = self.look(&client).await;
        if !self.watch {
            return told;
        }
        // Before the first look succeeds there is nothing to watch.
        told?;
        // One for all looks: an interrupt between two of them counts too.
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            tokio::select! {
                _ = &mut interrupted => return Ok(()),
                () = tokio::time::sleep(self.interval) => {}
            }
            tokio::select! {
                _ = &mut interrupted => return Ok(()),
                told = self.look(&client) => match told {
                    // A broker that is away for a while is told of and looked at again.
                    Ok(()) | Err(Failure::FailedInParts) => {}
                    Err(Failure::Failed(text)) => eprintln!("ottla: {text}"),
                    Err(other) => return Err(other),
                },
            }
        }
    }

    async fn look(&self, client: &Client) -> Result<(), Failure> {
        let groups = if self.groups.is_empty() {
            let listed = client.admin().list_groups(&[]).await?;
            listed.into_iter().map(|group| group.id).collect()
        } else {
            self.groups.clone()
        };
        let mut outcomes = Vec::new();
        for group in groups {
            outcomes.push(lag_of(client, group).await);
        }
        let mut seen = Vec::new();
        let told = tell_each(outcomes, |lag| {
            seen.push(lag);
            Ok(())
        });
        self.print(&seen)?;
        told
    }

    fn print(&self, groups: &[GroupLag]) -> Result<(), Failure> {
        let mut output = Output::new();
        if self.json {
            let now_ms = SystemClock::default().now_ms();
            for group in groups {
                output.json(&group.to_json(now_ms))?;
            }
            return Ok(output.finish()?);
        }
        if self.watch && io::stdout().is_terminal() {
            // To the top of an empty screen.
            output.bytes(b"\x1b[H\x1b[2J")?;
        }
        for line in to_lines(groups) {
            output.line(&line)?;
        }
        Ok(output.finish()?)
    }
}

async fn lag_of(client: &Client, group: String) -> Result<GroupLag, ClientError> {
    let positions = positions::positions(client, &group, &[]).await?;
    if positions.is_empty() {
        // A group that is not there has no offsets either; that is not the same as one that is behind in nothing.
        client.admin().describe_group(&group).await?;
    }
    Ok(GroupLag { group, positions })
}

impl GroupLag {
    fn to_json(&self, now_ms: i64) -> Value {
        let partitions = self.positions.iter().map(Position::to_json);
        json!({
            "timestamp": now_ms,
            "group": self.group,
            "lag": positions::total_lag(&self.positions),
            "partitions": partitions.collect::<Vec<Value>>(),
        })
    }
}

/// A row a partition, and one for all of a group.
fn to_lines(groups: &[GroupLag]) -> Vec<String> {
    let heads: Vec<&str> = ["GROUP"].into_iter().chain(positions::HEADS).collect();
    let mut rows = Vec::new();
    for group in groups {
        let with_name = |cells: Vec<String>| [vec![group.group.clone()], cells].concat();
        rows.extend(
            group
                .positions
                .iter()
                .map(|position| with_name(position.cells())),
        );
        let total = positions::total_lag(&group.positions).to_string();
        let cells = ["(all)", "", "", "", total.as_str()];
        rows.push(with_name(cells.map(str::to_owned).to_vec()));
    }
    table::lines(&heads, &rows)
}

#[cfg(test)]
mod tests {
    use ottla_client::TopicPartition;

    use super::*;

    #[test]
    fn each_group_has_its_partitions_and_a_total() {
        let position = |number, committed| Position {
            partition: TopicPartition::new("t", number),
            committed: Some(committed),
            end: Some(10),
        };
        let group = GroupLag {
            group: "g".to_owned(),
            positions: vec![position(0, 4), position(1, 10)],
        };
        let expected = "\
GROUP  TOPIC  PARTITION  COMMITTED  END  LAG
g      t              0          4   10    6
g      t              1         10   10    0
g      (all)                                6";
        assert_eq!(group.to_json(7)["lag"], 6);
        let lines = to_lines(&[group]).join("\n");
        assert_eq!(
            lines.split_whitespace().collect::<Vec<_>>(),
            expected.split_whitespace().collect::<Vec<_>>()
        );
    }
}
