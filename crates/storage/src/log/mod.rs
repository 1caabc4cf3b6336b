//! One partition's log.
//!
//! In reading order: what calls take and give; the handle, with appends; the state under the lock;
//! the way to the disk and what is written; entries for Raft; reads for clients; look-ups by time; boundaries and
//! retention; truncation, purge and reset; compaction, and how what is
//! written anew gets into its place; opening, what a crash leaves, how damage is found and mended, of
//! frames and of indexes, and what a newcomer has; closing and deletion.

mod boundaries;
mod check;
mod cleaning;
mod close;
mod entries;
mod expected;
mod handle;
mod index_check;
mod mend;
mod open;
pub(crate) mod partition_file;
mod pipeline;
mod read;
mod recover;
mod repair;
mod replace;
mod retention;
mod rewrite;
mod scan;
mod shared;
mod swap;
mod times;
mod truncate;
mod types;
mod whole;
mod write_work;

/// Files to sync.
type Dirty = Vec<std::sync::Arc<dyn ottla_platform::disk::DiskFile>>;

pub use check::SegmentCheck;
pub use cleaning::{Cleaned, Cleaning, CleaningOptions};
pub use handle::Log;
pub(crate) use pipeline::FlushWork;
pub use repair::Repair;
pub(crate) use shared::LogShared;
pub use types::{
    Checked, Damage, Done, LogState, OnDamage, OpenError, ReadError, ReadSlices, Recovered,
    TimestampOffset, is_damage,
};
pub(crate) use write_work::{Roll, WriteFrames, WriteIndex, WriteStep};
