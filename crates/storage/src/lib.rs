//! One partition's log on disk: Kafka's segments, with Raft's numbering beside Kafka's.
//!
//! Knows of files, frames and offsets; not of Raft's rules, topics, requests or tasks. In reading
//! order: what a log is made of, what is known at a point of it, a log, a directory of logs.

mod base64;
mod boundary;
mod codec;
mod compaction;
mod config;
mod dir;
mod entry;
mod epochs;
mod frame;
mod history;
mod ids;
pub mod inspect;
mod log;
mod outcome;
mod producers;
mod segment;
mod small_file;
mod tail;
#[cfg(test)]
mod testing;
mod transactions;

pub use boundary::{BadBoundary, Boundary};
pub use compaction::Need;
pub use config::{FlushPolicy, LogConfig};
pub use dir::{
    DirStats, DirectoryMeta, Drive, LogDir, LogDirError, LogDirOptions, OnFailure, PartitionFolder,
    Volume,
};
pub use entry::{EntryKind, EntryMeta};
pub use epochs::{EpochEnd, EpochStart};
pub use frame::{CheckedFrame, Frame, Private, PrivateError};
pub use ids::{Identity, LogId};
pub use log::{
    Checked, Cleaned, Cleaning, CleaningOptions, Damage, Done, Log, LogState, OnDamage, OpenError,
    ReadError, ReadSlices, Recovered, Repair, SegmentCheck, TimestampOffset, is_damage,
};
pub use outcome::{Condition, DiskFull, FollowerReject, Outcome, Placed, Rejection};
pub use producers::{BATCHES_KEPT, Producer, ProducerBatch};
pub use transactions::{AbortedTransaction, CompletedTransaction};

/// Largest vote, encoded, that [`Log::save_vote`] takes.
pub const VOTE_BYTES_MAX: usize = 256;
