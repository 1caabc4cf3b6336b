//! librdkafka's clients for one broker, and the waiting that its polling style asks for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ottla_tests::{Broker, wait};
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{Message, message::BorrowedMessage};

/// The longest that anything may take before it counts as not happening.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn config(broker: &Broker, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    config.set("broker.address.family", "v4");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

/// What became of each record, in the order of the answers.
pub(crate) type Outcome = Result<(i32, i64), KafkaError>;

/// Notes partition and offset of every record delivered, or its error.
#[derive(Clone, Default)]
pub(crate) struct Deliveries(Arc<Mutex<Vec<Outcome>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let outcome = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().expect("no panic while locked").push(outcome);
    }
}

/// A producer and what it has delivered.
pub(crate) struct Sender {
    producer: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
}

impl Sender {
    pub(crate) fn new(broker: &Broker, settings: &[(&str, &str)]) -> Sender {
        let deliveries = Deliveries::default();
        let producer = config(broker, settings)
            .create_with_context(deliveries.clone())
            .expect("librdkafka accepts the settings");
        Sender {
            producer,
            deliveries,
        }
    }

    /// Hands one record to librdkafka, which sends it when it likes.
    pub(crate) fn send(&self, record: BaseRecord<'_, str, str>) {
        self.producer
            .send(record)
            .map_err(|(error, _)| error)
            .expect("the queue has room");
    }

    /// Waits until all records have an outcome.
    pub(crate) fn finish(self) -> Vec<Outcome> {
        self.producer
            .flush(PATIENCE)
            .expect("all records end in time");
        let mut outcomes = self.deliveries.0.lock().expect("no panic while locked");
        std::mem::take(&mut *outcomes)
    }
}

/// The offsets of records that all have been delivered.
pub(crate) fn offsets(outcomes: &[Outcome]) -> Vec<i64> {
    let offset = |outcome: &Outcome| outcome.as_ref().expect("the record is delivered").1;
    outcomes.iter().map(offset).collect()
}

/// A consumer of partition 0 from this offset on.
pub(crate) fn consumer_at(
    broker: &Broker,
    topic: &str,
    offset: Offset,
    settings: &[(&str, &str)],
) -> BaseConsumer {
    let consumer: BaseConsumer = config(broker, settings)
        .set("group.id", "unused") // librdkafka insists, though assigned partitions need none
        .set("enable.auto.commit", "false")
        .create()
        .expect("librdkafka accepts the settings");
    let mut partitions = TopicPartitionList::new();
    partitions
        .add_partition_offset(topic, 0, offset)
        .expect("the offset is legal");
    consumer.assign(&partitions).expect("assigning is local");
    consumer
}

/// Polls until this many records came.
pub(crate) fn read(consumer: &BaseConsumer, count: usize) -> Vec<OwnedMessage> {
    let mut records = Vec::new();
    wait::until(&format!("{count} records"), PATIENCE, || {
        while let Some(polled) = consumer.poll(Duration::from_millis(100)) {
            let record = polled.unwrap_or_else(|error| panic!("consumer failed: {error}"));
            records.push(BorrowedMessage::detach(&record));
        }
        (records.len() >= count).then_some(())
    });
    records
}

pub(crate) fn values(records: &[OwnedMessage]) -> Vec<String> {
    let text = |record: &OwnedMessage| {
        let payload = record.payload().unwrap_or_default();
        String::from_utf8_lossy(payload).into_owned()
    };
    records.iter().map(text).collect()
}

pub(crate) fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    config(broker, &[])
        .create()
        .expect("librdkafka accepts the settings")
}

pub(crate) fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE))
}

/// A new topic of one partition.
pub(crate) fn create_topic(broker: &Broker, topic: &str, configs: &[(&str, &str)]) {
    let mut wanted = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    for (key, value) in configs {
        wanted = wanted.set(key, value);
    }
    let results = futures::executor::block_on(admin(broker).create_topics([&wanted], &options()))
        .expect("the broker answers");
    assert_eq!(results, [Ok(topic.to_owned())]);
}
