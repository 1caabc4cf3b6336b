//! The load, made by our own client whoever the broker is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ottla_client::admin::NewTopic;
use ottla_client::consumer::{Consumer, ConsumerConfig, StartFrom};
use ottla_client::producer::Delivery;
use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord, TopicPartition};
use ottla_tests::client::{create_topic, end_offsets};

use crate::Options;

/// Records of a partition that may wait for their acknowledgement.
const WINDOW: usize = 4_096;
/// Topics in one request.
const TOPICS_PER_REQUEST: usize = 100;
/// The longest that the next records may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Creates a topic and fills all its partitions at once; acknowledged by all, idempotent. Returns
/// how many bytes of values were sent.
pub(crate) async fn produce(client: &Client, topic: &str, gib: f64, options: &Options) -> u64 {
    create_topic(client, topic, options.partitions, &[]).await;
    let config = ProducerConfig {
        batch_bytes: options.batch_bytes(),
        linger: Duration::from_millis(options.linger_ms),
        ..ProducerConfig::default()
    };
    let producer = Arc::new(Producer::new(client, config));
    let share_bytes = gib * f64::from(1 << 30) / f64::from(options.partitions);
    let records = (share_bytes / options.record_bytes as f64).ceil() as u64;
    let lanes: Vec<_> = (0..options.partitions)
        .map(|partition| {
            let value = filling(options.record_bytes, partition);
            let topic = topic.to_owned();
            tokio::spawn(fill(producer.clone(), topic, partition, value, records))
        })
        .collect();
    for lane in lanes {
        lane.await.expect("a lane does not panic");
    }
    let lanes = u64::try_from(options.partitions).expect("there are some partitions");
    lanes * records * u64::try_from(options.record_bytes).expect("records are small")
}

async fn fill(
    producer: Arc<Producer>,
    topic: String,
    partition: i32,
    value: Vec<u8>,
    records: u64,
) {
    let record = ProducerRecord {
        topic: &topic,
        partition: Some(partition),
        value: Some(&value),
        ..ProducerRecord::default()
    };
    let mut waiting: VecDeque<Delivery> = VecDeque::with_capacity(WINDOW);
    for _ in 0..records {
        if waiting.len() == WINDOW {
            take(waiting.pop_front().expect("the window is full")).await;
        }
        let sent = producer.send(record).await;
        waiting.push_back(sent.unwrap_or_else(|error| panic!("{topic}-{partition}: {error}")));
    }
    for delivery in waiting {
        take(delivery).await;
    }
}

async fn take(delivery: Delivery) {
    let outcome = delivery.wait().await;
    outcome.unwrap_or_else(|error| panic!("a record was not delivered: {error}"));
}

/// Bytes that no codec and no page of zeros makes easy.
fn filling(bytes: usize, partition: i32) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(partition.unsigned_abs());
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

/// Reads all partitions of a topic from their beginning to their end. Returns how many bytes of
/// batches came.
pub(crate) async fn consume(client: &Client, topic: &str, options: &Options) -> u64 {
    let ends = end_offsets(client, topic, options.partitions).await;
    let partition = |number| TopicPartition::new(topic, number);
    let assignment = (0..options.partitions).map(|number| (partition(number), StartFrom::Earliest));
    let config = ConsumerConfig {
        check_crcs: false, // the generator's cores are the broker's too
        ..ConsumerConfig::default()
    };
    let mut consumer = Consumer::new(client, config, assignment);
    let mut bytes = 0;
    let is_behind = |consumer: &Consumer| {
        let mut numbers = (0..).zip(&ends);
        numbers.any(|(number, end)| consumer.position(&partition(number)).unwrap_or(0) < *end)
    };
    while is_behind(&consumer) {
        let fetched = tokio::time::timeout(PATIENCE, consumer.next()).await;
        let fetched = fetched
            .unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}"))
            .unwrap_or_else(|error| panic!("{topic}: {error}"));
        let sizes = fetched.batches().iter().map(|batch| batch.payload.len());
        bytes += u64::try_from(sizes.sum::<usize>()).expect("a response is small");
    }
    bytes
}

/// Creates topics of one partition, and returns once each has a leader.
pub(crate) async fn create_topics(client: &Client, count: usize) {
    let topics: Vec<NewTopic> = (0..count)
        .map(|number| NewTopic {
            name: format!("one-of-many-{number}"),
            partitions: Some(1),
            ..NewTopic::default()
        })
        .collect();
    for request in topics.chunks(TOPICS_PER_REQUEST) {
        let outcomes = client.admin().create_topics(request, false).await;
        for outcome in outcomes.unwrap_or_else(|error| panic!("cannot create topics: {error}")) {
            outcome.unwrap_or_else(|error| panic!("cannot create a topic: {error}"));
        }
    }
    while led_topics(client).await < count {}
}

async fn led_topics(client: &Client) -> usize {
    let topics = client.admin().list_topics().await;
    topics
        .unwrap_or_else(|error| panic!("cannot list topics: {error}"))
        .iter()
        .filter(|topic| {
            topic
                .partitions
                .iter()
                .all(|partition| partition.leader.is_some())
        })
        .count()
}
