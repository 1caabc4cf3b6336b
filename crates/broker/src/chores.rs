//! What a node does by the clock: retention, compaction, looking after its files, measuring how far groups are
//! behind.
//!
//! Nothing is decided here: planners say what is due, this carries it out.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use ottla_platform::clock::Clock;
use ottla_platform::work::blocking;
use ottla_replication::{Cleaner, Partition};
use ottla_storage::LogDir;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::LagLimits;
use crate::context::Broker;
use crate::groups::LagMeter;
use crate::limits::{RETENTION_AT_ONCE_MAX, TIDY_INTERVAL};
use crate::partitions::Partitions;

/// The tasks that chores run in.
pub struct Chores {
    tasks: Vec<JoinHandle<()>>,
}

impl Chores {
    /// Starts them.
    pub fn start(broker: &Broker, directory: &LogDir, cleaner: Cleaner) -> Chores {
        let (partitions, clock) = (Arc::clone(&broker.partitions), Arc::clone(&broker.clock));
        let retention = retention(
            partitions,
            clock,
            broker.config.log.retention_check_interval,
        );
        let mut tasks = vec![
            tokio::spawn(retention),
            tokio::spawn(tidy(directory.clone())),
            tokio::spawn(compact(cleaner, Arc::clone(&broker.partitions))),
            tokio::spawn(expire_producers(
                directory.clone(),
                broker.config.producers.expiration_check_interval,
            )),
        ];
        if broker.config.lags.listed_max > 0 {
            let (meter, clock) = (Arc::clone(&broker.lags), Arc::clone(&broker.clock));
            tasks.push(tokio::spawn(measure_lags(meter, clock, broker.config.lags)));
        }
        Chores { tasks }
    }

    /// Ends them; what one was in the middle of is finished by the directory itself.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            // It was aborted, or had ended before.
            let _ = task.await;
        }
    }
}

/// Deletes records that are too old or too many, and gives back the space of what was deleted.
async fn retention(partitions: Arc<Partitions>, clock: Arc<dyn Clock>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, when nothing has had time to become too old since the last run.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let now_ms = clock.now_ms();
        let replicas = futures::stream::iter(partitions.open());
        replicas
            .for_each_concurrent(RETENTION_AT_ONCE_MAX, |replica| async move {
                retain(&replica.partition, now_ms).await;
            })
            .await;
    }
}

async fn retain(partition: &Partition, now_ms: i64) {
    let log = partition.log().identity();
    match partition.retain(now_ms).await {
        Ok(Some(log_start_offset)) => {
            tracing::info!(%log, log_start_offset, "records deleted by retention");
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%log, %error, "retention failed"),
    }
    if let Err(error) = partition.purge().await {
        tracing::warn!(%log, %error, "space of deleted records was not given back");
    }
}

/// Keeps the newest record of each key where topics want that.
async fn compact(cleaner: Cleaner, partitions: Arc<Partitions>) {
    let open = || {
        let open = partitions.open().into_iter();
        open.map(|replica| replica.partition).collect()
    };
    cleaner.run(open).await;
}

/// Measures how far consumer groups are behind.
async fn measure_lags(meter: Arc<LagMeter>, clock: Arc<dyn Clock>, limits: LagLimits) {
    let mut ticks = interval(limits.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        meter.measure(clock.now_ms(), limits.listed_max).await;
    }
}

/// Forgets producers that wrote nothing for long.
async fn expire_producers(directory: LogDir, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, and what was recovered is forgotten no sooner than on a broker that runs.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        directory.expire_producers();
    }
}

async fn tidy(directory: LogDir) {
    let mut ticks = interval(TIDY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let directory = directory.clone();
        let tidied = blocking(move || directory.tidy()).await;
        if let Ok(Err(error)) = tidied {
            tracing::warn!(%error, "the log directory was not looked after");
        }
    }
}
