//! Segments: the files that a log consists of.
//!
//! In reading order: file names, the head that says where a segment begins, index entries, which
//! frames get one, the files of one segment, its bytes, the segment itself, a
//! view of it for readers, walking its frames.

mod bytes;
mod entries;
mod files;
mod head;
mod name;
mod salvage;
mod sparse;
mod state;
mod view;
mod walk;

pub(crate) use bytes::LogBytes;
pub(crate) use entries::{Entry, FileEntries, OffsetEntry, RaftEntry, TimeEntry};
pub(crate) use files::{Kind, MapCache, SegmentFiles};
pub(crate) use head::{HEAD_LEN, Head};
pub(crate) use name::{base_offset_of, file_name};
pub(crate) use sparse::{Sparse, Times};
pub(crate) use state::{Aborted, Segment};
pub(crate) use view::View;
pub(crate) use walk::{Step, Walk};
