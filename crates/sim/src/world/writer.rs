//! The client that writes: idempotent, with acks=all, every record another value. It remembers what
//! was acknowledged, and at the end writes to every partition once more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_client::admin::NewTopic;
use ottla_client::producer::Delivery;
use ottla_client::{Producer, ProducerConfig, ProducerRecord};
use ottla_platform::sim::{SimClock, chance};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::clients::{REST, connect};
use super::shared::{PARTITIONS, Phase, Shared, TOPIC, name};
use crate::history::{Event, Value};

/// How long a record may take before its producer gives up.
const DELIVERY_MAX: Duration = Duration::from_secs(12);
/// How long the last records may take, when nothing is broken.
const LAST_MAX: Duration = Duration::from_secs(30);
/// Longest pause between two records.
const PAUSE_MS_MAX: u64 = 40;
/// Most bytes that a record has beside its value.
const PADDING_BYTES_MAX: u64 = 3_000;
/// Small, so that a run has many segments.
const SEGMENT_BYTES: u32 = 64 * 1024;

/// Writes until the end of the disturbances, and a little more.
pub(super) async fn write(shared: Shared) -> turmoil::Result {
    let client = connect().await;
    create_topic(&client).await;
    let producer = Producer::new(&client, config());
    let mut writer = Writer {
        shared,
        producer,
        next: 0,
        waiting: JoinSet::new(),
    };
    writer.first().await;
    while writer.shared.phase() != Phase::Healed {
        let partition = chance(|random| random.below(PARTITIONS.unsigned_abs().into()));
        let partition = i32::try_from(partition).expect("a few");
        writer.send(partition).await;
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
    }
    writer.last().await;
    Ok(())
}

async fn create_topic(client: &ottla_client::Client) {
    let topic = NewTopic {
        name: TOPIC.to_owned(),
        partitions: Some(PARTITIONS),
        replication_factor: Some(3),
        configs: vec![(
            "internal.segment.bytes".to_owned(),
            SEGMENT_BYTES.to_string(),
        )],
        ..NewTopic::default()
    };
    loop {
        match client
            .admin()
            .create_topics(std::slice::from_ref(&topic), false)
            .await
        {
            Ok(outcomes) if outcomes.iter().all(Result::is_ok) => return,
            Ok(outcomes) if format!("{outcomes:?}").contains("TopicAlreadyExists") => return,
            outcome => tracing::debug!(?outcome, "no topic yet"),
        }
        sleep(REST).await;
    }
}

fn config() -> ProducerConfig {
    ProducerConfig {
        delivery_timeout: DELIVERY_MAX,
        create_topics: false,
        clock: Arc::new(SimClock),
        ..ProducerConfig::default()
    }
}

struct Writer {
    shared: Shared,
    producer: Producer,
    next: Value,
    waiting: JoinSet<()>,
}

impl Writer {
    /// Writes a record to each partition, until all are taken: then the run may be disturbed.
    async fn first(&mut self) {
        for partition in 0..PARTITIONS {
            while self.deliver(partition).await.is_none() {}
        }
        self.shared.enter(Phase::Disturbed);
    }

    /// Writes one record and does not wait for what becomes of it.
    async fn send(&mut self, partition: i32) {
        let Some((value, delivery)) = self.hand_over(partition).await else {
            return;
        };
        let shared = self.shared.clone();
        self.waiting.spawn(async move {
            acknowledged(&shared, value, delivery).await;
        });
        while self.waiting.try_join_next().is_some() {}
    }

    /// Writes one record; where it is.
    async fn deliver(&mut self, partition: i32) -> Option<i64> {
        let (value, delivery) = self.hand_over(partition).await?;
        acknowledged(&self.shared, value, delivery).await
    }

    async fn hand_over(&mut self, partition: i32) -> Option<(Value, Delivery)> {
        let value = self.next;
        self.next += 1;
        let padding = chance(|random| random.below(PADDING_BYTES_MAX));
        let padding = ".".repeat(usize::try_from(padding).expect("a few"));
        let bytes = format!("{value}:{padding}").into_bytes();
        let record = ProducerRecord {
            topic: TOPIC,
            partition: Some(partition),
            value: Some(&bytes),
            ..ProducerRecord::default()
        };
        match self.producer.send(record).await {
            Ok(delivery) => Some((value, delivery)),
            Err(error) => {
                tracing::debug!(value, %error, "a record was not taken");
                sleep(REST).await;
                None
            }
        }
    }

    /// Waits for what is under way, and has each partition take a record: that is how far the others
    /// are to come.
    async fn last(mut self) {
        let ending = async {
            let mut goal = BTreeMap::new();
            for partition in 0..PARTITIONS {
                let offset = loop {
                    if let Some(offset) = self.deliver(partition).await {
                        break offset;
                    }
                };
                goal.insert(partition, offset + 1);
            }
            goal
        };
        match timeout(LAST_MAX, ending).await {
            Ok(goal) => self.shared.set_goal(goal),
            Err(_) => {
                let seconds = LAST_MAX.as_secs();
                self.shared
                    .stuck(format!("no records are taken for {seconds} s"));
                self.shared.set_goal(BTreeMap::new());
            }
        }
        while self.waiting.join_next().await.is_some() {}
    }
}

async fn acknowledged(shared: &Shared, value: Value, delivery: Delivery) -> Option<i64> {
    match delivery.wait().await {
        Ok(delivered) => {
            let partition = delivered.partition.partition;
            shared.saw(Event::Acknowledged {
                partition: name(partition),
                value,
                offset: delivered.offset,
            });
            if let Some(offset) = delivered.offset {
                shared.committed(partition, offset + 1);
            }
            delivered.offset
        }
        Err(error) => {
            tracing::debug!(value, %error, "a record was not acknowledged");
            None
        }
    }
}
