//! What a run leaves to be judged: what clients saw, in the order in which they saw it, and the
//! replicas of every log after the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

/// A partition as its folder is named.
pub type Partition = String;

/// A record's value: no two records of a run have the same. The upper half says who wrote it.
pub type Value = u64;

/// Which client it is.
pub type Client = u32;

/// Who wrote a value.
pub fn writer_of(value: Value) -> Client {
    Client::try_from(value >> 32).expect("half of it")
}

/// The first value of a writer.
pub fn first_value(writer: Client) -> Value {
    Value::from(writer) << 32
}

/// An end of a log, as offsets are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// The log start offset.
    Start,
    /// The high watermark.
    End,
}

/// Something that a client did or saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A record is about to be written.
    Sends {
        /// Where to; unknown if its key decides.
        partition: Option<Partition>,
        /// What.
        value: Value,
    },
    /// A record was acknowledged by all; where, if that was told.
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
        /// By whom.
        reader: Client,
        /// Where.
        partition: Partition,
        /// Its offset.
        offset: i64,
        /// What it says.
        value: Value,
    },
    /// A fetch told the high watermark.
    HighWatermark {
        /// To whom.
        reader: Client,
        /// Of what.
        partition: Partition,
        /// The offset.
        offset: i64,
    },
    /// A client asks for an end of a log.
    Asks {
        /// Of what.
        partition: Partition,
        /// Which.
        bound: Bound,
        /// Which question it is.
        question: u64,
    },
    /// It was told.
    Told {
        /// Of what.
        partition: Partition,
        /// Which.
        bound: Bound,
        /// The answer to which question.
        question: u64,
        /// The offset.
        offset: i64,
    },
    /// Records below an offset are about to be deleted.
    Trims {
        /// Of what.
        partition: Partition,
        /// The offset.
        offset: i64,
    },
    /// They were.
    Trimmed {
        /// Of what.
        partition: Partition,
        /// The log start offset that was told.
        offset: i64,
    },
    /// A group is about to commit an offset.
    Commits {
        /// Of what.
        partition: Partition,
        /// The offset.
        offset: i64,
    },
    /// It did.
    Committed {
        /// Of what.
        partition: Partition,
        /// The offset.
        offset: i64,
    },
    /// A client asks for what a group committed.
    AsksCommitted {
        /// Of what.
        partition: Partition,
        /// Which question it is.
        question: u64,
    },
    /// It was told.
    ToldCommitted {
        /// Of what.
        partition: Partition,
        /// The answer to which question.
        question: u64,
        /// The offset, if there is one.
        offset: Option<i64>,
    },
    /// A member is about to join the group.
    Joins {
        /// Which.
        member: Client,
        /// Which question it is.
        question: u64,
    },
    /// It was told what it owns.
    Owns {
        /// Which.
        member: Client,
        /// The answer to which question.
        question: u64,
        /// Of the group.
        generation: i32,
        /// What.
        partitions: Vec<i32>,
    },
    /// A member is about to commit an offset.
    CommitsAs {
        /// Which question it is.
        question: u64,
        /// In which it owns what it commits for.
        generation: i32,
    },
    /// It was taken.
    CommittedAs {
        /// The answer to which question.
        question: u64,
    },
    /// A transaction is about to write.
    Begins {
        /// Which: the value of its records.
        transaction: Value,
    },
    /// It has ended, as its producer was told.
    Ends {
        /// Which.
        transaction: Value,
        /// Whether it is committed.
        commits: bool,
    },
    /// A record of a transaction was read by somebody who reads what is committed.
    Audited {
        /// Where.
        partition: Partition,
        /// Of which transaction.
        transaction: Value,
    },
    /// A key is about to get a value, or to be deleted.
    Keeps {
        /// Which.
        key: u64,
        /// No two of a run are the same; also the value, unless it is deleted.
        version: Value,
        /// Whether it is deleted.
        deletes: bool,
    },
    /// It was acknowledged.
    Kept {
        /// Which.
        version: Value,
    },
    /// Whoever reads what is committed has read all there is.
    AuditEnds,
    /// Reading failed for good.
    ReadFailed {
        /// In words.
        reason: String,
    },
}

