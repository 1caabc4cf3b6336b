//! Producers that commit every hundred records.

use std::time::Duration;

use futures::future::join_all;
use ottla_client::Client;

use super::{TOPIC, WARM_UP, add_latencies};
use crate::brokers::Brokers;
use crate::figures::{Figure, Turn, less, more};
use crate::latencies::Latencies;
use crate::load::topics::create;
use crate::load::transactions::{Work, commit};

const RECORDS_PER_SECOND: Figure = more("records/s");
const TRANSACTION_CPU: Figure = less("CPU, µs/transaction");

const PRODUCERS: i32 = 4;
/// Of each producer.
const TRANSACTIONS: u32 = 1_000;
const RECORDS: i32 = 100;

/// See the file's head; `every`: how often each begins a transaction, as many as go if it is `None`.
pub(crate) async fn measure(brokers: &Brokers, every: Option<Duration>) -> Result<Turn, String> {
    let client = brokers.connect().await;
    for topic in [WARM_UP, TOPIC] {
        create(&client, topic, PRODUCERS, &[]).await;
    }
    let value = [b'v'; 1_000];
    let work = Work {
        transactions: TRANSACTIONS,
        records: RECORDS,
        value: &value,
        every,
    };
    let warm_up = Work {
        transactions: TRANSACTIONS / 2,
        ..work
    };
    commit_all(&client, WARM_UP, warm_up).await;
    let load = async { Ok(commit_all(&client, TOPIC, work).await) };
    let (mut latencies, watched) = brokers.watch(load).await?;
    Client::close(&client);
    let transactions = f64::from(TRANSACTIONS) * f64::from(PRODUCERS);
    let records = transactions * f64::from(RECORDS);
    let mut turn = vec![
        (RECORDS_PER_SECOND, records / watched.took.as_secs_f64()),
        (
            TRANSACTION_CPU,
            watched.cpu.as_secs_f64() * 1e6 / transactions,
        ),
    ];
    add_latencies(&mut turn, &mut latencies);
    Ok(turn)
}

/// How long each commit took.
async fn commit_all(client: &Client, topic: &str, work: Work<'_>) -> Latencies {
    let producing = (0..PRODUCERS).map(|partition| commit(client, (topic, partition), work));
    let mut all = Latencies::default();
    for latencies in join_all(producing).await {
        all.merge(latencies);
    }
    all
}
