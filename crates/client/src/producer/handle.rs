//! The producer: records in, promises of their delivery out.

use std::sync::Arc;

use super::accumulator::{Accumulator, Added};
use super::config::ProducerConfig;
use super::error::ProduceError;
use super::record::{Delivery, ProducerRecord};
use super::sender::Sender;
use crate::client::{Client, IfMissing};

/// Sends records in batches. Share it by reference or in an `Arc`; records sent by one caller keep their order
/// within a partition.
///
/// Dropping it lets what was sent before still be delivered, as long as the runtime runs; [`close`](Self::close)
/// waits for that.
pub struct Producer {
    client: Client,
    config: ProducerConfig,
    accumulator: Arc<Accumulator>,
}

impl Producer {
    /// A producer with its own connections to the client's cluster. Starts the task that sends.
    pub fn new(client: &Client, config: ProducerConfig) -> Self {
        let client = client.with_own_connections();
        let accumulator = Arc::new(Accumulator::new(config.clone()));
        let sender = Sender::new(client.clone(), config.clone(), accumulator.clone());
        tokio::spawn(sender.run());
        Producer {
            client,
            config,
            accumulator,
        }
    }

    /// Puts a record into a batch. Waits only for metadata of a topic not used before, and for memory
    /// (`buffer.memory`); the record has been copied when this returns.
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<Delivery, ProduceError> {
        let chance = || self.client.chance();
        // The usual case does not touch the clock.
        if let Added::Accepted(delivery) = self.accumulator.add(&record, chance)? {
            return Ok(delivery);
        }
        let block_max = self.config.block_max;
        let waiting = self.send_when_possible(&record);
        let waited = tokio::time::timeout(block_max, waiting).await;
        waited.unwrap_or(Err(ProduceError::BufferFull(block_max)))
    }

    async fn send_when_possible(
        &self,
        record: &ProducerRecord<'_>,
    ) -> Result<Delivery, ProduceError> {
        loop {
            // Listening begins before looking, so that no bell is missed.
            let room = self.accumulator.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            match self.accumulator.add(record, || self.client.chance())? {
                Added::Accepted(delivery) => return Ok(delivery),
                Added::Full => room.await,
                Added::UnknownTopic => self.register(record.topic).await?,
            }
        }
    }

    async fn register(&self, topic: &str) -> Result<(), ProduceError> {
        let if_missing = if self.config.create_topics {
            IfMissing::Create
        } else {
            IfMissing::Fail
        };
        let topic = self.client.topic(topic, if_missing).await?;
        self.accumulator
            .register(&topic.name, topic.partitions.len(), self.client.chance());
        Ok(())
    }

    /// Sends everything now and waits until every record sent before is delivered or has failed; each failure is
    /// told by the record's own [`Delivery`].
    pub async fn flush(&self) {
        for outcome in self.accumulator.flush() {
            let _ = outcome.wait().await;
        }
    }

    /// Flushes, and ends the task. Records sent afterwards fail.
    pub async fn close(self) {
        self.accumulator.close();
        self.flush().await;
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.accumulator.close();
    }
}
