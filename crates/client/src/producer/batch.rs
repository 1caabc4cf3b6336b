//! Records that travel together, and those who wait for them.
//!
//! Invariant: every batch has an outcome in the end. Whoever drops a batch without one, as when the runtime shuts
//! down, leaves [`ProduceError::Closed`].

use std::sync::{Arc, OnceLock};

use ottla_protocol::records::{Batch, BatchBuilder, Compression, ProducerStamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::error::ProduceError;
use super::record::{Delivery, ProducerRecord};
use crate::partition::TopicPartition;

/// Where a batch stands in the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Appended {
    /// The first record's offset, if the broker told it.
    pub(super) base_offset: Option<i64>,
    /// The broker's timestamp for all records, if the topic uses it.
    pub(super) log_append_time_ms: Option<i64>,
}

impl Appended {
    /// In the log for all that is known, but nobody told where.
    pub(super) const SOMEWHERE: Appended = Appended {
        base_offset: None,
        log_append_time_ms: None,
    };
}

/// What became of a batch, for those who sent its records.
#[derive(Debug)]
pub(super) struct Outcome {
    partition: TopicPartition,
    result: OnceLock<Result<Appended, ProduceError>>,
    done: Notify,
}

impl Outcome {
    pub(super) fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    pub(super) async fn wait(&self) -> Result<Appended, ProduceError> {
        loop {
            let done = self.done.notified();
            if let Some(result) = self.result.get() {
                return result.clone();
            }
            done.await;
        }
    }

    /// Settles it, unless it is settled.
    fn settle(&self, result: Result<Appended, ProduceError>) {
        let _ = self.result.set(result);
        self.done.notify_waiters();
    }
}

/// Who a producer is to the brokers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ProducerIdentity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// What marks a batch as one that was or will be sent exactly once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    pub(super) identity: ProducerIdentity,
    pub(super) base_sequence: i32,
}

/// A batch in a partition's queue or on its way.
#[derive(Debug)]
pub(super) struct PendingBatch {
    /// Its place among the partition's batches: lower was opened earlier.
    pub(super) order: u64,
    /// When it was opened.
    pub(super) opened: Instant,
    /// Attempts that failed.
    pub(super) failures: u32,
    /// The last failure.
    pub(super) last_failure: Option<String>,
    /// Whether it was ever written to a socket without a proof that it was not appended.
    pub(super) is_in_doubt: bool,
    /// Not to be sent again before.
    pub(super) not_before: Option<Instant>,
    /// Its sequence, once it has one.
    pub(super) stamp: Option<Stamp>,
    /// Memory it is charged for.
    pub(super) charged_bytes: usize,
    content: Content,
    outcome: Arc<Outcome>,
}

#[derive(Debug)]
enum Content {
    Open(BatchBuilder),
    /// Built for a stamp; another stamp needs another header.
    Built(Batch, Option<Stamp>),
    /// Taken out to be built, which failed.
    Gone,
}

impl PendingBatch {
    pub(super) fn new(
        partition: TopicPartition,
        order: u64,
        opened: Instant,
        compression: Compression,
        level: Option<i32>,
    ) -> Self {
        PendingBatch {
            order,
            opened,
            failures: 0,
            last_failure: None,
            is_in_doubt: false,
            not_before: None,
            stamp: None,
            charged_bytes: 0,
            content: Content::Open(BatchBuilder::new(compression).with_level(level)),
            outcome: Arc::new(Outcome {
                partition,
                result: OnceLock::new(),
                done: Notify::new(),
            }),
        }
    }

    /// Adds a record. Only for a batch that was not built yet.
    pub(super) fn push(
        &mut self,
        record: &ProducerRecord<'_>,
        timestamp: i64,
        charge_bytes: usize,
    ) -> Delivery {
        let Content::Open(builder) = &mut self.content else {
            unreachable!("records are pushed to the open batch of a queue only");
        };
        let index = builder.record_count();
        builder.push(timestamp, record.key, record.value, record.headers);
        self.charged_bytes += charge_bytes;
        Delivery {
            outcome: self.outcome.clone(),
            index,
            timestamp,
        }
    }

