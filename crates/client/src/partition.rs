//! The name of one partition, and where in it something begins.

use std::fmt;
use std::sync::Arc;

/// A topic and a partition of it. Whether it exists is another question.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl TopicPartition {
    /// Puts the two together.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        TopicPartition {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.topic, self.partition)
    }
}

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OffsetSpec {
    /// The first one there.
    Earliest,
    /// The one that the next record gets; with [`Isolation::ReadCommitted`] the first of an open transaction.
    Latest,
    /// That of the record with the largest timestamp.
    MaxTimestamp,
    /// The first one on the broker's own disk, under tiered storage.
    EarliestLocal,
    /// The last one in tiered storage.
    LatestTiered,
    /// The first one not yet in tiered storage.
    EarliestPendingUpload,
    /// The first one with at least this timestamp, in milliseconds since the epoch.
    Timestamp(i64),
}

impl OffsetSpec {
    /// As ListOffsets has it: negative numbers are special.
    pub(crate) fn timestamp(self) -> i64 {
        match self {
            OffsetSpec::Latest => -1,
            OffsetSpec::Earliest => -2,
            OffsetSpec::MaxTimestamp => -3,
            OffsetSpec::EarliestLocal => -4,
            OffsetSpec::LatestTiered => -5,
            OffsetSpec::EarliestPendingUpload => -6,
            OffsetSpec::Timestamp(timestamp) => timestamp.max(0),
        }
    }
}

/// Whether records of transactions that are open or were aborted are seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Isolation {
    /// They are.
    #[default]
    ReadUncommitted,
    /// They are not.
    ReadCommitted,
}

impl Isolation {
    /// As requests have it.
    pub(crate) fn level(self) -> i8 {
        match self {
            Isolation::ReadUncommitted => 0,
            Isolation::ReadCommitted => 1,
        }
    }
}
