//! What a data directory is filled with, and whether all of it is there.
//!
//! Once written for a format it is not changed: what is new in the data goes into a list of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::TopicPartition;
use ottla_client::admin::{
    CommittedOffset, ConfigChange, ConfigOperation, ConfigResource, FoundOffset,
};
use ottla_client::consumer::{Consumer, ConsumerConfig, OutOfRange, StartFrom};
use ottla_client::{Client, Isolation, OffsetSpec, Producer, ProducerConfig, ProducerRecord};
use ottla_protocol::records::{Compression, Record};
use ottla_tests::client::{create_topic, end_offsets};
use tokio::time::timeout;

use crate::ledger;

/// A topic and its records.
pub(crate) struct Contents {
    name: &'static str,
    partitions: i32,
    /// Of each partition.
    records: u64,
    codec: Compression,
    /// How many keys, in turn; without one there are none.
    keys: Option<u64>,
    configs: &'static [(&'static str, &'static str)],
}

const TOPICS: &[Contents] = &[
    Contents {
        name: "plain",
        partitions: 2,
        records: 4_000,
        codec: Compression::None,
        keys: None,
        configs: &[("segment.bytes", "1048576")],
    },
    packed("gzip", Compression::Gzip),
    packed("snappy", Compression::Snappy),
    packed("lz4", Compression::Lz4),
    packed("zstd", Compression::Zstd),
    Contents {
        name: "table",
        partitions: 1,
        records: 4_000,
        codec: Compression::None,
        keys: Some(50),
        configs: &[
            ("segment.bytes", "1048576"),
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.01"),
        ],
    },
];
/// Its second partition lost the records below this offset on request.
const DELETED: (&str, i32, i64) = ("plain", 1, 3_000);
const GONE: &str = "gone";
const GROUP: &str = "readers";
const SET: (&str, &str, &str) = ("plain", "retention.ms", "77700000000000");
const VALUE_BYTES: usize = 1_000;
/// What a later program adds to each partition.
const ADDED: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(30);

const fn packed(name: &'static str, codec: Compression) -> Contents {
    Contents {
        name,
        partitions: 1,
        records: 200,
        codec,
        keys: None,
        configs: &[],
    }
}

/// Fills an empty broker.
pub(crate) async fn fill(client: &Client) {
    for topic in TOPICS {
        create_topic(client, topic.name, topic.partitions, topic.configs).await;
        topic.write(client, 0, topic.records).await;
    }
    let (topic, partition, before) = DELETED;
    let request = [(TopicPartition::new(topic, partition), before)];
    let told = client.admin().delete_records(request.into()).await;
    told.into_values()
        .for_each(|outcome| assert_eq!(outcome.unwrap_or(-1), before));
    create_topic(client, GONE, 1, &[]).await;
    let told = client
        .admin()
        .delete_topics(&[GONE])
        .await
        .expect("an answer");
    told.into_iter()
        .for_each(|outcome| outcome.expect("the topic is deleted"));
    let (topic, name, value) = SET;
    let change = ConfigChange {
        name: name.to_owned(),
        operation: ConfigOperation::Set(value.to_owned()),
    };
    let resource = ConfigResource::Topic(topic.to_owned());
    let admin = client.admin();
    let told = admin.alter_configs(&resource, &[change], false).await;
    told.expect("the config is set");
    commit(client).await;
    ledger::fill(client).await;
}

/// Panics with what is missing or wrong. Later programs have added to it so many times.
pub(crate) async fn check(client: &Client, times_added: u64) {
    for topic in TOPICS {
        topic
            .check(client, topic.records + times_added * ADDED)
            .await;
    }
    let listed = client.admin().list_topics().await.expect("an answer");
    assert!(listed.iter().all(|topic| &*topic.name != GONE));
    let (topic, name, value) = SET;
    let resource = ConfigResource::Topic(topic.to_owned());
    let configs = client.admin().describe_configs(&resource, false).await;
    let configs = configs.expect("an answer");
    let set = configs.iter().find(|config| config.name == name);
    assert_eq!(set.and_then(|config| config.value.as_deref()), Some(value));
    assert_eq!(committed(client).await, offsets());
    ledger::check(client).await;
}

/// Writes on where the records end.
pub(crate) async fn add(client: &Client, times_added: u64) {
    for topic in TOPICS {
        let from = topic.records + times_added * ADDED;
        topic.write(client, from, from + ADDED).await;
    }
}

impl Contents {
    async fn write(&self, client: &Client, from: u64, to: u64) {
        let config = ProducerConfig {
            compression: self.codec,
            ..ProducerConfig::default()
        };
        let producer = Producer::new(client, config);
        let mut sent = Vec::new();
        for partition in 0..self.partitions {
            for number in from..to {
                let key = self.key(number);
                let value = self.value(partition, number);
                let record = ProducerRecord {
                    topic: self.name,
                    partition: Some(partition),
                    key: key.as_ref().map(<[u8; 8]>::as_slice),
                    value: Some(&value),
                    ..ProducerRecord::default()
                };
                let delivery = producer.send(record).await;
                sent.push(delivery.unwrap_or_else(|error| panic!("{}: {error}", self.name)));
            }
        }
        for delivery in sent {
            let outcome = delivery.wait().await;
            outcome.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        }
        producer.close().await;
    }

