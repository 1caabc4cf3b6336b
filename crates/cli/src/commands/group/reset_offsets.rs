//! `ottla group reset-offsets`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::{ArgGroup, Args};
use ottla_client::admin::CommittedOffset;
use ottla_client::{Client, OffsetSpec, TopicPartition};
use ottla_platform::clock::{Clock, SystemClock};
use ottla_protocol::ErrorCode;
use serde_json::json;

use super::positions::{self, number_or_dash};
use super::selection::{self, Selection, parse_selection};
use super::target::{Known, Target, parse_to};
use crate::connect::Connect;
use crate::durations::parse_duration;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;
use crate::table;

/// Move a group to other offsets; without --execute only show to which
///
/// Only while no member is in the group. Offsets outside of a log are moved to its nearer end, with a warning.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("which").required(true),
    group = ArgGroup::new("where").required(true),
    after_help = "\
Examples:
  ottla group reset-offsets billing --topic orders --to earliest
  ottla group reset-offsets billing --topic orders:0,1 --to 1200 --execute
  ottla group reset-offsets billing --all-topics --to @2026-11-23T10:00:00Z --execute
  ottla group reset-offsets billing --all-topics --by-duration 2h --execute
  ottla group reset-offsets billing --topic orders --shift-by -100 --execute")]
pub(crate) struct ResetOffsets {
    /// The group's id; one that is not there comes to be
    #[arg(value_name = "GROUP")]
    group: String,

    /// A topic, or some of its partitions; may be repeated
    #[arg(short, long, value_name = "TOPIC[:0,1…]", value_parser = parse_selection, group = "which")]
    topic: Vec<Selection>,

    /// All partitions in which the group has committed an offset
    #[arg(long, group = "which")]
    all_topics: bool,

    /// To where: earliest, latest, an offset, or @ and a moment (@2026-11-23T10:00:00Z, @2026-11-23, @-2h)
    #[arg(long, value_name = "WHERE", value_parser = parse_to, group = "where")]
    to: Option<Target>,

    /// So many records onward from the committed offset, or back if it is less than none
    #[arg(
        long,
        value_name = "COUNT",
        allow_negative_numbers = true,
        group = "where"
    )]
    shift_by: Option<i64>,

    /// To the first record that is no older than this, such as 2h
    #[arg(long, value_name = "TIME", value_parser = parse_duration, group = "where")]
    by_duration: Option<Duration>,

    /// Do it
    #[arg(long)]
    execute: bool,

    /// Print a JSON object a partition
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// What is to become of one partition.
struct Step {
    partition: TopicPartition,
    from: Option<i64>,
    to: i64,
}

