//! One partition's log.
//!
//! In reading order: what calls take and give; the handle, with appends; the state under the lock;
//! the way to the disk and what is written; entries for Raft; reads for clients; look-ups by time; boundaries and
//! retention; truncation, purge and reset; opening, what a crash leaves, how damage is found and mended, and
//! what a newcomer has; closing and deletion.

mod boundaries;
mod check;
mod close;
mod entries;
mod expected;
mod handle;
mod mend;
mod open;
pub(crate) mod partition_file;
mod pipeline;
mod read;
mod recover;
mod replace;
mod retention;
mod scan;
mod shared;
mod times;
mod truncate;
mod types;
mod whole;
mod write_work;

/// Files to sync.
type Dirty = Vec<std::sync::Arc<dyn ottla_platform::disk::DiskFile>>;

pub use check::SegmentCheck;
pub use handle::Log;
pub(crate) use pipeline::FlushWork;
pub(crate) use shared::LogShared;
pub use types::{
    Checked, Damage, Done, LogState, OnDamage, OpenError, ReadError, ReadSlices, Recovered,
    TimestampOffset, is_damage,
};
pub(crate) use write_work::{Roll, WriteFrames, WriteIndex, WriteStep};
