//! A thin client of Kafka's protocol, for the command line, tests and benches.
//!
//! It speaks to Ottla and to Apache Kafka alike. It is not a library for applications: it looks after consumer groups but
//! joins none, and there are no transactions and no security yet. In reading order:
//!
//! - [`address`], [`config`], [`error`], [`limits`]: what everything else is given and gives back;
//! - [`backoff`]: waiting between attempts;
//! - [`connection`]: one socket to one broker;
//! - [`cluster`], [`partition`]: what a client knows of a cluster, and the names in it;
//! - [`client`]: the cluster as one thing to talk to;
//! - [`admin`]: topics, offsets, records, configs, groups;
//! - [`producer`]: records in;
//! - [`consumer`]: records out.
//!
//! Tasks: two per connection (`connection::link`), one per producer (`producer::sender`), one per consumer
//! (`consumer::fetcher`). A [`Client`] has none: whoever calls it drives the work.
//!
//! ```no_run
//! use ottla_client::*;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(ClientConfig::new(Address::parse_list("127.0.0.1:9092")?)).await?;
//!
//! let producer = Producer::new(&client, ProducerConfig::default());
//! let record = ProducerRecord {
//!     topic: "orders",
//!     value: Some(b"one"),
//!     ..ProducerRecord::default()
//! };
//! let delivered = producer.send(record).await?.wait().await?;
//! producer.close().await;
//!
//! let start = [(delivered.partition, StartFrom::Earliest)];
//! let mut consumer = Consumer::new(&client, ConsumerConfig::default(), start);
//! for record in consumer.next().await?.records() {
//!     assert!(record?.value.is_some());
//! }
//! # Ok(())
//! # }
//! ```

pub mod address;
pub mod admin;
pub mod backoff;
pub mod client;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod consumer;
pub mod error;
pub mod limits;
pub mod partition;
pub mod producer;
mod wire;

#[cfg(test)]
mod fake;

pub use address::Address;
pub use client::{Client, IfMissing};
pub use config::ClientConfig;
pub use connection::{Connection, ConnectionOptions};
pub use consumer::{Consumer, ConsumerConfig, StartFrom};
pub use error::{ClientError, ConnectionError};
pub use partition::{Isolation, OffsetSpec, TopicPartition};
pub use producer::{Producer, ProducerConfig, ProducerRecord};
