//! Consuming records of assigned partitions. In reading order:
//!
//! - `handle`: the consumer: records out, position by position;
//! - `config`, `error`: what it is given and gives back;
//! - `fetched`: what was fetched from one partition at once, and the records in it;
//! - `visible`: which batches a reader sees, transactions considered. Pure;
//! - `cursor`: where a partition is read and what an answer means for it. Pure;
//! - `request`: a Fetch request and its response;
//! - `fetcher`: the task that fetches ahead.

mod config;
mod cursor;
mod error;
mod fetched;
mod fetcher;
mod handle;
mod request;
mod visible;

#[cfg(test)]
mod tests;

pub use config::{ConsumerConfig, OutOfRange, StartFrom};
pub use error::ConsumeError;
pub use fetched::{Fetched, Records};
pub use handle::Consumer;