    fn key(&self, number: u64) -> Option<[u8; 8]> {
        self.keys.map(|keys| (number % keys).to_be_bytes())
    }

    fn value(&self, partition: i32, number: u64) -> Vec<u8> {
        let text = format!("{}-{partition} {number} ", self.name);
        let mut value = text.repeat(VALUE_BYTES / text.len() + 1).into_bytes();
        value.truncate(VALUE_BYTES);
        value
    }

    /// Every record is as it was written. Of a table all newest are there, and what is older may be.
    async fn check(&self, client: &Client, records: u64) {
        let name = self.name;
        let ends = end_offsets(client, name, self.partitions).await;
        for (partition, end) in (0..).zip(ends) {
            assert_eq!(u64::try_from(end), Ok(records), "{name}-{partition}");
            let start = start_of(client, name, partition).await;
            let expected = match (name, partition) == (DELETED.0, DELETED.1) {
                true => DELETED.2,
                false => 0,
            };
            assert_eq!(start, expected, "{name}-{partition}");
            let read = read(client, name, partition, Isolation::ReadUncommitted).await;
            for record in &read {
                let number = u64::try_from(record.offset).expect("not negative");
                let value = record.value.as_deref();
                assert_eq!(value, Some(&*self.value(partition, number)), "{number}");
                let key = self.key(number);
                assert_eq!(record.key.as_deref(), key.as_ref().map(<[u8; 8]>::as_slice));
            }
            let offsets: Vec<i64> = read.iter().map(|record| record.offset).collect();
            let newest = match self.keys {
                None => start..end,
                Some(keys) => end - i64::try_from(keys).expect("few")..end,
            };
            let missing = newest
                .into_iter()
                .find(|it| offsets.binary_search(it).is_err());
            assert_eq!(missing, None, "{name}-{partition}");
        }
    }
}

async fn start_of(client: &Client, topic: &str, partition: i32) -> i64 {
    let question = [(TopicPartition::new(topic, partition), OffsetSpec::Earliest)];
    let told = client
        .admin()
        .list_offsets(question.into(), Isolation::ReadUncommitted)
        .await;
    let mut told = told.into_values();
    let found: FoundOffset = told.next().expect("one was asked for").expect("an offset");
    found.offset
}

/// All records that there are, to the end.
pub(crate) async fn read(
    client: &Client,
    topic: &str,
    partition: i32,
    isolation: Isolation,
) -> Vec<Record> {
    let ends = end_offsets(client, topic, partition + 1).await;
    let end = ends.last().copied().unwrap_or(0);
    let name = TopicPartition::new(topic, partition);
    let config = ConsumerConfig {
        isolation,
        out_of_range: OutOfRange::Fail,
        ..ConsumerConfig::default()
    };
    let mut consumer = Consumer::new(client, config, [(name.clone(), StartFrom::Earliest)]);
    let mut records = Vec::new();
    while consumer.position(&name).unwrap_or(0) < end {
        let fetched = timeout(PATIENCE, consumer.next()).await;
        let fetched = fetched.unwrap_or_else(|_| panic!("{topic}-{partition} has no end"));
        let fetched = fetched.unwrap_or_else(|error| panic!("{error}"));
        for record in fetched.records() {
            records.push(record.unwrap_or_else(|error| panic!("{error}")));
        }
    }
    records
}

fn offsets() -> BTreeMap<TopicPartition, i64> {
    let offset = |(partition, offset)| (TopicPartition::new("plain", partition), offset);
    [(0, 17), (1, 3_017)].map(offset).into()
}

async fn commit(client: &Client) {
    let wanted = offsets().into_iter();
    let wanted = wanted.map(|(at, offset)| (at, CommittedOffset::new(offset)));
    let told = client
        .admin()
        .commit_group_offsets(GROUP, &wanted.collect())
        .await;
    for (partition, outcome) in told.expect("the group takes offsets") {
        outcome.unwrap_or_else(|error| panic!("{partition}: {error}"));
    }
}

async fn committed(client: &Client) -> BTreeMap<TopicPartition, i64> {
    let told = client.admin().group_offsets(GROUP).await;
    let told = told.unwrap_or_else(|error| panic!("no offsets of {GROUP}: {error}"));
    let offset = |(at, outcome): (TopicPartition, Result<CommittedOffset, _>)| {
        let committed = outcome.unwrap_or_else(|error| panic!("{at}: {error}"));
        (at, committed.offset)
    };
    told.into_iter().map(offset).collect()
}
