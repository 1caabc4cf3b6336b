//! A client that reads everything from the beginning, as it comes.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::consumer::{ConsumeError, Fetched, OutOfRange};
use ottla_client::{Client, Consumer, ConsumerConfig, IfMissing, StartFrom, TopicPartition};
use tokio::time::{Instant, sleep, timeout};

use super::begin::LAST_MAX;
use super::reach::{REST, connect};
use crate::history::{self, Event, Value};
use crate::world::evidence::Standing;
use crate::world::shared::{PARTITIONS, Shared, TOPIC, name};

/// More than there are at a time.
const READERS_MAX: history::Client = 100;
/// How often it is looked whether everything is read.
const LOOK: Duration = Duration::from_millis(500);

/// Reads until everything is read.
pub(super) async fn read(shared: Shared, number: history::Client) -> turmoil::Result {
    let client = connect(&shared).await;
    while client.topic(TOPIC, IfMissing::Fail).await.is_err() {
        sleep(REST).await;
    }
    let mut reader = Reader::begin(shared, number);
    let mut consumer = reader.consume(&client);
    let mut ends_at = None;
    loop {
        if reader.asked != standing(&reader.shared) {
            reader = Reader::begin(reader.shared, reader.number + READERS_MAX);
            consumer = reader.consume(&client);
        }
        if let Some(goal) = reader.shared.goal() {
            let position = |partition| reader.positions.get(partition).copied().unwrap_or(0);
            if goal
                .iter()
                .all(|(partition, end)| position(partition) >= *end)
            {
                break;
            }
            if Instant::now() > *ends_at.get_or_insert_with(|| Instant::now() + LAST_MAX) {
                let positions = &reader.positions;
                reader.shared.stuck(format!(
                    "reader {number} has read up to {positions:?} of {goal:?}"
                ));
                break;
            }
        }
        match timeout(LOOK, consumer.next()).await {
            Ok(Ok(fetched)) => reader.take(&fetched),
            Ok(Err(error)) => {
                reader.failed(&error);
                sleep(REST).await;
                consumer = reader.consume(&client);
            }
            Err(_nothing) => {}
        }
    }
    for (partition, offset) in &reader.positions {
        reader.shared.has_read(reader.number, *partition, *offset);
    }
    Ok(())
}

/// What answers to questions that are asked now are worth.
fn standing(shared: &Shared) -> BTreeMap<i32, Standing> {
    let all = (0..PARTITIONS).map(|partition| Some((partition, shared.standing(partition)?)));
    all.flatten().collect()
}

/// Reads from the beginning; whoever reads anew because records may have been lost is another one.
struct Reader {
    shared: Shared,
    number: history::Client,
    /// What it reads is worth so much.
    asked: BTreeMap<i32, Standing>,
    /// The next offset to be read of each partition.
    positions: BTreeMap<i32, i64>,
}

impl Reader {
    fn begin(shared: Shared, number: history::Client) -> Reader {
        Reader {
            asked: standing(&shared),
            shared,
            number,
            positions: (0..PARTITIONS).map(|partition| (partition, 0)).collect(),
        }
    }

    fn consume(&self, client: &Client) -> Consumer {
        let config = ConsumerConfig {
            out_of_range: OutOfRange::Fail,
            ..ConsumerConfig::default()
        };
        let start = self.positions.iter().map(|(partition, position)| {
            let from = match position {
                0 => StartFrom::Earliest,
                at => StartFrom::Offset(*at),
            };
            (TopicPartition::new(TOPIC, *partition), from)
        });
        Consumer::new(client, config, start)
    }

    fn take(&mut self, fetched: &Fetched) {
        let number = fetched.partition.partition;
        let asked = self.asked.get(&number).copied();
        let watermark = Event::HighWatermark {
            reader: self.number,
            partition: name(number),
            offset: fetched.high_watermark,
        };
        self.shared.was_shown(number, asked, watermark);
        self.shared.committed(number, fetched.next_offset, asked);
        for record in fetched.records() {
            match record {
                Ok(record) => {
                    let read = Event::Read {
                        reader: self.number,
                        partition: name(number),
                        offset: record.offset,
                        value: value_of(record.value.as_deref().unwrap_or_default()),
                    };
                    self.shared.was_shown(number, asked, read);
                }
                Err(error) => self.failed(&error),
            }
        }
        self.positions.insert(number, fetched.next_offset);
    }

    /// What can be so for a while is tried again; what cannot is never to be seen.
    fn failed(&mut self, error: &ConsumeError) {
        match error {
            ConsumeError::OutOfRange { partition, .. } => {
                let number = partition.partition;
                let trimmed = self.shared.trimmed(number);
                let is_gone = !self.shared.binds(number, self.asked.get(&number).copied());
                let position = self.positions.entry(number).or_default();
                if *position < trimmed || is_gone {
                    *position = 0;
                    return;
                }
            }
            ConsumeError::Corrupt { .. } => {}
            ConsumeError::Lookup { .. } | ConsumeError::Refused { .. } | ConsumeError::Finished => {
                tracing::debug!(%error, "a partition is not read on");
                return;
            }
        }
        let reason = error.to_string();
        self.shared.saw(Event::ReadFailed { reason });
    }
}

/// The value that a record begins with; one that was never written, if it has none.
pub(in crate::world) fn value_of(bytes: &[u8]) -> Value {
    let digits = bytes.split(|byte| *byte == b':').next().unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    text.parse().unwrap_or(Value::MAX)
}
