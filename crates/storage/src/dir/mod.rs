//! A log directory: the folder that holds partitions, its identity, its lock, the threads that
//! write and sync for all of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ottla_platform::clock::Clock;
use ottla_platform::disk::Disk;
use uuid::Uuid;

/// Who a directory belongs to; kept in its `meta.properties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryMeta {
    /// Random, made with the directory: an emptied disk gets another.
    pub directory_id: Uuid,
    /// The cluster.
    pub cluster_id: String,
    /// The broker.
    pub node_id: i32,
}

impl DirectoryMeta {
    /// Reads the directory's identity; `None` if it has none yet.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or of a newer format.
    pub fn read(_disk: &dyn Disk, _directory: &Path) -> io::Result<Option<DirectoryMeta>> {
        todo!()
    }

    /// Writes the identity so that it survives a power cut; makes the directory.
    ///
    /// # Errors
    /// The disk fails.
    pub fn write(&self, _disk: &dyn Disk, _directory: &Path) -> io::Result<()> {
        todo!()
    }
}

/// Who carries out writes and syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drive {
    /// A writer and a flush thread of the directory.
    #[default]
    Threads,
    /// The caller, by [`LogDir::turn`]: for simulations, where the order of everything is given.
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
    /// Files mapped at once; beyond it the least recently used are unmapped. 0: never map.
    pub mapped_files_max: usize,
    /// Refuse proposals while the file system has less free space than this.
    pub reserve_bytes: u64,
    /// Told of the first fatal error.
    pub on_failure: OnFailure,
}

/// Why a directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogDirError {
    /// No identity: not formatted, see [`DirectoryMeta::write`].
    #[error("the log directory has no meta.properties")]
    NotFormatted,
    /// Another process uses it.
    #[error("the log directory is in use by another process")]
    Locked,
    /// The disk fails.
    #[error("the log directory cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// One log directory, open. Cheap to clone.
#[derive(Clone)]
pub struct LogDir {}

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
    /// Rounds by duration: entry n counts those of less than 2ⁿ microseconds that no lower entry
    /// counts; the last counts all longer ones.
    pub flush_micros_log2: [u64; 24],
    /// Total time of all rounds.
    pub flush_micros_total: u64,
    /// Logs open.
    pub open_logs: u64,
}

impl LogDir {
    /// Opens a formatted directory, takes its lock and starts its threads. Blocks.
    ///
    /// # Errors
    /// See [`LogDirError`].
    pub fn open(
        _disk: Arc<dyn Disk>,
        _directory: &Path,
        _options: LogDirOptions,
    ) -> Result<LogDir, LogDirError> {
        todo!()
    }

    /// Who the directory belongs to.
    pub fn meta(&self) -> &DirectoryMeta {
        todo!()
    }

    /// Whether the last process closed the directory in order.
    pub fn was_clean(&self) -> bool {
        todo!()
    }

    /// Names of the partition folders, sorted; folders being deleted are not among them. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn log_names(&self) -> io::Result<Vec<String>> {
        todo!()
    }

    /// The first fatal error; everything fails from then on.
    pub fn failure(&self) -> Option<String> {
        todo!()
    }

    /// Whether proposals are refused for lack of space.
    pub fn is_full(&self) -> bool {
        todo!()
    }

    /// Under [`Drive::Manual`]: writes what is queued, then runs one flush round; whether there
    /// was anything to do.
    pub fn turn(&self) -> bool {
        todo!()
    }

    /// A chore, to be called every few seconds: removes deleted files whose time has come, closes
    /// files of idle logs and shrinks their memory, looks at free space, syncs logs whose
    /// `flush.ms` is over. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn tidy(&self) -> io::Result<()> {
        todo!()
    }

    /// Counters.
    pub fn stats(&self) -> DirStats {
        todo!()
    }

    /// Ends the threads and, if every log was closed, leaves the mark that makes the next start
    /// fast. Blocks.
    ///
    /// # Errors
    /// The disk fails; the next start will check the logs.
    pub fn close(&self) -> io::Result<()> {
        todo!()
    }
}
