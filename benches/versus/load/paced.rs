//! Records that come when they come, whether the broker is fast or not (an open loop): a latency is counted
//! from when a record was to be sent, so that one that had to wait for others says so.

use std::time::Duration;

use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::latencies::Latencies;

/// Deliveries that may wait to be looked at. Beyond it the loop is open no more, and it panics.
const WAITING_MAX: usize = 1 << 20;

/// One record a request, so many a second, to each partition in turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) partitions: i32,
    pub(crate) record_bytes: usize,
    pub(crate) per_second: u32,
    pub(crate) lasts: Duration,
}

/// When the record of a number was to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    begins: Instant,
    per_second: u32,
}

impl Schedule {
    pub(crate) fn of(self, number: u64) -> Instant {
        self.begins + Duration::from_secs_f64(number as f64 / f64::from(self.per_second))
    }
}

impl Pace {
    pub(crate) fn records(self) -> u64 {
        (f64::from(self.per_second) * self.lasts.as_secs_f64()) as u64
    }

    /// When each is to be sent, from now on.
    pub(crate) fn schedule(self) -> Schedule {
        Schedule {
            begins: Instant::now() + Duration::from_millis(10),
            per_second: self.per_second,
        }
    }

    /// Sends them to a topic that exists; how long each took. A value begins with the record's number.
    pub(crate) async fn send(self, client: &Client, topic: &str, schedule: Schedule) -> Latencies {
        let mut lanes: Vec<Lane> = Vec::new();
        for partition in 0..self.partitions {
            lanes.push(Lane::start(client, partition));
        }
        let topic = topic.to_owned();
        let runtime = Handle::current();
        // A thread of its own: the runtime's timers are no finer than a millisecond.
        let sending = std::thread::spawn(move || {
            let mut value = vec![0; self.record_bytes];
            for number in 0..self.records() {
                let due = schedule.of(number);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                value[..8].copy_from_slice(&number.to_be_bytes());
                let lane = number % lanes.len() as u64;
                let lane = &mut lanes[usize::try_from(lane).expect("lanes are few")];
                runtime.block_on(lane.send(&topic, &value, due));
            }
            lanes.into_iter().map(Lane::end).collect::<Vec<_>>()
        });
        let ended = tokio::task::spawn_blocking(|| sending.join()).await;
        let ended = ended.expect("waiting for a thread does not panic");
        let mut latencies = Latencies::default();
        for lane in ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
            latencies.merge(lane.await.expect("a collector does not panic"));
        }
        latencies
    }
}

/// A partition with a producer of its own: records of two partitions never share a request.
struct Lane {
    producer: Producer,
    partition: i32,
    waiting: mpsc::Sender<(Instant, ottla_client::producer::Delivery)>,
    collecting: JoinHandle<Latencies>,
}

impl Lane {
    fn start(client: &Client, partition: i32) -> Lane {
        let config = ProducerConfig {
            batch_bytes: 1,
            linger: Duration::ZERO,
            ..ProducerConfig::default()
        };
        let (waiting, sent) = mpsc::channel(WAITING_MAX);
        Lane {
            producer: Producer::new(client, config),
            partition,
            waiting,
            collecting: tokio::spawn(super::collect(sent)),
        }
    }

    async fn send(&mut self, topic: &str, value: &[u8], due: Instant) {
        let record = ProducerRecord {
            topic,
            partition: Some(self.partition),
            value: Some(value),
            ..ProducerRecord::default()
        };
        let delivery = self.producer.send(record).await;
        let delivery =
            delivery.unwrap_or_else(|error| panic!("{topic}-{}: {error}", self.partition));
        self.waiting
            .try_send((due, delivery))
            .expect("the broker is far slower than the pace");
    }

    fn end(self) -> JoinHandle<Latencies> {
        self.collecting
    }
}

/// One record a request to one partition, as many as go with five in flight.
pub(crate) async fn one_by_one(client: &Client, topic: &str, records: u64, value: &[u8]) {
    /// Records that may wait: enough that five requests are always under way.
    const WINDOW: usize = 64;
    let config = ProducerConfig {
        batch_bytes: 1,
        linger: Duration::ZERO,
        ..ProducerConfig::default()
    };
    let producer = Producer::new(client, config);
    let (waiting, sent) = mpsc::channel(WINDOW);
    let collecting = tokio::spawn(super::collect(sent));
    let record = ProducerRecord {
        topic,
        partition: Some(0),
        value: Some(value),
        ..ProducerRecord::default()
    };
    for _ in 0..records {
        let begun = Instant::now();
        let delivery = producer.send(record).await;
        let delivery = delivery.unwrap_or_else(|error| panic!("{topic}: {error}"));
        let waits = waiting.send((begun, delivery)).await;
        waits.expect("whoever waits for deliveries waits for all");
    }
    drop(waiting);
    collecting.await.expect("a collector does not panic");
}