    /// Its size before compression while it is open, and as it will be sent once it is built.
    pub(super) fn size_bytes(&self) -> usize {
        match &self.content {
            Content::Open(builder) => builder.plain_size_bytes(),
            Content::Built(batch, _) => batch.size_bytes(),
            Content::Gone => 0,
        }
    }

    pub(super) fn record_count(&self) -> i32 {
        match &self.content {
            Content::Open(builder) => builder.record_count(),
            Content::Built(batch, _) => batch.header.record_count,
            Content::Gone => 0,
        }
    }

    pub(super) fn partition(&self) -> &TopicPartition {
        self.outcome.partition()
    }

    /// The bytes to send, packed the first time and stamped anew if the stamp changed.
    pub(super) fn built(&mut self) -> Result<Batch, ProduceError> {
        let stamp = self.stamp;
        let batch = match std::mem::replace(&mut self.content, Content::Gone) {
            Content::Open(builder) => {
                let builder = match stamp {
                    Some(stamp) => builder.with_producer(record_stamp(stamp)),
                    None => builder,
                };
                builder
                    .build()
                    .map_err(|error| ProduceError::Compression(error.to_string()))?
            }
            Content::Built(batch, known) if known == stamp => batch,
            Content::Built(batch, _) => restamped(batch, stamp),
            Content::Gone => return Err(ProduceError::Closed),
        };
        self.content = Content::Built(batch.clone(), stamp);
        Ok(batch)
    }

    /// Tells everyone who waits.
    pub(super) fn settle(self, result: Result<Appended, ProduceError>) {
        self.outcome.settle(result);
    }
}

impl Drop for PendingBatch {
    fn drop(&mut self) {
        self.outcome.settle(Err(ProduceError::Closed));
    }
}

fn record_stamp(stamp: Stamp) -> ProducerStamp {
    ProducerStamp {
        producer_id: stamp.identity.id,
        producer_epoch: stamp.identity.epoch,
        base_sequence: stamp.base_sequence,
        transactional: false,
    }
}

fn restamped(mut batch: Batch, stamp: Option<Stamp>) -> Batch {
    use ottla_protocol::records::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE};
    let header = &mut batch.header;
    (
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
    ) = match stamp {
        Some(stamp) => (stamp.identity.id, stamp.identity.epoch, stamp.base_sequence),
        None => (NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE),
    };
    batch.sealed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> PendingBatch {
        PendingBatch::new(
            TopicPartition::new("t", 0),
            0,
            Instant::now(),
            Compression::Lz4,
            None,
        )
    }

    fn stamp(epoch: i16, base_sequence: i32) -> Stamp {
        Stamp {
            identity: ProducerIdentity { id: 7, epoch },
            base_sequence,
        }
    }

    fn record(value: &[u8]) -> ProducerRecord<'_> {
        ProducerRecord {
            value: Some(value),
            ..ProducerRecord::default()
        }
    }

    #[tokio::test]
    async fn each_record_gets_its_own_offset_and_timestamp() {
        let mut batch = batch();
        let first = batch.push(&record(b"a"), 5, 1);
        let second = batch.push(&record(b"b"), 6, 1);
        batch.settle(Ok(Appended {
            base_offset: Some(40),
            log_append_time_ms: None,
        }));
        let (first, second) = (first.wait().await.unwrap(), second.wait().await.unwrap());
        assert_eq!((first.offset, first.timestamp), (Some(40), 5));
        assert_eq!((second.offset, second.timestamp), (Some(41), 6));
    }

    #[tokio::test]
    async fn a_batch_that_is_dropped_tells_so() {
        let mut batch = batch();
        let delivery = batch.push(&record(b"a"), 5, 1);
        drop(batch);
        assert!(matches!(delivery.wait().await, Err(ProduceError::Closed)));
    }

    #[test]
    fn a_batch_is_built_once_and_stamped_anew_without_touching_its_records() {
        let mut batch = batch();
        batch.push(&record(b"a"), 5, 1);
        batch.stamp = Some(stamp(0, 3));
        let first = batch.built().unwrap();
        assert_eq!(batch.built().unwrap(), first);
        batch.stamp = Some(stamp(1, 0));
        let second = batch.built().unwrap();
        second.verify_crc().unwrap();
        assert_eq!(second.payload, first.payload);
        assert_eq!(
            (second.header.producer_epoch, second.header.base_sequence),
            (1, 0)
        );
    }
}
