//! A producer that commits every so many records.

use std::time::Duration;

use ottla_client::Client;
use ottla_tests::transactional::TransactionalProducer;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::latencies::Latencies;

/// What each producer commits, and when.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) transactions: u32,
    pub(crate) records: i32,
    pub(crate) value: &'a [u8],
    /// From the beginning of a transaction to that of the next, where that leaves time for it; `None`: at once.
    pub(crate) every: Option<Duration>,
}

/// Does its work on this partition; how long each commit took.
pub(crate) async fn commit(
    client: &Client,
    (topic, partition): (&str, i32),
    work: Work<'_>,
) -> Latencies {
    let id = format!("{topic}-{partition}");
    let mut producer = TransactionalProducer::begin(client, &id, topic, partition).await;
    let mut latencies = Latencies::default();
    let mut pace = work.every.map(interval);
    if let Some(pace) = &mut pace {
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    for _ in 0..work.transactions {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        producer.write(work.records, work.value).await;
        let begins = Instant::now();
        producer.end(true).await;
        latencies.add(begins.elapsed());
    }
    latencies
}
