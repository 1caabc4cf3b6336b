//! A thin client of Kafka's protocol, for the command line, tests and benches.
//!
//! It speaks to Ottla and to Apache Kafka alike. In reading order:
//!
//! - [`address`], [`config`], [`error`], [`limits`]: what everything else is given and gives back;
//! - [`backoff`]: waiting between attempts;
//! - [`connection`]: one socket to one broker.

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
