//! A client that writes, every record another value. It remembers what was acknowledged, and at the
//! end writes to every partition once more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_client::admin::NewTopic;
use ottla_client::producer::{Acks, Delivery};
use ottla_client::{Client, IfMissing, Producer, ProducerConfig, ProducerRecord};
use ottla_platform::sim::{SimClock, chance};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::begin::in_the_end;
use super::reach::{REST, connect};
use crate::history::{self, Value, first_value};
use crate::world::evidence::Standing;
use crate::world::shared::{PARTITIONS, Phase, Shared, TOPIC, any_partition};
use crate::world::swarm::Writing;

/// How long a record may take before its producer gives up.
const DELIVERY_MAX: Duration = Duration::from_secs(12);
/// Longest pause between two records.
const PAUSE_MS_MAX: u64 = 40;
/// Most bytes that a record has beside its value.
const PADDING_BYTES_MAX: u64 = 3_000;
/// Keys of those records that have one.
const KEYS: u64 = 20;
/// Small, so that a run has many segments.
const SEGMENT_BYTES: u32 = 64 * 1024;

/// Writes until the end of the disturbances, and a little more. The first makes the topic, and says
/// when it takes records.
pub(in crate::world) async fn write(
    shared: Shared,
    number: history::Client,
    writing: Writing,
) -> turmoil::Result {
    let client = connect(&shared).await;
    match number {
        0 => create_topic(&client, shared.replication_factor()).await,
        _ => {
            while client.topic(TOPIC, IfMissing::Fail).await.is_err() {
                sleep(REST).await;
            }
        }
    }
    if writing != Writing::Idempotent {
        shared.may_repeat(number);
    }
    let mut writer = Writer {
        producer: Producer::new(&client, config(writing)),
        shared,
        writing,
        number,
        next: first_value(number),
        waiting: JoinSet::new(),
    };
    if number == 0 {
        if writer.shared.replication_factor().is_some() {
            groups_are_replicated(&client).await;
        }
        writer.first().await;
    }
    while writer.shared.phase() != Phase::Healed {
        writer.send().await;
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
    }
    writer.last().await;
    Ok(())
}

async fn create_topic(client: &Client, replication_factor: Option<i16>) {
    let topic = NewTopic {
        name: TOPIC.to_owned(),
        partitions: Some(PARTITIONS),
        replication_factor,
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

/// Has the topic of groups made, and waits until it has three replicas: with fewer, groups would not
/// outlive a disk.
async fn groups_are_replicated(client: &Client) {
    const TOPIC_OF_GROUPS: &str = "__consumer_offsets";
    loop {
        let found = client.admin().find_coordinator("any").await;
        let described = client.admin().describe_topic(TOPIC_OF_GROUPS).await;
        let has_three = described.is_ok_and(|topic| {
            let mut partitions = topic.partitions.iter();
            partitions.all(|one| one.replicas.len() == 3 && one.in_sync.len() == 3)
        });
        if found.is_ok() && has_three {
            return;
        }
        sleep(REST).await;
    }
}

fn config(writing: Writing) -> ProducerConfig {
    ProducerConfig {
        acks: match writing {
            Writing::Idempotent | Writing::All => Acks::All,
            Writing::Leader => Acks::Leader,
            Writing::Nobody => Acks::None,
        },
        idempotent: writing == Writing::Idempotent,
        delivery_timeout: DELIVERY_MAX,
        create_topics: false,
        clock: Arc::new(SimClock::default()),
        ..ProducerConfig::default()
    }
}

struct Writer {
    shared: Shared,
    producer: Producer,
    writing: Writing,
    number: history::Client,
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

    /// Writes one record, to where its key decides if it has one, and does not wait for what becomes of
    /// it.
    async fn send(&mut self) {
        let key = chance(|random| random.below(2 * KEYS));
        let partition = (key >= KEYS).then(any_partition);
        let Some(under_way) = self.hand_over(partition, key).await else {
            return;
        };
        self.waiting.spawn(async move {
            under_way.wait().await;
        });
        while self.waiting.try_join_next().is_some() {}
    }

    /// Writes one record; where it is.
    async fn deliver(&mut self, partition: i32) -> Option<i64> {
        self.hand_over(Some(partition), KEYS).await?.wait().await
    }

    async fn hand_over(&mut self, partition: Option<i32>, key: u64) -> Option<UnderWay> {
        let value = self.next;
        self.next += 1;
        let padding = chance(|random| random.below(PADDING_BYTES_MAX));
        let padding = ".".repeat(usize::try_from(padding).expect("a few"));
        let bytes = format!("{value}:{padding}").into_bytes();
        let key = key.to_string();
        let record = ProducerRecord {
            topic: TOPIC,
            partition,
            key: partition.is_none().then_some(key.as_bytes()),
            value: Some(&bytes),
            ..ProducerRecord::default()
        };
        let sent = self.shared.sends(partition, value);
        match self.producer.send(record).await {
            Ok(delivery) => Some(UnderWay {
                shared: self.shared.clone(),
                writing: self.writing,
                value,
                sent,
                delivery,
            }),
            Err(error) => {
                tracing::debug!(value, %error, "a record was not taken");
                self.shared.settled(value);
                sleep(REST).await;
                None
            }
        }
    }

    /// Waits for what is under way, and has each partition take a record: that is how far the others
    /// are to come.
    async fn last(mut self) {
        let shared = self.shared.clone();
        let number = self.number;
        let is_told = matches!(self.writing, Writing::Idempotent | Writing::All);
        let ending = async {
            let mut goal = BTreeMap::new();
            for partition in (0..PARTITIONS).filter(|_| is_told) {
                let offset = loop {
                    if let Some(offset) = self.deliver(partition).await {
                        break offset;
                    }
                };
                goal.insert(partition, offset + 1);
            }
            goal
        };
        let goal = in_the_end(&shared, "every partition takes a record", ending).await;
        shared.set_goal(number, goal.unwrap_or_default());
        while self.waiting.join_next().await.is_some() {}
    }
}

/// A record of which it is not known yet what becomes of it.
struct UnderWay {
    shared: Shared,
    writing: Writing,
    value: Value,
    sent: Standing,
    delivery: Delivery,
}

impl UnderWay {
    /// Notes what becomes of it; its offset, if it was taken and that is told.
    async fn wait(self) -> Option<i64> {
        let value = self.value;
        let delivered = self.delivery.wait().await;
        self.shared.settled(value);
        let delivered = match delivered {
            Ok(delivered) => delivered,
            Err(error) => {
                tracing::debug!(value, %error, "a record was not acknowledged");
                return None;
            }
        };
        // what only the leader has may be gone with it
        if !matches!(self.writing, Writing::Idempotent | Writing::All) {
            return delivered.offset;
        }
        let place = (delivered.partition.partition, delivered.offset);
        self.shared.acknowledged(place, value, self.sent);
        delivered.offset
    }
}
