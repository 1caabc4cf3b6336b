//! The requests, one at a time.

use std::time::Duration;

use clap::ValueEnum;
use ottla_client::consumer::{Consumer, ConsumerConfig, StartFrom};
use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord, TopicPartition};
use ottla_tests::Broker;
use ottla_tests::client::{connect, create_topic};

const TOPIC: &str = "counted";

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Request {
    /// Metadata of one topic
    Metadata,
    /// Produce with one record of 100 B
    ProduceSmall,
    /// Produce with a batch of 64 KiB
    ProduceBatch,
    /// Produce with a batch of 64 KiB, and the Fetch that reads it
    ProduceAndFetchBatch,
    /// Produce with one record of 100 B, and the Fetch that waited for it
    EndToEnd,
}

impl Request {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("none is hidden");
        value.get_name().to_owned()
    }

    pub(crate) fn title(self) -> String {
        let value = self.to_possible_value().expect("none is hidden");
        let help = value.get_help().map(ToString::to_string);
        format!("{}: {}", value.get_name(), help.unwrap_or_default())
    }

    /// Sends so many and waits for each.
    pub(crate) async fn send(self, broker: &Broker, count: u32) {
        let client = connect(broker).await;
        create_topic(&client, TOPIC, 1, &[]).await;
        match self {
            Request::Metadata => metadata(&client, count).await,
            Request::ProduceSmall => produce(&client, count, 100).await,
            Request::ProduceBatch => produce(&client, count, 65_000).await,
            Request::ProduceAndFetchBatch => {
                produce(&client, count, 65_000).await;
                let mut consumer = consumer(&client);
                for _ in 0..count {
                    next(&mut consumer).await;
                }
            }
            Request::EndToEnd => end_to_end(&client, count).await,
        }
        Client::close(&client);
    }
}

async fn metadata(client: &Client, count: u32) {
    for _ in 0..count {
        let topic = client.admin().describe_topic(TOPIC).await;
        topic.unwrap_or_else(|error| panic!("{TOPIC}: {error}"));
    }
}

async fn produce(client: &Client, count: u32, bytes: usize) {
    let producer = producer(client);
    let value = vec![b'v'; bytes];
    for _ in 0..count {
        write(&producer, &value).await;
    }
    producer.close().await;
}

async fn end_to_end(client: &Client, count: u32) {
    let producer = producer(client);
    let mut consumer = consumer(client);
    for _ in 0..count {
        write(&producer, &[b'v'; 100]).await;
        next(&mut consumer).await;
    }
    producer.close().await;
}

fn producer(client: &Client) -> Producer {
    let config = ProducerConfig {
        linger: Duration::ZERO,
        ..ProducerConfig::default()
    };
    Producer::new(client, config)
}

/// One that takes a batch at a time.
fn consumer(client: &Client) -> Consumer {
    let config = ConsumerConfig {
        partition_bytes_max: 1,
        ..ConsumerConfig::default()
    };
    let partition = TopicPartition::new(TOPIC, 0);
    Consumer::new(client, config, [(partition, StartFrom::Earliest)])
}

async fn write(producer: &Producer, value: &[u8]) {
    let record = ProducerRecord {
        topic: TOPIC,
        partition: Some(0),
        value: Some(value),
        ..ProducerRecord::default()
    };
    let outcome = async { producer.send(record).await?.wait().await };
    if let Err(error) = outcome.await {
        panic!("{TOPIC}: {error}");
    }
}

async fn next(consumer: &mut Consumer) {
    if let Err(error) = consumer.next().await {
        panic!("{TOPIC}: {error}");
    }
}
