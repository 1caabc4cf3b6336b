//! Writers, one per partition, that send a record when the one before is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use parking_lot::Mutex;
use tokio::task::JoinSet;

pub(crate) const TOPIC: &str = "written";

/// Between two records of a partition. The fault comes at any time of it.
const REST: Duration = Duration::from_millis(2);

/// What writers saw since they were asked to look.
#[derive(Debug, Clone, Copy)]
struct Watch {
    since: Instant,
    /// The first acknowledgement of a record that was sent since.
    next: Option<Instant>,
    /// The last acknowledgement, and the longest time between two.
    last: Instant,
    longest: Duration,
}

/// All writers.
pub(crate) struct Writers {
    watches: Arc<Vec<Mutex<Watch>>>,
    stop: Arc<AtomicBool>,
    lanes: JoinSet<()>,
}

impl Writers {
    pub(crate) fn start(client: &Client, partitions: i32) -> Writers {
        let config = ProducerConfig {
            linger: Duration::ZERO,
            ..ProducerConfig::default()
        };
        let producer = Arc::new(Producer::new(client, config));
        let fresh = |_| Mutex::new(Watch::new());
        let watches = Arc::new((0..partitions).map(fresh).collect::<Vec<_>>());
        let stop = Arc::new(AtomicBool::new(false));
        let mut lanes = JoinSet::new();
        for (index, partition) in (0..partitions).enumerate() {
            let (producer, watches, stop) = (producer.clone(), watches.clone(), stop.clone());
            lanes.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let sent = Instant::now();
                    write(&producer, partition).await;
                    watches[index].lock().acknowledge(sent);
                    tokio::time::sleep(REST).await;
                }
            });
        }
        Writers {
            watches,
            stop,
            lanes,
        }
    }

    /// Begins to look, now.
    pub(crate) fn watch(&self) {
        for watch in self.watches.iter() {
            *watch.lock() = Watch::new();
        }
    }

    /// From the beginning of the look to the first acknowledgement of a record that was sent later.
    pub(crate) async fn until_next(&self, partition: usize) -> Duration {
        loop {
            let watch = *self.watches[partition].lock();
            if let Some(next) = watch.next {
                return next - watch.since;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// The longest between two acknowledgements, or that one has been waited for.
    pub(crate) fn longest_silence(&self, partition: usize) -> Duration {
        let watch = *self.watches[partition].lock();
        watch.longest.max(watch.last.elapsed())
    }

    /// Ends when all that was sent is acknowledged.
    pub(crate) async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.lanes.join_all().await;
    }
}

impl Watch {
    fn new() -> Watch {
        let now = Instant::now();
        Watch {
            since: now,
            next: None,
            last: now,
            longest: Duration::ZERO,
        }
    }

    fn acknowledge(&mut self, sent: Instant) {
        let now = Instant::now();
        if sent >= self.since {
            self.next.get_or_insert(now);
        }
        self.longest = self.longest.max(now.saturating_duration_since(self.last));
        self.last = now;
    }
}

/// Writes one record, however long it takes.
pub(crate) async fn write(producer: &Producer, partition: i32) {
    let record = ProducerRecord {
        topic: TOPIC,
        partition: Some(partition),
        value: Some(b"a record"),
        ..ProducerRecord::default()
    };
    let outcome = async { producer.send(record).await?.wait().await };
    if let Err(error) = outcome.await {
        panic!("{TOPIC}-{partition}: {error}");
    }
}
