//! Compaction of the logs that are due, the dirtiest first, no faster than it may.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use ottla_platform::clock::Clock;
use ottla_platform::disk::is_exhaustion;
use ottla_platform::work::blocking;
use ottla_storage::{Cleaned, Cleaning, CleaningOptions, Identity, Need, is_damage};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;
use crate::partition::Partition;

/// Read at once.
const PIECE_BYTES: u64 = 1 << 20;
/// How long a log that could not be compacted is left alone.
const REST: Duration = Duration::from_secs(60);

/// How logs are compacted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CleanerPace {
    /// Logs that are compacted at once; with none, no log is (`log.cleaner.threads`).
    pub threads: usize,
    /// Pause when no log is due (`log.cleaner.backoff.ms`).
    pub backoff: Duration,
    /// Bytes read and written per second, all together (`log.cleaner.io.max.bytes.per.second`).
    pub bytes_per_second: f64,
    /// Memory for the newest offset of each key, all together (`log.cleaner.dedupe.buffer.size`).
    pub memory_bytes: usize,
    /// How full that may become (`log.cleaner.io.buffer.load.factor`).
    pub load_factor: f64,
}

/// What compaction has done, and has to do.
#[derive(Debug, Default)]
pub struct CleanerStats {
    /// Passes over a log.
    pub passes: AtomicU64,
    /// Bytes of segments that were written anew, before.
    pub read_bytes: AtomicU64,
    /// The same, after.
    pub written_bytes: AtomicU64,
    /// Passes that failed.
    pub failures: AtomicU64,
    /// The share of the dirtiest log that was not compacted, in percent, when logs were looked at last.
    pub dirtiest_percent: AtomicU64,
}

/// See the file's head.
pub struct Cleaner {
    cluster: Option<Arc<Cluster>>,
    clock: Arc<dyn Clock>,
    pace: CleanerPace,
    stats: Arc<CleanerStats>,
    busy: Mutex<Busy>,
}

/// Logs that nobody else is to begin with.
#[derive(Default)]
struct Busy {
    now: BTreeSet<Identity>,
    /// Until when.
    resting: BTreeMap<Identity, Instant>,
}

impl Cleaner {
    pub(crate) fn new(
        cluster: Option<Arc<Cluster>>,
        clock: Arc<dyn Clock>,
        pace: CleanerPace,
    ) -> Cleaner {
        Cleaner {
            cluster,
            clock,
            pace,
            stats: Arc::default(),
            busy: Mutex::default(),
        }
    }

    /// What it has done.
    pub fn stats(&self) -> Arc<CleanerStats> {
        Arc::clone(&self.stats)
    }

    /// Does so for those of the partitions that are open here, as long as it is polled.
    pub async fn run(self, partitions: impl Fn() -> Vec<Partition>) {
        let one = || async {
            loop {
                match self.dirtiest(partitions()).await {
                    Some((partition, need)) => self.clean(&partition, need).await,
                    None => sleep(self.pace.backoff).await,
                }
            }
        };
        join_all((0..self.pace.threads).map(|_| one())).await;
    }

    /// The dirtiest partition that is due, which is busy from now on.
    async fn dirtiest(&self, partitions: Vec<Partition>) -> Option<(Partition, Need)> {
        let now_ms = self.clock.now_ms();
        let mut dirtiest: Option<(Partition, Need)> = None;
        let mut most: f64 = 0.0;
        for partition in partitions {
            if !partition.log().is_compacted() || self.is_busy(&partition) {
                continue;
            }
            let of = partition.clone();
            let stable_end = partition.watermarks().last_stable_offset;
            let looked = blocking(move || of.log().compaction_need(now_ms, stable_end)).await;
            let need = match looked.and_then(|need| need) {
                Ok(Some(need)) => need,
                Ok(None) => continue,
                Err(error) => {
                    self.failed(&partition, &error);
                    continue;
                }
            };
            most = most.max(need.dirty_ratio);
            let is_dirtier = |(_, other): &(Partition, Need)| need.dirty_ratio > other.dirty_ratio;
            if need.is_due && dirtiest.as_ref().is_none_or(is_dirtier) {
                dirtiest = Some((partition, need));
            }
        }
        let percent = (most * 100.0) as u64;
        self.stats
            .dirtiest_percent
            .store(percent, Ordering::Relaxed);
        let (partition, need) = dirtiest?;
        let is_free = self.busy.lock().now.insert(partition.log().identity());
        is_free.then_some((partition, need))
    }

