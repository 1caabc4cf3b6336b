//! Producers that go on through crashes, and the book of what was acknowledged to them.
//!
//! A *lane* is one task that sends to one partition through one idempotent producer and counts its
//! records. A record may wait as long as it takes for the broker to come back; one that fails ends
//! the test, because no crash gives an idempotent producer a reason to fail.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use tokio::task::JoinSet;

use crate::run::Plan;
use crate::value::{self, Identity};

/// Records of a lane that may wait for their acknowledgement.
const WINDOW: usize = 200;
/// Records after which a lane that is not to be too fast looks at the clock.
const RESTS_AFTER: u64 = 20;

/// The offsets acknowledged to a lane, by sequence. `None`: acknowledged, but the broker did not
/// say where, because the first acknowledgement was lost in a crash.
pub(crate) type Acknowledged = Vec<Option<i64>>;

/// What was acknowledged to all lanes so far; a lane is a place in the list.
#[derive(Clone, Default)]
pub(crate) struct Book {
    lanes: Arc<Mutex<Vec<Acknowledged>>>,
    silences: Arc<Mutex<Silences>>,
}

/// How long lanes had to wait for the next acknowledgement.
#[derive(Default)]
struct Silences {
    last: BTreeMap<u64, Instant>,
    longest: Duration,
}

impl Book {
    /// What is in it now.
    pub(crate) fn copy(&self) -> Vec<Acknowledged> {
        self.lanes.lock().expect("no panic while locked").clone()
    }

    /// Begins to watch for silences.
    pub(crate) fn watch(&self) {
        let mut silences = self.silences.lock().expect("no panic while locked");
        silences.longest = Duration::ZERO;
    }

    /// The longest that a lane has waited for an acknowledgement since.
    pub(crate) fn longest_silence(&self) -> Duration {
        let silences = self.silences.lock().expect("no panic while locked");
        let lasting = silences.last.values().map(Instant::elapsed);
        lasting.fold(silences.longest, Duration::max)
    }

    fn open_lane(&self) -> u64 {
        let mut lanes = self.lanes.lock().expect("no panic while locked");
        lanes.push(Vec::new());
        u64::try_from(lanes.len() - 1).expect("there are few lanes")
    }

    fn acknowledge(&self, lane: u64, offset: Option<i64>) {
        let now = Instant::now();
        let mut silences = self.silences.lock().expect("no panic while locked");
        if let Some(last) = silences.last.insert(lane, now) {
            silences.longest = silences.longest.max(now - last);
        }
        drop(silences);
        let mut lanes = self.lanes.lock().expect("no panic while locked");
        lanes[usize::try_from(lane).expect("there are few lanes")].push(offset);
    }
}

/// One producer with a lane for each partition.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    lanes: JoinSet<()>,
}

impl Load {
    /// Starts sending.
    pub(crate) fn start(
        client: &Client,
        topic: &'static str,
        partitions: i32,
        plan: &Plan,
        book: &Book,
    ) -> Load {
        let producer = Arc::new(Producer::new(client, ProducerConfig::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut lanes = JoinSet::new();
        for partition in 0..partitions {
            let lane = Lane {
                producer: producer.clone(),
                stop: stop.clone(),
                topic,
                partition,
                seed: plan.seed,
                rate: plan.rate,
                number: book.open_lane(),
                book: book.clone(),
            };
            lanes.spawn(lane.run());
        }
        Load { stop, lanes }
    }

    /// Stops sending and waits until all that was sent is acknowledged.
    pub(crate) async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.lanes.join_all().await;
    }
}

struct Lane {
    producer: Arc<Producer>,
    stop: Arc<AtomicBool>,
    topic: &'static str,
    partition: i32,
    seed: u64,
    /// Records a second, at most.
    rate: Option<NonZeroU32>,
    number: u64,
    book: Book,
}

impl Lane {
    async fn run(self) {
        let mut waiting = VecDeque::with_capacity(WINDOW);
        let mut sequence = 0;
        let began = tokio::time::Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            if waiting.len() == WINDOW {
                let oldest = waiting.pop_front().expect("the window is full");
                self.take(oldest).await;
            }
            waiting.push_back(self.send(sequence).await);
            sequence += 1;
            if let Some(rate) = self.rate.filter(|_| sequence.is_multiple_of(RESTS_AFTER)) {
                let due = Duration::from_secs(sequence) / rate.get();
                tokio::time::sleep_until(began + due).await;
            }
        }
        for delivery in waiting {
            self.take(delivery).await;
        }
    }

    async fn send(&self, sequence: u64) -> ottla_client::producer::Delivery {
        let identity = Identity {
            lane: self.number,
            sequence,
        };
        let record = ProducerRecord {
            topic: self.topic,
            partition: Some(self.partition),
            value: Some(&value::encode(self.seed, identity)),
            ..ProducerRecord::default()
        };
        let sent = self.producer.send(record).await;
        sent.unwrap_or_else(|error| panic!("{identity:?} could not be sent: {error}"))
    }

    /// Acknowledgements of one partition come in the order of sending.
    async fn take(&self, delivery: ottla_client::producer::Delivery) {
        let outcome = delivery.wait().await;
        let delivered = outcome
            .unwrap_or_else(|error| panic!("a record of lane {} failed: {error}", self.number));
        self.book.acknowledge(self.number, delivered.offset);
    }
}
