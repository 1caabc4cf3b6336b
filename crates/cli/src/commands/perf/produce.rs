//! `ottla perf produce`.

use std::time::Instant;

use clap::Args;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use ottla_client::producer::{Delivery, ProduceError, Producer, ProducerRecord};
use tokio::sync::mpsc;

use super::load::{Load, payload};
use super::measure::Measure;
use super::pace::Pace;
use crate::connect::Connect;
use crate::failure::Failure;

/// Promises between the one who sends and the one who waits for them.
const HANDED_OVER_MAX: usize = 10_000;

/// Send records and measure how fast they are acknowledged
///
/// Latency is the time from when a record was due to its acknowledgement: with --rate it is due at its time in the
/// plan, so that a stall counts for every record that it delays.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla perf produce --records 1000000 --record-size 100
  ottla perf produce --rate 5000 --acks 1 --topic load --partitions 12
  ottla perf produce -n 200000 --compression lz4 --linger-ms 10 --json | jq .latency_ms")]
pub(crate) struct Produce {
    #[command(flatten)]
    load: Load,

    /// Print the summary as a JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// A record on its way.
struct Sent {
    due: Instant,
    delivery: Delivery,
}

impl Produce {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (client, config) = self.load.prepare(&self.connect).await?;
        let producer = Producer::new(&client, config);
        let pace = Pace::start(self.load.rate, Instant::now());
        let (sender, receiver) = mpsc::channel(HANDED_OVER_MAX);
        let collecting = tokio::spawn(collect(
            receiver,
            self.load.record_size as usize,
            pace.started(),
        ));
        let sent = self.send(&producer, pace, sender).await;
        let collected = collecting.await.map_err(Failure::failed)?;
        // Why a record was lost says more than that no more were taken.
        let measure = collected.map_err(Failure::failed)?;
        sent?;
        measure.print(self.json, Instant::now())?;
        producer.close().await;
        Ok(())
    }

    async fn send(
        &self,
        producer: &Producer,
        pace: Pace,
        sender: mpsc::Sender<Sent>,
    ) -> Result<(), Failure> {
        let value = payload(self.load.record_size as usize);
        for number in 0..self.load.records {
            let due = pace.wait(number).await;
            let record = ProducerRecord {
                topic: &self.load.topic,
                value: Some(&value),
                ..ProducerRecord::default()
            };
            let delivery = producer.send(record).await.map_err(Failure::failed)?;
            if sender.send(Sent { due, delivery }).await.is_err() {
                // The one who waits has given up, and says why.
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Waits for the promises in whatever order they are kept; the first that is broken ends it.
async fn collect(
    mut receiver: mpsc::Receiver<Sent>,
    bytes: usize,
    started: Instant,
) -> Result<Measure, ProduceError> {
    let mut measure = Measure::start(started);
    let mut open = FuturesUnordered::new();
    let mut has_more = true;
    while has_more || !open.is_empty() {
        tokio::select! {
            sent = receiver.recv(), if has_more => match sent {
                Some(Sent { due, delivery }) => {
                    open.push(async move { (due, delivery.wait().await) });
                }
                None => has_more = false,
            },
            Some((due, delivered)) = open.next(), if !open.is_empty() => {
                delivered?;
                let now = Instant::now();
                measure.arrived(bytes, Some(now.duration_since(due)));
                measure.look(now);
            }
        }
    }
    Ok(measure)
}
