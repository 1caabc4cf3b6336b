//! A segment as a reader takes it out of the lock: what is written of it, and where to look.

use std::io;
use std::sync::Arc;

use super::entries::FileEntries;
use super::walk::Begin;
use super::{Head, Kind, LogBytes, MapCache, OffsetEntry, RaftEntry, Segment, SegmentFiles, Walk};

/// The written part of a segment at one moment. It stays readable whatever becomes of the log.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) head: Head,
    pub(crate) end: u32,
    files: Arc<SegmentFiles>,
    /// How long the log file may become: as much is mapped at once.
    full_len: u64,
    offsets_in_file: Option<u32>,
    raft_in_file: Option<u32>,
    /// From here on a search may begin, if it is not in the index file.
    hint: Option<Begin>,
}

impl View {
    fn of(segment: &Segment, full_len: u64) -> View {
        View {
            head: segment.head,
            end: segment.written,
            files: Arc::clone(&segment.files),
            full_len,
            offsets_in_file: segment.sparse.offsets.in_file,
            raft_in_file: segment.sparse.raft.in_file,
            hint: None,
        }
    }

    /// For a search by Kafka offset.
    pub(crate) fn for_offset(segment: &Segment, full_len: u64, offset: i64) -> View {
        let relative = offset - segment.head.base_offset;
        let beyond = |entry: &OffsetEntry| i64::from(entry.relative_offset) >= relative;
        let floor = segment.sparse.offsets.floor_pending(beyond);
        let hint = floor.map(|entry| begin_with(&segment.head, entry));
        View {
            hint,
            ..View::of(segment, full_len)
        }
    }

    /// For a search by Raft index.
    pub(crate) fn for_index(segment: &Segment, full_len: u64, index: u64) -> View {
        let first_index = segment.head.first_index;
        let beyond = |entry: &RaftEntry| first_index + u64::from(entry.relative_index) >= index;
        let floor = segment.sparse.raft.floor_pending(beyond);
        let hint = floor.map(|entry| Begin {
            position: entry.position,
            index: first_index + u64::from(entry.relative_index),
            ..Begin::default()
        });
        View {
            hint,
            ..View::of(segment, full_len)
        }
    }

    /// For a walk from the frame with a known position and Raft index.
    pub(crate) fn at(segment: &Segment, full_len: u64, position: u32, index: u64) -> View {
        View {
            hint: Some(Begin {
                position,
                index,
                ..Begin::default()
            }),
            ..View::of(segment, full_len)
        }
    }

    pub(crate) fn bytes(&self, maps: &MapCache) -> io::Result<LogBytes> {
        self.files.bytes(maps, self.end.into(), self.full_len)
    }

    /// A walk that begins before the batch that holds `offset`, or with the segment. Its Raft indexes mean
    /// nothing.
    pub(crate) fn walk_to_offset(&self, maps: &MapCache, offset: i64) -> io::Result<Walk> {
        let begin = match self.hint {
            Some(hint) => hint,
            None => {
                let relative = offset - self.head.base_offset;
                let entries: FileEntries<OffsetEntry> =
                    self.files.entries(Kind::Offsets, self.offsets_in_file)?;
                let floor = entries.floor(|e| i64::from(e.relative_offset) >= relative)?;
                floor.map_or(self.first(), |entry| begin_with(&self.head, entry))
            }
        };
        Ok(Walk::new(self.bytes(maps)?, begin, self.end))
    }

    /// A walk that begins before the frame with this Raft index, with the segment, or at a frame whose
    /// position is known from memory.
    pub(crate) fn walk_to_index(&self, maps: &MapCache, index: u64) -> io::Result<Walk> {
        let first_index = self.head.first_index;
        let begin = match self.hint {
            Some(hint) => hint,
            None => {
                let relative = index - first_index;
                let entries: FileEntries<RaftEntry> =
                    self.files.entries(Kind::Raft, self.raft_in_file)?;
                let floor = entries.floor(|e| u64::from(e.relative_index) >= relative)?;
                floor.map_or(self.first(), |entry| Begin {
                    position: entry.position,
                    index: first_index + u64::from(entry.relative_index),
                    ..Begin::default()
                })
            }
        };
        Ok(Walk::new(self.bytes(maps)?, begin, self.end))
    }

    fn first(&self) -> Begin {
        Begin {
            index: self.head.first_index,
            base_offset: Some(self.head.base_offset),
            ..Begin::default()
        }
    }
}

/// The batch of an index entry. Its Raft index means nothing.
fn begin_with(head: &Head, entry: OffsetEntry) -> Begin {
    Begin {
        position: entry.position,
        last_offset: Some(head.base_offset + i64::from(entry.relative_offset)),
        ..Begin::default()
    }
}
