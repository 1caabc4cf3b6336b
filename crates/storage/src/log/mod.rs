//! One partition's log.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use ottla_protocol::records::{BatchHeader, CheckedBatch};

use crate::config::LogConfig;
use crate::dir::LogDir;
use crate::entry::EntryMeta;
use crate::epochs::EpochEnd;
use crate::frame::{Frame, Private};
use crate::outcome::{Condition, DiskFull, FollowerReject, Outcome, Placed};
use crate::transactions::AbortedTransaction;
use crate::{Boundary, Identity, LogId};

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
#[error("{file} is damaged at byte {position}: index {index} (offset {offset}) and later are lost")]
pub struct Damage {
    /// Segment file.
    pub file: String,
    /// Where the first bad frame begins.
    pub position: u64,
    /// Its Raft index.
    pub index: u64,
    /// Its Kafka offset.
    pub offset: i64,
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
    /// May not be in memory: send it from a thread that may block.
    pub cold: bool,
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

/// One partition's log. Cheap to clone; all calls take `&self`. Unless a call says that it
/// blocks, it does not wait for the disk (reads may page-fault). Appends, truncation, purge and
/// reset come from one caller, one at a time; everything else from anywhere.
#[derive(Clone)]
pub struct Log {}

impl Log {
    /// Opens the log in folder `name` of the directory, making it if absent, after checking what
    /// a crash may have left. Everything kept is durable on return. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        _dir: &LogDir,
        _name: &str,
        _identity: Identity,
        _config: LogConfig,
        _on_damage: OnDamage,
    ) -> Result<(Log, Recovered), OpenError> {
        todo!()
    }

    /// Whether there is room for a proposal of this size. To be asked before it is proposed:
    /// afterwards it cannot be refused, only wait.
    ///
    /// # Errors
    /// The directory is full.
    pub fn admit(&self, _size_bytes: usize) -> Result<(), DiskFull> {
        todo!()
    }

    /// The place of a batch that is in the log already, if it is among its producer's last five.
    pub fn duplicate_of(&self, _header: &BatchHeader) -> Option<Placed> {
        todo!()
    }

    /// Appends a batch as leader of `id.term` at the next index: gives it its offset and epoch,
    /// and under LogAppendTime its timestamp; checks condition, producer epoch and sequence.
    /// A batch that is not accepted leaves a void frame. Readable on return, see [`Log::submit`].
    pub fn append_leader(
        &self,
        _id: LogId,
        _batch: CheckedBatch,
        _condition: Option<Condition>,
        _now_ms: i64,
    ) -> Outcome {
        todo!()
    }

    /// Appends a raft-only frame at the next index, as leader.
    pub fn append_private(&self, _id: LogId, _private: &Private) {
        todo!()
    }

    /// Appends a frame from the leader after checking CRC, term, index and base offset.
    ///
    /// # Errors
    /// The frame does not follow the log or is damaged; nothing was changed.
    pub fn append_follower(
        &self,
        _id: LogId,
        _frame: Frame,
        _now_ms: i64,
    ) -> Result<(), FollowerReject> {
        todo!()
    }

    /// Has everything appended so far written and, under [`FlushPolicy::Fsync`](crate::FlushPolicy),
    /// synced, then calls `done`. Calls come in the order of submission.
    pub fn submit(&self, _done: Done) {
        todo!()
    }

    /// Saves the vote; `done` is called when it would survive a power cut, in order with
    /// submissions. At most [`VOTE_BYTES_MAX`](crate::VOTE_BYTES_MAX).
    pub fn save_vote(&self, _vote: Bytes, _done: Done) {
        todo!()
    }

    /// The vote saved last.
    pub fn read_vote(&self) -> Option<Bytes> {
        todo!()
    }

    /// Notes what is committed. Reaches the disk some time later, together with the log start.
    pub fn save_committed(&self, _committed: LogId) {
        todo!()
    }

    /// What was noted last; after a crash, something earlier.
    pub fn read_committed(&self) -> Option<LogId> {
        todo!()
    }

