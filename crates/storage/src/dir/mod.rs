//! Log directories: the folder that holds partitions, what is kept for all of them, and the two
//! threads that write and sync.
//!
//! In reading order: identity, options and counters, the directory, what its parts share, the
//! state journal, queues, writer, flusher, how several files are synced, syncs shared by blocking
//! calls, delayed deletion, folders of logs that should not be here.

mod flusher;
mod group_sync;
mod journal;
mod log_dir;
mod meta;
mod options;
mod queue;
mod shared;
mod strays;
mod sync_choice;
mod trash;
pub(crate) mod writer;

pub(crate) use journal::Saved;
pub use log_dir::{LogDir, Volume};
pub use meta::DirectoryMeta;
pub use options::{DirStats, Drive, LogDirError, LogDirOptions, OnFailure};
pub(crate) use shared::{DirShared, Slot};
pub use strays::PartitionFolder;
pub(crate) use trash::{DELETED_FILE, DELETED_FOLDER, folder_name_after};