    fn is_busy(&self, partition: &Partition) -> bool {
        let log = partition.log().identity();
        let mut busy = self.busy.lock();
        busy.resting.retain(|_, until| *until > Instant::now());
        busy.now.contains(&log) || busy.resting.contains_key(&log)
    }

    async fn clean(&self, partition: &Partition, need: Need) {
        let log = partition.log().identity();
        let begun = Instant::now();
        let result = self.pass(partition, need).await;
        self.busy.lock().now.remove(&log);
        match result {
            Ok(cleaned) => self.succeeded(log, cleaned, begun.elapsed()),
            Err(error) => self.failed(partition, &error),
        }
    }

    async fn pass(&self, partition: &Partition, need: Need) -> io::Result<Cleaned> {
        let options = CleaningOptions {
            now_ms: self.clock.now_ms(),
            memory_bytes: self.pace.memory_bytes / self.pace.threads.max(1),
            load_factor: self.pace.load_factor,
            settled: self.settled(partition).await?,
        };
        let log = partition.log().clone();
        let mut cleaning = blocking(move || log.clean(need, options)).await??;
        loop {
            let begun = Instant::now();
            let went_on = blocking(move || (cleaning.go_on(PIECE_BYTES), cleaning)).await?;
            cleaning = went_on.1;
            let Some(bytes) = went_on.0? else {
                return Ok(Cleaning::cleaned(&cleaning));
            };
            let share = self.pace.bytes_per_second / self.pace.threads.max(1) as f64;
            let least = Duration::try_from_secs_f64(bytes as f64 / share).unwrap_or(REST);
            // the shortest sleep is a millisecond, about as long as the piece took
            if let Some(rest) = least.checked_sub(begun.elapsed()) {
                sleep(rest).await;
            }
        }
    }

    /// Below which offset nobody needs what takes something back.
    async fn settled(&self, partition: &Partition) -> io::Result<i64> {
        let log = partition.log().clone();
        let own = blocking(move || log.compacted_to()).await??;
        if partition.is_leader() {
            let by_all = match &self.cluster {
                Some(cluster) => cluster.compacted_by_all(partition, own).await,
                None => Some(own),
            };
            by_all.inspect(|offset| partition.shared.note_compacted_by_all(*offset));
        }
        Ok(partition.shared.compacted_by_all())
    }

    fn succeeded(&self, log: Identity, cleaned: Cleaned, took: Duration) {
        let add = |counter: &AtomicU64, value| counter.fetch_add(value, Ordering::Relaxed);
        add(&self.stats.passes, 1);
        add(&self.stats.read_bytes, cleaned.read_bytes);
        add(&self.stats.written_bytes, cleaned.written_bytes);
        tracing::info!(
            %log,
            keys = cleaned.keys,
            before_bytes = cleaned.read_bytes,
            after_bytes = cleaned.written_bytes,
            seconds = took.as_secs_f64(),
            "compacted a log up to offset {}",
            cleaned.end
        );
    }

    fn failed(&self, partition: &Partition, error: &io::Error) {
        let log = partition.log().identity();
        if partition.log().is_closed() {
            return;
        }
        self.stats.failures.fetch_add(1, Ordering::Relaxed);
        self.busy.lock().resting.insert(log, Instant::now() + REST);
        if is_damage(error) {
            partition.shared.tell_damage();
        }
        if is_exhaustion(error) {
            tracing::warn!(%log, "no room to compact a log: what is to be written anew needs as much as it saves");
        } else {
            tracing::warn!(%log, %error, "a log was not compacted; tried again in a minute");
        }
    }
}
