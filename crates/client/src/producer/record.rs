//! A record on its way in, and what its sender gets back.

use std::sync::Arc;

use super::batch::Outcome;
use super::error::ProduceError;
use crate::partition::TopicPartition;

/// A record to be sent. It is copied into its batch at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProducerRecord<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; `None` lets the key or chance decide.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; `None` takes the time of sending.
    pub timestamp: Option<i64>,
    /// The key; records with the same key go to the same partition.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone on a compacted topic.
    pub value: Option<&'a [u8]>,
    /// Headers; names may repeat.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl ProducerRecord<'_> {
    /// About how many bytes the record takes in a batch: never less than it does.
    pub(super) fn size_bytes(&self) -> usize {
        /// Length, attributes, timestamp and offset deltas, the lengths of key and value, header count, all at most.
        const OVERHEAD_BYTES: usize = 36;
        /// Two lengths per header.
        const HEADER_OVERHEAD_BYTES: usize = 10;

        let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + len(*value) + HEADER_OVERHEAD_BYTES)
            .sum();
        OVERHEAD_BYTES + len(self.key) + len(self.value) + headers
    }
}

/// The promise to tell what becomes of one record. Dropping it does not take the record back.
#[derive(Debug)]
pub struct Delivery {
    pub(super) outcome: Arc<Outcome>,
    pub(super) index: i32,
    pub(super) timestamp: i64,
}

/// A record in the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivered {
    /// Where it is.
    pub partition: TopicPartition,
    /// Its offset; `None` without acks, and for a record whose first acknowledgement got lost.
    pub offset: Option<i64>,
    /// Its timestamp: the record's own, or the broker's if the topic says so.
    pub timestamp: i64,
}

impl Delivery {
    /// Waits until the record is delivered or has failed.
    pub async fn wait(self) -> Result<Delivered, ProduceError> {
        let appended = self.outcome.wait().await?;
        Ok(Delivered {
            partition: self.outcome.partition().clone(),
            offset: appended
                .base_offset
                .map(|base| base.saturating_add(self.index.into())),
            timestamp: appended.log_append_time_ms.unwrap_or(self.timestamp),
        })
    }
}
