//! The command.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ottla_client::consumer::{ConsumeError, Consumer, ConsumerConfig, Fetched, OutOfRange};
use ottla_client::{Client, IfMissing, Isolation, OffsetSpec, StartFrom, TopicPartition};
use ottla_platform::clock::{Clock, SystemClock};

use super::ends::Ends;
use super::format::{Format, parse_template};
use super::start::{From, parse_from};
use crate::connect::Connect;
use crate::durations::parse_duration;
use crate::failure::Failure;
use crate::output::Output;
use crate::properties::{Property, parse_property};

/// Print the records of a topic
///
/// Reads all partitions, or those named, without a consumer group. Records of one partition come in order.
#[derive(Args, Debug)]
#[command(after_help = "\
Format tokens: %s value, %S its size, %k key, %K its size, %t topic, %p partition, %o offset,
%T timestamp in ms, %h headers, %% a percent sign; \\n \\r \\t \\0 \\\\.

Examples:
  ottla consume orders                                       what comes from now on
  ottla consume orders --from earliest --exit-at-end
  ottla consume orders --from -2h --format '%T %k=%s\\n'
  ottla consume orders --partition 0 --offset 1000 --count 1 --json
  ottla consume orders --partition 0 --offset -10 --exit-at-end    the last ten")]
pub(crate) struct Consume {
    /// The topic
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// Where to begin: earliest, latest, a moment (2026-11-23T10:00:00Z, milliseconds since 1970), or a span of time ago (-2h)
    #[arg(short, long, value_name = "WHERE", default_value = "latest", value_parser = parse_from, allow_hyphen_values = true)]
    from: From,

    /// Only this partition; may be repeated
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Vec<i32>,

    /// Begin at this offset of the one partition named; -10 means ten before its end
    #[arg(
        short,
        long,
        value_name = "OFFSET",
        requires = "partition",
        conflicts_with = "from",
        allow_hyphen_values = true
    )]
    offset: Option<i64>,

    /// Stop after so many records
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Stop when no record came for so long, such as 5s; failing if --count asked for more
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// Stop at what was the end of each partition at the start
    #[arg(short, long)]
    exit_at_end: bool,

    /// How a record is printed, see below [default: %s\n]
    #[arg(long, value_name = "TEMPLATE", value_parser = parse_template, conflicts_with = "json")]
    format: Option<Format>,

    /// Print a JSON object a record
    #[arg(long)]
    json: bool,

    /// Whether records of transactions that are open or were aborted are seen
    #[arg(long, value_name = "LEVEL")]
    isolation: Option<Level>,

    /// A setting of the consumer by Kafka's name, such as fetch.max.bytes=1000; may be repeated
    #[arg(short = 'X', long, value_name = "NAME=VALUE", value_parser = parse_property)]
    property: Vec<Property>,

    #[command(flatten)]
    connect: Connect,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// They are
    #[value(name = "read_uncommitted", alias = "uncommitted")]
    ReadUncommitted,
    /// They are not
    #[value(name = "read_committed", alias = "committed")]
    ReadCommitted,
}

impl std::convert::From<Level> for Isolation {
    fn from(level: Level) -> Self {
        match level {
            Level::ReadUncommitted => Isolation::ReadUncommitted,
            Level::ReadCommitted => Isolation::ReadCommitted,
        }
    }
}

