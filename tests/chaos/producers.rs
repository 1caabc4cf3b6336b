//! Idempotent producers, one for each codec, that send keyed records all the time.
//!
//! Two of them are impatient: they give a record up long before a fault ends, so that some records are in
//! doubt and what comes behind them has to begin anew.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::producer::{Delivery, ProduceError};
use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use ottla_platform::seed::{Random, mix};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::history::{Event, Identity};
use crate::record::Record;
use crate::topics::{TOPICS, place_of};
use crate::value;

/// By producer.
pub(crate) const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
/// How long a producer tries to deliver a record, by turns.
const PATIENCE: [Duration; 2] = [Duration::from_secs(120), Duration::from_secs(6)];
/// Keys of a topic.
const KEYS: u64 = 64;
/// How often each sends some.
const PACE: Duration = Duration::from_millis(50);
/// How many at most at a time: half of it on average.
const BURST_MAX: u64 = 30;
/// Records of a producer without an outcome, at most.
const UNDER_WAY_MAX: usize = 8_000;
/// How long sending may wait for memory.
const BLOCK_MAX: Duration = Duration::from_secs(5);

/// All producers, sending.
pub(crate) struct Producers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Producers {
    /// Starts sending.
    pub(crate) fn start(client: &Client, seed: u64, record: &Record) -> Producers {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for (number, codec) in (0..).zip(CODECS) {
            let sending = Sending {
                number,
                producer: Arc::new(Producer::new(client, config(number, codec))),
                random: Random::new(mix(seed ^ u64::from(number))),
                record: record.clone(),
                under_way: JoinSet::new(),
            };
            tasks.spawn(sending.run(stopped.clone()));
        }
        Producers { stop, tasks }
    }

    /// Stops sending and waits until all that was sent has an outcome.
    pub(crate) async fn finish(self) {
        self.stop.send_replace(true);
        self.tasks.join_all().await;
    }
}

fn config(number: u16, codec: &str) -> ProducerConfig {
    let patience = PATIENCE[usize::from(number) % PATIENCE.len()];
    let mut config = ProducerConfig {
        delivery_timeout: patience,
        block_max: BLOCK_MAX,
        ..ProducerConfig::default()
    };
    let taken = config.set("compression.type", codec);
    assert_eq!(taken, Ok(true), "it is a codec");
    config
}

struct Sending {
    number: u16,
    producer: Arc<Producer>,
    random: Random,
    record: Record,
    /// One task for each record without an outcome.
    under_way: JoinSet<()>,
}

impl Sending {
    async fn run(mut self, stopped: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stopped.borrow() {
            ticks.tick().await;
            for _ in 0..self.random.below(BURST_MAX) {
                if self.under_way.len() < UNDER_WAY_MAX {
                    self.send().await;
                }
            }
            while self.under_way.try_join_next().is_some() {}
        }
        self.under_way.join_all().await;
    }

    async fn send(&mut self) {
        let key = u32::try_from(self.random.below(KEYS)).expect("there are few keys");
        let topic = TOPICS[usize::from(self.random.chance(1, 3))].name;
        let identity = Identity::new(self.number, self.record.send(self.number));
        let record = ProducerRecord {
            topic,
            key: Some(&key.to_be_bytes()),
            value: Some(&value::encode(identity, key)),
            ..ProducerRecord::default()
        };
        match self.producer.send(record).await {
            Ok(delivery) => {
                let outcome = outcome(delivery, identity, self.record.clone());
                self.under_way.spawn(outcome);
            }
            Err(error) => refused(&self.record, &error),
        }
    }
}

async fn outcome(delivery: Delivery, identity: Identity, record: Record) {
    match delivery.wait().await {
        Ok(delivered) => {
            let partition = place_of(&delivered.partition);
            record.see(match delivered.offset {
                Some(offset) => Event::Acknowledged {
                    partition,
                    record: identity,
                    offset,
                },
                None => Event::AcknowledgedSomewhere {
                    partition,
                    record: identity,
                },
            });
        }
        Err(ProduceError::TimedOut { .. }) => record.count(|counts| counts.unknown += 1),
        Err(error) => refused(&record, &error),
    }
}

/// A record that was refused may be in the log all the same: by an attempt whose answer got lost.
fn refused(record: &Record, error: &ProduceError) {
    let reason = match error {
        ProduceError::Refused { code, .. } => code.name().to_owned(),
        ProduceError::BufferFull(_) => "buffer full".to_owned(),
        other => other.to_string(),
    };
    record.count(|counts| *counts.refused.entry(reason).or_default() += 1);
}
