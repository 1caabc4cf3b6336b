//! The client that keeps values by key in a topic that is compacted: it sets them, replaces them and deletes
//! them, one at a time.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::admin::NewTopic;
use ottla_client::{Client, IfMissing, Producer, ProducerConfig, ProducerRecord};
use ottla_platform::sim::{SimClock, chance};
use tokio::time::sleep;

use super::begin::in_the_end;
use super::reach::{REST, connect};
use crate::history::{Event, Value};
use crate::world::shared::{Phase, Shared, TABLE};

/// How many there are; and one that is written last.
const KEYS: u64 = 12;
/// Longest pause between two records.
const PAUSE_MS_MAX: u64 = 40;
/// Most bytes that a record has beside its value.
const PADDING_BYTES_MAX: u64 = 1_500;
/// How long a record may take before it is given up.
const DELIVERY_MAX: Duration = Duration::from_secs(5);

/// Writes until nothing is broken any more, and once then.
pub(super) async fn keep(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    create(&client, shared.replication_factor()).await;
    let config = ProducerConfig {
        delivery_timeout: DELIVERY_MAX,
        create_topics: false,
        clock: Arc::new(SimClock::default()),
        ..ProducerConfig::default()
    };
    let mut keeper = Keeper {
        producer: Producer::new(&client, config),
        shared: shared.clone(),
        next: 0,
    };
    while shared.phase() != Phase::Healed {
        let key = chance(|random| random.below(KEYS));
        let deletes = chance(|random| random.chance(1, 5));
        keeper.write(key, deletes).await;
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
    }
    let last = async {
        loop {
            if let Some(offset) = keeper.write(KEYS, false).await {
                return offset;
            }
            sleep(REST).await;
        }
    };
    if let Some(offset) = in_the_end(&shared, "a key gets a value", last).await {
        shared.kept_to(offset + 1);
    }
    Ok(())
}

async fn create(client: &Client, replication_factor: Option<i16>) {
    let deleted_for = chance(|random| random.below(2) * 3_000);
    let configs = [
        ("cleanup.policy", "compact".to_owned()),
        ("internal.segment.bytes", "16384".to_owned()),
        ("min.cleanable.dirty.ratio", "0.1".to_owned()),
        ("delete.retention.ms", deleted_for.to_string()),
    ];
    let topic = NewTopic {
        name: TABLE.to_owned(),
        partitions: Some(1),
        replication_factor,
        configs: configs.map(|(key, value)| (key.to_owned(), value)).into(),
        ..NewTopic::default()
    };
    while client.topic(TABLE, IfMissing::Fail).await.is_err() {
        let topics = std::slice::from_ref(&topic);
        let created = client.admin().create_topics(topics, false).await;
        tracing::debug!(?created, "a compacted topic");
        sleep(REST).await;
    }
}

struct Keeper {
    shared: Shared,
    producer: Producer,
    next: Value,
}

impl Keeper {
    /// Sets a key, or deletes it; where that stands, once it is acknowledged.
    async fn write(&mut self, key: u64, deletes: bool) -> Option<i64> {
        self.next += 1;
        let version = self.next;
        let padding = chance(|random| random.below(PADDING_BYTES_MAX));
        let padding = ".".repeat(usize::try_from(padding).expect("a few"));
        let (key_bytes, value) = (format!("{key}:"), format!("{version}:{padding}"));
        let record = ProducerRecord {
            topic: TABLE,
            key: Some(key_bytes.as_bytes()),
            value: (!deletes).then_some(value.as_bytes()),
            ..ProducerRecord::default()
        };
        self.shared.saw(Event::Keeps {
            key,
            version,
            deletes,
        });
        let delivered = match self.producer.send(record).await {
            Ok(delivery) => delivery.wait().await,
            Err(error) => Err(error),
        };
        match delivered {
            Ok(delivered) => {
                self.shared.saw(Event::Kept { version });
                delivered.offset
            }
            Err(error) => {
                tracing::debug!(version, %error, "a value was not acknowledged");
                None
            }
        }
    }
}