impl Consume {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        if self.offset.is_some() && self.partition.len() != 1 {
            return Err(Failure::Usage(
                "--offset needs exactly one --partition".to_owned(),
            ));
        }
        // Records that are gone are skipped; asking for them by number is an error.
        let mut config = ConsumerConfig {
            out_of_range: if self.offset.is_some() {
                OutOfRange::Fail
            } else {
                OutOfRange::Earliest
            },
            ..ConsumerConfig::default()
        };
        let client = self
            .connect
            .client(&self.property, &mut |name, value| config.set(name, value))
            .await?;
        config.isolation = self.isolation.map_or(config.isolation, Isolation::from);
        let partitions = self.partitions(&client).await?;
        let starts = self.starts(&client, &partitions, config.isolation).await?;
        let ends = match self.exit_at_end {
            true => Some(self.ends(&client, &starts, config.isolation).await?),
            false => None,
        };
        let consumer = Consumer::new(&client, config, starts);
        self.print(consumer, ends).await
    }

    async fn partitions(&self, client: &Client) -> Result<Vec<TopicPartition>, Failure> {
        let topic = client.topic(&self.topic, IfMissing::Fail).await?;
        let all = 0..i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        if let Some(missing) = self
            .partition
            .iter()
            .find(|partition| !all.contains(partition))
        {
            return Err(Failure::Failed(format!(
                "topic {} has {} partitions, there is no {missing}",
                topic.name, all.end
            )));
        }
        let numbers = if self.partition.is_empty() {
            all.collect()
        } else {
            self.partition.clone()
        };
        Ok(numbers
            .into_iter()
            .map(|number| TopicPartition::new(topic.name.clone(), number))
            .collect())
    }

    async fn starts(
        &self,
        client: &Client,
        partitions: &[TopicPartition],
        isolation: Isolation,
    ) -> Result<BTreeMap<TopicPartition, StartFrom>, Failure> {
        let start = match self.offset {
            Some(offset @ ..0) => {
                let found = find(client, partitions, OffsetSpec::Latest, isolation).await?;
                let first = find(client, partitions, OffsetSpec::Earliest, isolation).await?;
                let from_end = |partition| {
                    Some(
                        found
                            .get(partition)?
                            .saturating_add(offset)
                            .max(*first.get(partition)?),
                    )
                };
                StartFrom::Offset(partitions.first().and_then(from_end).unwrap_or(0))
            }
            Some(offset) => StartFrom::Offset(offset),
            None => self
                .from
                .resolve(SystemClock::default().now_ms())
                .map_err(Failure::Usage)?,
        };
        Ok(partitions
            .iter()
            .map(|partition| (partition.clone(), start))
            .collect())
    }

    /// The ends as they are now. Where reading begins is looked up as well: nothing may be there to be read.
    async fn ends(
        &self,
        client: &Client,
        starts: &BTreeMap<TopicPartition, StartFrom>,
        isolation: Isolation,
    ) -> Result<Ends, Failure> {
        let partitions: Vec<TopicPartition> = starts.keys().cloned().collect();
        let ends = find(client, &partitions, OffsetSpec::Latest, isolation).await?;
        let begin = match starts.values().next() {
            Some(StartFrom::Offset(offset)) => partitions
                .iter()
                .map(|partition| (partition.clone(), *offset))
                .collect(),
            Some(StartFrom::Timestamp(timestamp)) => {
                find(
                    client,
                    &partitions,
                    OffsetSpec::Timestamp(*timestamp),
                    isolation,
                )
                .await?
            }
            Some(StartFrom::Earliest) => {
                find(client, &partitions, OffsetSpec::Earliest, isolation).await?
            }
            Some(StartFrom::Latest) | None => ends.clone(),
        };
        let all = ends.into_iter().map(|(partition, end)| {
            // No offset is that of a moment behind all records.
            let start = begin
                .get(&partition)
                .copied()
                .filter(|&start| start >= 0)
                .unwrap_or(end);
            (partition, start, end)
        });
        Ok(Ends::new(all))
    }

    async fn print(&self, mut consumer: Consumer, mut ends: Option<Ends>) -> Result<(), Failure> {
        let format = match (&self.format, self.json) {
            (_, true) => Format::Json,
            (Some(format), false) => format.clone(),
            (None, false) => parse_template("%s\\n").map_err(Failure::Usage)?,
        };
        let mut output = Output::new();
        let mut left = self.count.unwrap_or(u64::MAX);
        while left > 0 && ends.as_ref().is_none_or(|ends| !ends.are_reached()) {
            let Some(fetched) = self.next(&mut consumer).await else {
                output.flush()?;
                return self.timed_out(left);
            };
            let fetched = fetched.map_err(Failure::failed)?;
            let end = ends
                .as_ref()
                .map(|ends| ends.of(&fetched.partition).unwrap_or(i64::MIN));
            for record in fetched.records() {
                let record = record.map_err(Failure::failed)?;
                // What came after the start is not asked for.
                if left == 0 || end.is_some_and(|end| record.offset >= end) {
                    break;
                }
                format.write(&fetched.partition, &record, &mut output)?;
                left -= 1;
            }
            if let Some(ends) = &mut ends {
                ends.reached(&fetched.partition, fetched.next_offset);
            }
            output.flush()?;
        }
        Ok(output.finish()?)
    }

    /// The next records; `None` if none come in time.
    async fn next(&self, consumer: &mut Consumer) -> Option<Result<Fetched, ConsumeError>> {
        match self.timeout {
            None => Some(consumer.next().await),
            Some(timeout) => tokio::time::timeout(timeout, consumer.next()).await.ok(),
        }
    }

    fn timed_out(&self, left: u64) -> Result<(), Failure> {
        match self.count {
            Some(count) => Err(Failure::Failed(format!(
                "only {} of {count} records came in time",
                count - left
            ))),
            None => Ok(()),
        }
    }
}

async fn find(
    client: &Client,
    partitions: &[TopicPartition],
    spec: OffsetSpec,
    isolation: Isolation,
) -> Result<BTreeMap<TopicPartition, i64>, Failure> {
    let questions = partitions
        .iter()
        .map(|partition| (partition.clone(), spec))
        .collect();
    let found = client.admin().list_offsets(questions, isolation).await;
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
        consume: Consume,
    }

    fn parse(line: &str) -> Result<Consume, clap::Error> {
        Line::try_parse_from(format!("consume {line}").split_whitespace()).map(|line| line.consume)
    }

    #[test]
    fn where_to_begin_and_when_to_stop_are_taken() {
        let consume = parse("t -f -2h -p 0 -p 3 -n 5 --timeout 1m -e").unwrap();
        assert_eq!(consume.from, From::Moment("-2h".to_owned()));
        assert_eq!((consume.partition, consume.count), (vec![0, 3], Some(5)));
        assert_eq!(
            (consume.timeout, consume.exit_at_end),
            (Some(Duration::from_secs(60)), true)
        );
        assert_eq!(parse("t").unwrap().from, From::Latest);
        assert_eq!(parse("t -p 0 -o -10").unwrap().offset, Some(-10));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "t --from tomorrow",
            "t -p -1",
            "t -o 5",
            "t -p 0 -o 5 --from earliest",
            "t -n 0",
            "t --format %x",
            "t --json --format %s",
            "t --timeout soon",
            "t --isolation none",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[tokio::test]
    async fn an_offset_needs_exactly_one_partition() {
        let consume = parse("t -p 0 -p 1 -o 5").unwrap();
        assert!(matches!(consume.run().await, Err(Failure::Usage(_))));
    }
}
