//! How a directory is opened, why it cannot be, and what it counts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ottla_platform::clock::Clock;

/// Who carries out writes and syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drive {
    /// A writer and a flusher of the directory, each on a thread of its own.
    #[default]
    Workers,
    /// The caller, by [`LogDir::turn`](crate::LogDir::turn): for simulations, where the order of
    /// everything is given.
    Manual,
}

/// Called once, with the first error that makes a directory unusable.
pub type OnFailure = Box<dyn Fn(&str) + Send + Sync>;

/// How to open a log directory.
pub struct LogDirOptions {
    /// Wall clock, for creation times and delayed deletion.
    pub clock: Arc<dyn Clock>,
    /// Who writes.
    pub drive: Drive,
    /// Segments mapped at once; beyond it the least recently used are unmapped. 0: never map.
    pub mapped_files_max: usize,
    /// Refuse proposals while the file system has less free space than this.
    pub reserve_bytes: u64,
    /// Told of the first fatal error.
    pub on_failure: OnFailure,
}

/// Why a directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogDirError {
    /// No identity: not formatted, see [`DirectoryMeta::write`](crate::DirectoryMeta::write).
    #[error("the log directory has no meta.properties")]
    NotFormatted,
    /// Another process uses it.
    #[error("the log directory is in use by another process")]
    Locked,
    /// The disk fails.
    #[error("the log directory cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Rounds are counted by the power of two of their microseconds; the last holds all longer ones.
const FLUSH_BUCKETS: usize = 24;

/// Counters of a directory since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirStats {
    /// Bytes written to segments.
    pub written_bytes: u64,
    /// Frames written.
    pub written_frames: u64,
    /// Write calls.
    pub writes: u64,
    /// Flush rounds.
    pub flush_rounds: u64,
    /// Files synced.
    pub synced_files: u64,
    /// Rounds by duration: entry n counts those of less than 2ⁿ microseconds that no lower entry
    /// counts; the last counts all longer ones.
    pub flush_micros_log2: [u64; FLUSH_BUCKETS],
    /// Total time of all rounds.
    pub flush_micros_total: u64,
    /// Bytes of open logs that were read again to see whether they are whole.
    pub checked_bytes: u64,
    /// Damaged frames, and those behind them, that were written again as other replicas have them.
    pub mended_frames: u64,
    /// Logs open.
    pub open_logs: u64,
}

/// The counters as they are counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    written_bytes: AtomicU64,
    written_frames: AtomicU64,
    writes: AtomicU64,
    flush_rounds: AtomicU64,
    synced_files: AtomicU64,
    flush_micros_log2: [AtomicU64; FLUSH_BUCKETS],
    flush_micros_total: AtomicU64,
    checked_bytes: AtomicU64,
    mended_frames: AtomicU64,
}

impl Counters {
    pub(crate) fn wrote(&self, frames: usize, bytes: u64) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.written_frames
            .fetch_add(frames as u64, Ordering::Relaxed);
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn flushed(&self, files: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.flush_rounds.fetch_add(1, Ordering::Relaxed);
        self.synced_files.fetch_add(files as u64, Ordering::Relaxed);
        self.flush_micros_total.fetch_add(micros, Ordering::Relaxed);
        self.flush_micros_log2[bucket.min(FLUSH_BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn checked(&self, bytes: u64) {
        self.checked_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn mended(&self, frames: usize) {
        self.mended_frames
            .fetch_add(frames as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, open_logs: usize) -> DirStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DirStats {
            written_bytes: get(&self.written_bytes),
            written_frames: get(&self.written_frames),
            writes: get(&self.writes),
            flush_rounds: get(&self.flush_rounds),
            synced_files: get(&self.synced_files),
            flush_micros_log2: self.flush_micros_log2.each_ref().map(get),
            flush_micros_total: get(&self.flush_micros_total),
            checked_bytes: get(&self.checked_bytes),
            mended_frames: get(&self.mended_frames),
            open_logs: open_logs as u64,
        }
    }
}
