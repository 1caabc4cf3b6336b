//! A producer that commits every so many records.

use ottla_client::Client;
use ottla_tests::transactional::TransactionalProducer;
use tokio::time::Instant;

use crate::latencies::Latencies;

/// So many transactions of so many records on this partition; how long each commit took.
pub(crate) async fn commit(
    client: &Client,
    (topic, partition): (&str, i32),
    transactions: u32,
    (records, value): (i32, &[u8]),
) -> Latencies {
    let id = format!("{topic}-{partition}");
    let mut producer = TransactionalProducer::begin(client, &id, topic, partition).await;
    let mut latencies = Latencies::default();
    for _ in 0..transactions {
        producer.write(records, value).await;
        let begins = Instant::now();
        producer.end(true).await;
        latencies.add(begins.elapsed());
    }
    latencies
}
