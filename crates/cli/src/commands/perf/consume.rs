//! `ottla perf consume`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use ottla_client::{Client, Consumer, ConsumerConfig, IfMissing, StartFrom, TopicPartition};

use super::measure::Measure;
use crate::connect::Connect;
use crate::durations::parse_duration;
use crate::failure::Failure;
use crate::properties::{Property, parse_property};

/// Read records from a topic's beginning and measure how fast they come
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla perf consume --topic load --records 1000000
  ottla perf consume --topic load -n 100000 -X fetch.min.bytes=100000 --json")]
pub(crate) struct Consume {
    /// The topic
    #[arg(long, value_name = "TOPIC", default_value = "ottla-perf")]
    topic: String,

    /// How many records are read
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,

    /// Give up when no record came for so long
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,

    /// A setting of the consumer by Kafka's name; may be repeated
    #[arg(short = 'X', long, value_name = "NAME=VALUE", value_parser = parse_property)]
    property: Vec<Property>,

    /// Print the summary as a JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl Consume {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut config = ConsumerConfig::default();
        let taker = &mut |name: &str, value: &str| config.set(name, value);
        let client = self.connect.client(&self.property, taker).await?;
        let starts = all_from(&client, &self.topic, StartFrom::Earliest).await?;
        let mut consumer = Consumer::new(&client, config, starts);
        let mut measure = Measure::start(Instant::now());
        let mut has_ended_early = false;
        while measure.records() < self.records && !has_ended_early {
            let Ok(fetched) = tokio::time::timeout(self.timeout, consumer.next()).await else {
                has_ended_early = true;
                continue;
            };
            let fetched = fetched.map_err(Failure::failed)?;
            for record in fetched.records() {
                if measure.records() >= self.records {
                    break;
                }
                let record = record.map_err(Failure::failed)?;
                let bytes =
                    |part: &Option<bytes::Bytes>| part.as_ref().map_or(0, |part| part.len());
                measure.arrived(bytes(&record.key) + bytes(&record.value), None);
            }
            measure.look(Instant::now());
        }
        measure.print(self.json, Instant::now())?;
        if has_ended_early {
            let (came, wanted) = (measure.records(), self.records);
            return Err(Failure::Failed(format!(
                "only {came} of {wanted} records came"
            )));
        }
        Ok(())
    }
}

/// All partitions of a topic from the same place.
pub(super) async fn all_from(
    client: &Client,
    topic: &str,
    start: StartFrom,
) -> Result<BTreeMap<TopicPartition, StartFrom>, Failure> {
    let topic = client.topic(topic, IfMissing::Fail).await?;
    let numbers = (0..).zip(&topic.partitions).map(|(number, _)| number);
    let named = numbers.map(|number| (TopicPartition::new(topic.name.clone(), number), start));
    Ok(named.collect())
}
