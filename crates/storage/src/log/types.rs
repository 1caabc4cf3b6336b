//! What the calls of a log take and give.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use crate::{Identity, LogId};

/// Called when what was submitted is done, with the error if the directory failed. Runs on a
/// thread of the directory (or inside the call that finds it failed): must not block.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Where a log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// The last frame purged; `None` if none ever was.
    pub purged: Option<LogId>,
    /// The last frame, or `purged` if there is none after it.
    pub last: Option<LogId>,
    /// Raft index of the next frame.
    pub next_index: u64,
    /// Records below are deleted.
    pub log_start_offset: i64,
    /// Offset of the next record.
    pub log_end_offset: i64,
}

/// What to do if acknowledged data turns out damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// Touch nothing and fail with [`OpenError::Damaged`].
    #[default]
    Refuse,
    /// Cut the log before the damage. The replica has forgotten what it acknowledged: it must not
    /// vote until it has caught up with a leader.
    Cut,
}

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The folder did not exist.
    pub created: bool,
    /// Closed in order the last time; nothing was checked.
    pub clean: bool,
    /// Bytes read and checked.
    pub scanned_bytes: u64,
    /// Bytes after the last whole frame, cut off: writes that no one was told of.
    pub torn_bytes: u64,
    /// Damage below the durable mark, under [`OnDamage::Cut`].
    pub damage: Option<Damage>,
    /// The vote may be older than one that was promised: do not vote before catching up.
    pub vote_in_doubt: bool,
}

/// Acknowledged data that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is damaged at byte {position}: index {index} (offset {offset}) cannot be read",
    file.display()
)]
pub struct Damage {
    /// Segment file.
    pub file: PathBuf,
    /// Where the first bad frame begins.
    pub position: u64,
    /// Where the segment's frames end, because another follows; `u64::MAX` if it is the last.
    pub limit: u64,
    /// Its Raft index.
    pub index: u64,
    /// Its Kafka offset.
    pub offset: i64,
    /// The frame before it.
    pub previous: Option<LogId>,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// So far all is good, and there is more.
    More,
    /// All is good.
    End,
    /// Nothing behind this was read.
    Damaged(Damage),
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder belongs to another topic, partition or group.
    #[error("the folder belongs to {found}, not to {expected}")]
    WrongIdentity {
        /// Asked for.
        expected: Identity,
        /// In the folder.
        found: Identity,
    },
    /// Acknowledged data is damaged; nothing was changed.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The log is open already.
    #[error("the log is open already")]
    InUse,
    /// The disk fails.
    #[error("the log cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Bytes for a fetch: whole batches in offset order, raft-only frames left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadSlices {
    /// Adjacent batches share a slice.
    pub slices: Vec<Bytes>,
    /// Base offset of the first batch, at or below the offset asked for.
    pub first_offset: i64,
    /// Where to read on; equal to the offset asked for if there is nothing.
    pub next_offset: i64,
    /// Sum of the slices.
    pub size_bytes: usize,
}

/// Why nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Below the log's start or above its end.
    #[error("offset outside of {log_start_offset} to {log_end_offset}")]
    OffsetOutOfRange {
        /// First offset.
        log_start_offset: i64,
        /// Next offset.
        log_end_offset: i64,
    },
    /// The disk fails.
    #[error("the log cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl ReadError {
    /// See [`is_damage`].
    pub fn is_damage(&self) -> bool {
        matches!(self, ReadError::Io(error) if is_damage(error))
    }
}

/// Whether an error says that what was read of a log is not what was written. Another replica may mend it.
pub fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// A record found by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    /// Its timestamp.
    pub timestamp: i64,
    /// Its offset.
    pub offset: i64,
    /// The epoch that wrote it.
    pub leader_epoch: i32,
}
