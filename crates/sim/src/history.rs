//! What a run leaves to be judged: what clients saw, in the order in which they saw it, and the
//! replicas of every log after the end.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// A partition as its folder is named.
pub type Partition = String;

/// A record's value: no two records of a run have the same.
pub type Value = u64;

/// Something that a client saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A record was acknowledged; where, if that was told.
    Acknowledged {
        /// Where to it was written.
        partition: Partition,
        /// What.
        value: Value,
        /// Where it is said to be.
        offset: Option<i64>,
    },
    /// A record was read.
    Read {
        /// Where.
        partition: Partition,
        /// Its offset.
        offset: i64,
        /// What it says.
        value: Value,
    },
    /// A fetch told the high watermark.
    HighWatermark {
        /// Of what.
        partition: Partition,
        /// The offset.
        offset: i64,
    },
    /// A client asks for the latest offset.
    Asks {
        /// Of what.
        partition: Partition,
        /// Which question it is.
        question: u64,
    },
    /// It was told.
    Told {
        /// Of what.
        partition: Partition,
        /// The answer to which question.
        question: u64,
        /// The offset.
        offset: i64,
    },
    /// Reading failed for good.
    ReadFailed {
        /// In words.
        reason: String,
    },
}

/// An entry of a replica's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its Raft term: the leader epoch.
    pub term: i32,
    /// The offsets that it takes; none if it is Raft's own.
    pub offsets: Range<i64>,
    /// Its bytes on disk.
    pub bytes: Vec<u8>,
    /// Its records.
    pub records: Vec<(i64, Value)>,
}

/// A replica of a log as it was on disk at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replica {
    /// Whose it is.
    pub broker: i32,
    /// What was not purged, by Raft index.
    pub entries: BTreeMap<u64, Entry>,
}

impl Replica {
    /// The records, by offset.
    pub fn records(&self) -> BTreeMap<i64, Value> {
        let entries = self.entries.values();
        entries.flat_map(|entry| entry.records.clone()).collect()
    }

    /// The offset after the last record.
    pub fn end(&self) -> i64 {
        let entries = self.entries.values();
        entries.map(|entry| entry.offsets.end).max().unwrap_or(0)
    }
}

/// All of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What clients saw, in order.
    pub events: Vec<Event>,
    /// What is known to be committed of each partition: the largest offset that a client was told.
    pub committed: BTreeMap<Partition, i64>,
    /// The replicas of each log that is written by clients.
    pub replicas: BTreeMap<Partition, Vec<Replica>>,
    /// The replicas of the logs that only brokers write.
    pub internal: BTreeMap<Partition, Vec<Replica>>,
    /// What did not go on within the time allowed after everything was healed, in words.
    pub stuck: Vec<String>,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub promise: &'static str,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.seen)
    }
}
