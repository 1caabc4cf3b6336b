//! Records out.

use std::time::Duration;

use ottla_client::consumer::{Consumer, ConsumerConfig, StartFrom};
use ottla_client::{Client, TopicPartition};
use ottla_tests::client::end_offsets;
use tokio::time::timeout;

use super::paced::Schedule;
use crate::latencies::Latencies;

/// The longest that the next records may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads all partitions of a topic from their beginning to their end. Returns how many bytes of batches came.
pub(crate) async fn read_all(client: &Client, topic: &str, partitions: i32) -> u64 {
    let ends = end_offsets(client, topic, partitions).await;
    let partition = |number| TopicPartition::new(topic, number);
    let assignment = (0..partitions).map(|number| (partition(number), StartFrom::Earliest));
    let mut consumer = Consumer::new(client, config(), assignment);
    let mut bytes = 0;
    let is_behind = |consumer: &Consumer| {
        let mut numbers = (0..).zip(&ends);
        numbers.any(|(number, end)| consumer.position(&partition(number)).unwrap_or(0) < *end)
    };
    while is_behind(&consumer) {
        let fetched = next(&mut consumer).await;
        let sizes = fetched.batches().iter().map(|batch| batch.payload.len());
        bytes += u64::try_from(sizes.sum::<usize>()).expect("a response is small");
    }
    bytes
}

/// Reads a partition as records are written there, from this offset on: how long each of so many took from
/// when it was to be sent.
pub(crate) async fn follow(
    client: Client,
    partition: TopicPartition,
    from: i64,
    records: u64,
    schedule: Schedule,
) -> Latencies {
    let assignment = [(partition, StartFrom::Offset(from))];
    let mut consumer = Consumer::new(&client, config(), assignment);
    let mut latencies = Latencies::default();
    let mut number = 0;
    while number < records {
        let fetched = next(&mut consumer).await;
        for record in fetched.records() {
            record.unwrap_or_else(|error| panic!("{error}"));
            latencies.add(schedule.of(number).elapsed());
            number += 1;
        }
    }
    latencies
}

fn config() -> ConsumerConfig {
    ConsumerConfig {
        check_crcs: false, // the generator's cores are the broker's too
        ..ConsumerConfig::default()
    }
}

async fn next(consumer: &mut Consumer) -> ottla_client::consumer::Fetched {
    let fetched = timeout(PATIENCE, consumer.next()).await;
    fetched
        .unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}"))
        .unwrap_or_else(|error| panic!("{error}"))
}
