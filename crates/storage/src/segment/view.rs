//! A segment as a reader takes it out of the lock: what is written of it, and where to look.
//!
//! No checksum covers what an index file says. It is believed where the log agrees: at the place of an offset stands
//! the batch that ends with it, and from one place of a Raft index a walk comes to the next one. Otherwise a search
//! begins with the segment.

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
        let bytes = self.bytes(maps)?;
        let begin = match self.hint {
            Some(hint) => hint,
            None => self.believed(Kind::Offsets, self.offset_floor(&bytes, offset)),
        };
        Ok(Walk::new(bytes, begin, self.end))
    }

    /// A walk that begins before the frame with this Raft index, with the segment, or at a frame whose
    /// position is known from memory.
    pub(crate) fn walk_to_index(&self, maps: &MapCache, index: u64) -> io::Result<Walk> {
        let bytes = self.bytes(maps)?;
        let begin = match self.hint {
            Some(hint) => hint,
            None => self.believed(Kind::Raft, self.index_floor(&bytes, index)),
        };
        Ok(Walk::new(bytes, begin, self.end))
    }

    /// What an index says, or where the segment begins.
    fn believed(&self, kind: Kind, floor: io::Result<Option<Begin>>) -> Begin {
        match floor {
            Ok(floor) => floor.unwrap_or(self.first()),
            Err(error) => {
                let index = self.files.path(kind);
                let index = index.display();
                tracing::warn!(%index, %error, "an index is not what the log says: not used");
                self.first()
            }
        }
    }

    fn offset_floor(&self, bytes: &LogBytes, offset: i64) -> io::Result<Option<Begin>> {
        let relative = offset - self.head.base_offset;
        let entries: FileEntries<OffsetEntry> =
            self.files.entries(Kind::Offsets, self.offsets_in_file)?;
        let floor = entries.floor(|e| i64::from(e.relative_offset) >= relative)?;
        let begin = floor.map(|entry| begin_with(&self.head, entry));
        if let Some(begin) = begin {
            // whether a batch that ends so is there
            let there = Walk::new(bytes.clone(), begin, self.end).next()?;
            there.ok_or_else(|| disagrees("nothing stands there"))?;
        }
        Ok(begin)
    }

    fn index_floor(&self, bytes: &LogBytes, index: u64) -> io::Result<Option<Begin>> {
        let first_index = self.head.first_index;
        let relative = index - first_index;
        let entries: FileEntries<RaftEntry> = self.files.entries(Kind::Raft, self.raft_in_file)?;
        let before = entries.count_before(|e| u64::from(e.relative_index) >= relative)?;
        let begin = |n: u32| -> io::Result<Begin> {
            let entry = entries.get(n)?;
            Ok(Begin {
                position: entry.position,
                index: first_index + u64::from(entry.relative_index),
                ..Begin::default()
            })
        };
        let Some(last) = before.checked_sub(1) else {
            return Ok(None);
        };
        let floor = begin(last)?;
        let from = last.checked_sub(1).map_or(Ok(self.first()), begin)?;
        let mut walk = Walk::new(bytes.clone(), from, self.end);
        let there = walk.find(|step| step.index >= floor.index)?;
        let is_there =
            there.is_some_and(|step| (step.index, step.position) == (floor.index, floor.position));
        match is_there {
            true => Ok(Some(floor)),
            false => Err(disagrees("the entry before it does not lead there")),
        }
    }

    fn first(&self) -> Begin {
        Begin {
            index: self.head.first_index,
            base_offset: Some(self.head.base_offset),
            ..Begin::default()
        }
    }
}

fn disagrees(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, how)
}

/// The batch of an index entry. Its Raft index means nothing.
fn begin_with(head: &Head, entry: OffsetEntry) -> Begin {
    Begin {
        position: entry.position,
        last_offset: Some(head.base_offset + i64::from(entry.relative_offset)),
        ..Begin::default()
    }
}
