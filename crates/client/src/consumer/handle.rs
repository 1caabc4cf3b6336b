//! The consumer: records of assigned partitions, read ahead.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::config::{ConsumerConfig, StartFrom};
use super::error::ConsumeError;
use super::fetched::Fetched;
use super::fetcher::{Fetcher, Handed};
use crate::client::Client;
use crate::limits::FETCHED_QUEUE_MAX;
use crate::partition::TopicPartition;

/// Reads the partitions it was given. Dropping it ends the task that fetches.
pub struct Consumer {
    handed: mpsc::Receiver<Handed>,
    positions: BTreeMap<TopicPartition, i64>,
}

impl Consumer {
    /// A consumer of these partitions with its own connections to the client's cluster. Starts fetching at once.
    pub fn new(
        client: &Client,
        config: ConsumerConfig,
        assignment: impl IntoIterator<Item = (TopicPartition, StartFrom)>,
    ) -> Self {
        let (output, handed) = mpsc::channel(FETCHED_QUEUE_MAX);
        let fetcher = Fetcher::new(client.with_own_connections(), config, assignment, output);
        tokio::spawn(fetcher.run());
        Consumer {
            handed,
            positions: BTreeMap::new(),
        }
    }

    /// Waits for the next records of any partition. Records of one partition come in order. An error is about one
    /// partition, which is not read on; the others are. Nothing is lost if this is dropped while it waits.
    pub async fn next(&mut self) -> Result<Fetched, ConsumeError> {
        let fetched = self
            .handed
            .recv()
            .await
            .unwrap_or(Err(ConsumeError::Finished))?;
        self.positions
            .insert(fetched.partition.clone(), fetched.next_offset);
        Ok(fetched)
    }

    /// The offset behind the records of a partition that [`next`](Self::next) has given; `None` before the first.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.positions.get(partition).copied()
    }
}