impl ResetOffsets {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let target = self.target()?;
        let client = self.connect.plain_client().await?;
        self.check_empty(&client).await?;
        let plan = self.plan(&client, &target).await?;
        self.print(&plan)?;
        if !self.execute {
            eprintln!("nothing is changed: say --execute to do it");
            return Ok(());
        }
        if plan.is_empty() {
            return Ok(());
        }
        let offsets: BTreeMap<TopicPartition, CommittedOffset> = plan
            .iter()
            .map(|step| (step.partition.clone(), CommittedOffset::new(step.to)))
            .collect();
        let admin = client.admin();
        let outcomes = admin.commit_group_offsets(&self.group, &offsets).await?;
        let mut count = 0;
        tell_each(outcomes.into_values(), |()| {
            count += 1;
            Ok(())
        })?;
        eprintln!("group {}: {count} offsets set", self.group);
        Ok(())
    }

    fn target(&self) -> Result<Target, Failure> {
        let shifted = self.shift_by.map(Target::ShiftBy);
        let aged = self.by_duration.map(Target::ByDuration);
        let target = self.to.clone().or(shifted).or(aged);
        target.ok_or_else(|| Failure::Usage("it is not said where to".to_owned()))
    }

    /// Offsets of a group with members are the members' to set.
    async fn check_empty(&self, client: &Client) -> Result<(), Failure> {
        match client.admin().describe_group(&self.group).await {
            Ok(group) if group.state == "Empty" => Ok(()),
            Ok(group) => Err(Failure::Failed(format!(
                "group {} is in state {} with {} members: offsets can be reset while it is Empty",
                group.id,
                group.state,
                group.members.len()
            ))),
            Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn plan(&self, client: &Client, target: &Target) -> Result<Vec<Step>, Failure> {
        let committed = positions::committed(client, &self.group).await?;
        let partitions: BTreeSet<TopicPartition> = if self.all_topics {
            committed.keys().cloned().collect()
        } else {
            selection::partitions(client, &self.topic).await?
        };
        if partitions.is_empty() {
            eprintln!("group {} has committed no offset", self.group);
        }
        let now_ms = SystemClock::default().now_ms();
        let moment = target.moment(now_ms).map_err(Failure::Usage)?;
        let starts = offsets(client, &partitions, OffsetSpec::Earliest).await?;
        let ends = offsets(client, &partitions, OffsetSpec::Latest).await?;
        let at_moment = match moment {
            Some(moment) => offsets(client, &partitions, moment).await?,
            None => BTreeMap::new(),
        };
        let mut plan = Vec::new();
        for partition in partitions {
            let from = committed.get(&partition).map(|committed| committed.offset);
            let known = Known {
                start: starts.get(&partition).copied().unwrap_or(0),
                end: ends.get(&partition).copied().unwrap_or(0),
                committed: from,
                // −1 says that there is none.
                at_moment: at_moment
                    .get(&partition)
                    .copied()
                    .filter(|&offset| offset >= 0),
            };
            let decision = target
                .decide(known)
                .map_err(|reason| Failure::Failed(format!("{partition}: {reason}")))?;
            if let Some(warning) = decision.warning {
                eprintln!("warning: {partition}: {warning}");
            }
            plan.push(Step {
                partition,
                from,
                to: decision.offset,
            });
        }
        Ok(plan)
    }

    fn print(&self, plan: &[Step]) -> Result<(), Failure> {
        let mut output = Output::new();
        if self.json {
            for step in plan {
                output.json(&json!({
                    "group": self.group,
                    "topic": step.partition.topic.as_ref(),
                    "partition": step.partition.partition,
                    "committed_offset": step.from,
                    "new_offset": step.to,
                    "execute": self.execute,
                }))?;
            }
        } else if !plan.is_empty() {
            let rows: Vec<Vec<String>> = plan.iter().map(Step::cells).collect();
            for line in table::lines(&["TOPIC", ">PARTITION", ">COMMITTED", ">NEW"], &rows) {
                output.line(&line)?;
            }
        }
        Ok(output.finish()?)
    }
}

impl Step {
    fn cells(&self) -> Vec<String> {
        vec![
            self.partition.topic.to_string(),
            self.partition.partition.to_string(),
            number_or_dash(self.from),
            self.to.to_string(),
        ]
    }
}

async fn offsets(
    client: &Client,
    partitions: &BTreeSet<TopicPartition>,
    spec: OffsetSpec,
) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let found = positions::find(client, partitions, spec).await;
    let found = found
        .into_iter()
        .map(|(partition, found)| Ok((partition, found?.offset)));
    found.collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        reset: ResetOffsets,
    }

    fn parse(line: &str) -> Result<ResetOffsets, clap::Error> {
        let line = format!("reset-offsets {line}");
        Line::try_parse_from(line.split_whitespace()).map(|line| line.reset)
    }

    #[test]
    fn where_from_and_where_to_are_taken() {
        let reset = parse("g -t a -t b:1 --shift-by -5").unwrap();
        assert_eq!((reset.topic.len(), reset.execute), (2, false));
        assert_eq!(reset.target().unwrap(), Target::ShiftBy(-5));
        let reset = parse("g --all-topics --by-duration 2h --execute").unwrap();
        assert_eq!(
            reset.target().unwrap(),
            Target::ByDuration(Duration::from_secs(7200))
        );
    }

    #[test]
    fn one_of_each_is_needed_and_no_two_places() {
        for line in [
            "g --to earliest",
            "g --all-topics",
            "g -t a --all-topics --to latest",
            "g -t a --to latest --shift-by 1",
            "g -t a --to nowhere",
            "-t a --to latest",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
