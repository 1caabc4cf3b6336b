//! `ottla perf e2e`: from one end of the cluster to the other.
//!
//! | at | bytes | of a record's value |
//! |---|---|---|
//! | 0 | 8 | the run: records of others are passed over |
//! | 8 | 8 | when it was due, in nanoseconds of the run |
//! | 16 | rest | noise |

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use ottla_client::producer::{Producer, ProducerRecord};
use ottla_client::{
    Client, Consumer, ConsumerConfig, Isolation, OffsetSpec, StartFrom, TopicPartition,
};
use ottla_platform::seed::Random;

use super::consume::all_from;
use super::load::{Load, payload};
use super::measure::Measure;
use super::pace::Pace;
use crate::connect::Connect;
use crate::durations::parse_duration;
use crate::failure::Failure;

/// Run and time.
const HEAD_BYTES: usize = 16;

/// Send records, read them back, and measure how long each takes from end to end
///
/// Latency is the time from when a record was due to when the consumer has it. Without --rate records are due as
/// fast as they can be sent, so that latency is mostly waiting in queues.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla perf e2e --rate 1000 --records 30000
  ottla perf e2e --rate 200 --record-size 100 --acks 1 --json | jq .latency_ms.p99")]
pub(crate) struct E2e {
    #[command(flatten)]
    load: Load,

    /// Give up when no record came back for so long
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,

    /// Print the summary as a JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl E2e {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if (self.load.record_size as usize) < HEAD_BYTES {
            return Err(Failure::Usage(format!(
                "--record-size is at least {HEAD_BYTES} here: a record carries its time"
            )));
        }
        let (client, config) = self.load.prepare(&self.connect).await?;
        // The ends of now, found before the first record is sent: none of this run can be missed.
        let starts = ends(&client, &self.load.topic).await?;
        let consumer = Consumer::new(&client, ConsumerConfig::default(), starts);
        let producer = Producer::new(&client, config);
        let run = Random::from_system().next_u64();
        let pace = Pace::start(self.load.rate, Instant::now());
        let sending = self.send(&producer, pace, run);
        let receiving = self.receive(consumer, pace, run);
        let (_, measure) = tokio::try_join!(sending, receiving)?;
        measure.print(self.json, Instant::now())?;
        producer.close().await;
        Ok(())
    }

    async fn send(&self, producer: &Producer, pace: Pace, run: u64) -> Result<(), Failure> {
        let mut value = payload(self.load.record_size as usize);
        value[..8].copy_from_slice(&run.to_be_bytes());
        let mut last = None;
        for number in 0..self.load.records {
            let due = pace.wait(number).await;
            let ns = due.duration_since(pace.started()).as_nanos();
            let ns = u64::try_from(ns).unwrap_or(u64::MAX);
            value[8..HEAD_BYTES].copy_from_slice(&ns.to_be_bytes());
            let record = ProducerRecord {
                topic: &self.load.topic,
                value: Some(&value),
                ..ProducerRecord::default()
            };
            last = Some(producer.send(record).await.map_err(Failure::failed)?);
        }
        producer.flush().await;
        // A record that is lost shows in what comes back; the last one says why at once.
        match last {
            Some(delivery) => delivery.wait().await.map(drop).map_err(Failure::failed),
            None => Ok(()),
        }
    }

    async fn receive(
        &self,
        mut consumer: Consumer,
        pace: Pace,
        run: u64,
    ) -> Result<Measure, Failure> {
        let mut measure = Measure::start(pace.started());
        while measure.records() < self.load.records {
            let fetched = tokio::time::timeout(self.timeout, consumer.next()).await;
            let Ok(fetched) = fetched else {
                let (came, sent) = (measure.records(), self.load.records);
                return Err(Failure::Failed(format!(
                    "only {came} of {sent} records came back"
                )));
            };
            let fetched = fetched.map_err(Failure::failed)?;
            let now = Instant::now();
            for record in fetched.records() {
                let record = record.map_err(Failure::failed)?;
                let value = record.value.as_deref().unwrap_or_default();
                if let Some(due) = due_of(value, run) {
                    let took = now.duration_since(pace.started()).saturating_sub(due);
                    measure.arrived(value.len(), Some(took));
                }
            }
            measure.look(now);
        }
        Ok(measure)
    }
}

/// When a record of this run was due, since its start.
fn due_of(value: &[u8], run: u64) -> Option<Duration> {
    let head: &[u8; HEAD_BYTES] = value.first_chunk()?;
    let (of, at) = head.split_at(8);
    (of == run.to_be_bytes()).then_some(())?;
    Some(Duration::from_nanos(u64::from_be_bytes(*at.first_chunk()?)))
}

async fn ends(
    client: &Client,
    topic: &str,
) -> Result<BTreeMap<TopicPartition, StartFrom>, Failure> {
    let partitions = all_from(client, topic, StartFrom::Latest).await?;
    let questions = partitions
        .into_keys()
        .map(|partition| (partition, OffsetSpec::Latest));
    let admin = client.admin();
    let found = admin
        .list_offsets(questions.collect(), Isolation::ReadUncommitted)
        .await;
    let starts = found
        .into_iter()
        .map(|(partition, found)| Ok((partition, StartFrom::Offset(found?.offset))));
    starts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_of_the_run_have_a_time() {
        let value = [7u64.to_be_bytes(), 5u64.to_be_bytes()].concat();
        assert_eq!(due_of(&value, 7), Some(Duration::from_nanos(5)));
        assert_eq!(due_of(&value, 8), None);
        assert_eq!(due_of(&value[..15], 7), None);
    }
}