    /// Drops every frame after `index` (all of them if `None`) and forgets what they did to
    /// producer state and epochs. Durable on return. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn truncate_after(&self, _index: Option<u64>) -> io::Result<()> {
        todo!()
    }

    /// Forgets frames up to `id`, as whole segments as space goes. If the log ends before `id`,
    /// it becomes empty and goes on after it at the same Kafka offset. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn purge_through(&self, _id: LogId) -> io::Result<()> {
        todo!()
    }

    /// Replaces the whole log by an empty one that begins at `boundary`. A crash leaves the old
    /// log or the new. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn reset_to(&self, _boundary: &Boundary) -> io::Result<()> {
        todo!()
    }

    /// Where the log begins and ends.
    pub fn state(&self) -> LogState {
        todo!()
    }

    /// The entry at `index` if it is in memory (as recent ones are) or can be read.
    pub fn entry(&self, _index: u64) -> Option<EntryMeta> {
        todo!()
    }

    /// The entries of a range, without data; those of it that the log has.
    ///
    /// # Errors
    /// The disk fails or the log is damaged.
    pub fn entries(&self, _range: Range<u64>) -> io::Result<Vec<EntryMeta>> {
        todo!()
    }

    /// Frames from exactly `start` to before `end`, as many as fit `max_bytes` but at least one.
    /// Payloads are slices, not copies.
    ///
    /// # Errors
    /// `start` is not in the log, the disk fails or the log is damaged.
    pub fn frames(
        &self,
        _start: u64,
        _end: u64,
        _max_bytes: usize,
    ) -> io::Result<Vec<(EntryMeta, Frame)>> {
        todo!()
    }

    /// Each term in the log (and the purged one before it) with its first index, ascending.
    pub fn terms(&self) -> Vec<LogId> {
        todo!()
    }

    /// The newest membership at or below an index.
    pub fn last_membership(&self, _at_or_below: u64) -> Option<(LogId, Bytes)> {
        todo!()
    }

    /// Whole batches from the one that holds `offset`, up to `max_bytes` and ending at or before
    /// offset `below`. With `min_one` the first batch comes whatever its size.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(
        &self,
        _offset: i64,
        _max_bytes: usize,
        _min_one: bool,
        _below: i64,
    ) -> Result<ReadSlices, ReadError> {
        todo!()
    }

    /// The first record at or after `timestamp`, below offset `below`. Blocks.
    ///
    /// # Errors
    /// The disk fails or a batch cannot be unpacked.
    pub fn offset_for_timestamp(
        &self,
        _timestamp: i64,
        _below: i64,
    ) -> io::Result<Option<TimestampOffset>> {
        todo!()
    }

    /// The record with the largest timestamp below offset `below` (the first of equals). Blocks.
    ///
    /// # Errors
    /// As [`Log::offset_for_timestamp`].
    pub fn max_timestamp(&self, _below: i64) -> io::Result<Option<TimestampOffset>> {
        todo!()
    }

    /// The end of a leader epoch, as OffsetForLeaderEpoch answers it.
    pub fn epoch_end(&self, _epoch: i32) -> EpochEnd {
        todo!()
    }

    /// The epoch that wrote, or will write, the record at `offset`; −1 if unknown.
    pub fn epoch_for_offset(&self, _offset: i64) -> i32 {
        todo!()
    }

    /// The last stable offset, given the high watermark.
    pub fn last_stable_offset(&self, _high_watermark: i64) -> i64 {
        todo!()
    }

    /// Aborted transactions with records in `from..to`, ascending by first offset.
    ///
    /// # Errors
    /// The disk fails.
    pub fn aborted_transactions(
        &self,
        _from: i64,
        _to: i64,
    ) -> io::Result<Vec<AbortedTransaction>> {
        todo!()
    }

    /// Moves the log's start, never back: at the apply of a committed
    /// [`Private::LogStart`]. Rolls the active segment if all its records fall below.
    pub fn advance_log_start(&self, _offset: i64) {
        todo!()
    }

    /// Where retention by time and size would put the log's start, if further on. Looks only at
    /// segments below the high watermark. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn retention_target(&self, _now_ms: i64, _high_watermark: i64) -> io::Result<Option<i64>> {
        todo!()
    }

    /// The newest boundary with all frames before it at or below `index` and all records before
    /// it below the log's start: what may be purged is what lies before it. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn boundary_for_purge(&self, _index: u64) -> io::Result<Option<Boundary>> {
        todo!()
    }

    /// The newest boundary with all frames before it at or below `index`. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn boundary_below(&self, _index: u64) -> io::Result<Option<Boundary>> {
        todo!()
    }

    /// Changes the settings from now on.
    pub fn set_config(&self, _config: LogConfig) {
        todo!()
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        todo!()
    }

    /// Who the log belongs to.
    pub fn identity(&self) -> Identity {
        todo!()
    }

    /// Writes and syncs everything, gives back reserved space, and leaves what a fast start
    /// needs. The log accepts nothing afterwards. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn close(&self) -> io::Result<()> {
        todo!()
    }

    /// Drops the log: renames its folder, which [`LogDir::tidy`] removes after
    /// `file.delete.delay.ms`. Durable on return. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn delete(&self) -> io::Result<()> {
        todo!()
    }
}
