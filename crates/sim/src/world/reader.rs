//! The client that reads everything from the beginning, as it comes.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::consumer::{ConsumeError, Fetched, OutOfRange};
use ottla_client::{Client, Consumer, ConsumerConfig, IfMissing, StartFrom, TopicPartition};
use tokio::time::{Instant, sleep, timeout};

use super::clients::{REST, connect};
use super::shared::{PARTITIONS, Shared, TOPIC, name};
use crate::history::{Event, Value};

/// How long reading may take once everything is written and nothing is broken.
const LAST_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether that is so.
const LOOK: Duration = Duration::from_millis(500);

/// Reads until everything is read.
pub(super) async fn read(shared: Shared) -> turmoil::Result {
    let client = connect().await;
    while client.topic(TOPIC, IfMissing::Fail).await.is_err() {
        sleep(REST).await;
    }
    let mut positions: BTreeMap<i32, i64> = BTreeMap::new();
    let mut consumer = consume(&client, &positions);
    let mut ends_at = None;
    loop {
        if let Some(goal) = shared.goal() {
            let position = |partition| positions.get(partition).copied().unwrap_or(0);
            if goal
                .iter()
                .all(|(partition, end)| position(partition) >= *end)
            {
                return Ok(());
            }
            if Instant::now() > *ends_at.get_or_insert_with(|| Instant::now() + LAST_MAX) {
                shared.stuck(format!("read up to {positions:?} of {goal:?}"));
                return Ok(());
            }
        }
        match timeout(LOOK, consumer.next()).await {
            Ok(Ok(fetched)) => {
                take(&shared, &fetched);
                positions.insert(fetched.partition.partition, fetched.next_offset);
            }
            Ok(Err(error)) => {
                failed(&shared, &error);
                sleep(REST).await;
                consumer = consume(&client, &positions);
            }
            Err(_nothing) => {}
        }
    }
}

fn consume(client: &Client, positions: &BTreeMap<i32, i64>) -> Consumer {
    let config = ConsumerConfig {
        out_of_range: OutOfRange::Fail,
        ..ConsumerConfig::default()
    };
    let start = (0..PARTITIONS).map(|partition| {
        let position = positions.get(&partition);
        let from = position.map_or(StartFrom::Earliest, |at| StartFrom::Offset(*at));
        (TopicPartition::new(TOPIC, partition), from)
    });
    Consumer::new(client, config, start)
}

fn take(shared: &Shared, fetched: &Fetched) {
    let number = fetched.partition.partition;
    let partition = name(number);
    shared.saw(Event::HighWatermark {
        partition: partition.clone(),
        offset: fetched.high_watermark,
    });
    shared.committed(number, fetched.next_offset);
    for record in fetched.records() {
        match record {
            Ok(record) => shared.saw(Event::Read {
                partition: partition.clone(),
                offset: record.offset,
                value: value_of(record.value.as_deref().unwrap_or_default()),
            }),
            Err(error) => failed(shared, &error),
        }
    }
}

/// What can be so for a while is tried again; what cannot is never to be seen.
fn failed(shared: &Shared, error: &ConsumeError) {
    match error {
        ConsumeError::OutOfRange { .. } | ConsumeError::Corrupt { .. } => {
            let reason = error.to_string();
            shared.saw(Event::ReadFailed { reason });
        }
        ConsumeError::Lookup { .. } | ConsumeError::Refused { .. } | ConsumeError::Finished => {
            tracing::debug!(%error, "a partition is not read on");
        }
    }
}

/// The value that a record begins with; one that was never written, if it has none.
pub(super) fn value_of(bytes: &[u8]) -> Value {
    let digits = bytes.split(|byte| *byte == b':').next().unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    text.parse().unwrap_or(Value::MAX)
}