impl Event {
    /// Whether it shows what a partition holds: a machine that loses power without having synced may
    /// take that back.
    pub fn shows(&self) -> bool {
        match self {
            Event::Acknowledged { .. }
            | Event::Read { .. }
            | Event::HighWatermark { .. }
            | Event::Asks { .. }
            | Event::Told { .. }
            | Event::Trimmed { .. } => true,
            Event::Sends { .. }
            | Event::Trims { .. }
            | Event::Commits { .. }
            | Event::Committed { .. }
            | Event::AsksCommitted { .. }
            | Event::ToldCommitted { .. }
            | Event::Joins { .. }
            | Event::Owns { .. }
            | Event::CommitsAs { .. }
            | Event::CommittedAs { .. }
            | Event::Begins { .. }
            | Event::Ends { .. }
            | Event::Audited { .. }
            | Event::Keeps { .. }
            | Event::Kept { .. }
            | Event::AuditEnds
            | Event::ReadFailed { .. } => false,
        }
    }
}

/// Whether a log is compacted, by each replica for itself.
pub fn is_compacted(partition: &str) -> bool {
    let topics = ["__consumer_offsets-", "__transaction_state-"];
    topics.iter().any(|topic| partition.starts_with(topic))
}

/// An entry of a replica's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its Raft term: the leader epoch.
    pub term: i32,
    /// Raft indexes that it takes: more than one where compaction has left a gap.
    pub indexes: u64,
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

    /// The offset of the first record that was not purged.
    pub fn start(&self) -> i64 {
        let first = self.entries.values().next();
        first.map_or(0, |entry| entry.offsets.start)
    }

    /// The offset after the last record.
    pub fn end(&self) -> i64 {
        let entries = self.entries.values();
        entries.map(|entry| entry.offsets.end).max().unwrap_or(0)
    }
}

/// A replica of the compacted log as it was on disk at the end: what it adds up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Whose it is.
    pub broker: i32,
    /// The newest value of each key that has one.
    pub values: BTreeMap<u64, Value>,
    /// The offset after the last record.
    pub end: i64,
    /// Records that it is made of.
    pub records: usize,
}

/// All of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// What clients saw, in order.
    pub events: Vec<Event>,
    /// What is known to be committed of each partition: the largest offset that a client was told.
    pub committed: BTreeMap<Partition, i64>,
    /// Writers whose records may be there more than once: they do not number them.
    pub repeating: BTreeSet<Client>,
    /// Records of which a log may have lost the numbers before it took them: they may be there in another
    /// order, or twice.
    pub unnumbered: BTreeSet<Value>,
    /// Up to where each reader has read each partition in the end.
    pub read_to: BTreeMap<(Client, Partition), i64>,
    /// The replicas of each log that is written by clients.
    pub replicas: BTreeMap<Partition, Vec<Replica>>,
    /// The replicas of the logs that only brokers write.
    pub internal: BTreeMap<Partition, Vec<Replica>>,
    /// The replicas of the log that is compacted.
    pub tables: Vec<Table>,
    /// Everything below is committed in that log, and nothing is behind.
    pub kept_to: i64,
    /// Lines that told of acknowledged data that a disk does not have any more, though it has flipped no
    /// bits.
    pub damaged: Vec<String>,
    /// What is not committed, and keeps what is from being read, though all transactions have ended.
    pub unstable: Vec<String>,
    /// What did not go on within the time allowed after everything was healed, in words.
    pub stuck: Vec<String>,
}

impl History {
    /// Below which offset a partition's records may be gone, because somebody has deleted them or tried
    /// to.
    pub fn trimmed(&self, partition: &str) -> i64 {
        let offsets = self.events.iter().map(|event| match event {
            Event::Trims {
                partition: of,
                offset,
            } if of == partition => *offset,
            _ => 0,
        });
        offsets.max().unwrap_or(0)
    }
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
