//! Producing records. In reading order:
//!
//! - `handle`: the producer: sending, flushing, closing;
//! - `config`, `record`, `error`: what it is given and gives back;
//! - `partitioner`: which partition a record goes to;
//! - `batch`: records that travel together, and those who wait for them;
//! - `queue`: the batches of one partition: order, sequences, what an answer means. Pure;
//! - `accumulator`: all queues, and the memory they may hold;
//! - `request`: a Produce request, written around the batches;
//! - `exchange`: one request and what its response says about each batch;
//! - `identity`: getting a producer id;
//! - `trial`: trying again after a while;
//! - `sender`: the task that sends them.

mod accumulator;
mod batch;
mod config;
mod error;
mod exchange;
mod handle;
mod identity;
mod partitioner;
mod queue;
mod record;
mod request;
mod sender;
mod trial;

#[cfg(test)]
mod tests;

pub use config::{Acks, ProducerConfig};
pub use error::ProduceError;
pub use handle::Producer;
pub use partitioner::{murmur2, partition_for_key};
pub use record::{Delivered, Delivery, ProducerRecord};
