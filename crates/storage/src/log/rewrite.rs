//! A segment that is written anew, beside the log, from what is to stay of one or several: by compaction, and
//! by repair where a damaged frame's place does not fit what others have.
//!
//! What does not stay leaves a gap, so that everything behind keeps its Raft index and offset.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use ottla_platform::disk::{DiskFile, OpenMode};

use super::shared::LogShared;
use super::swap::rewritten;
use crate::LogId;
use crate::dir::DirShared;
use crate::entry::EntryMeta;
use crate::frame::Frame;
use crate::history::Noted;
use crate::segment::{HEAD_LEN, Head, Kind, Segment};
use crate::transactions::AbortedEntry;

/// Written at once.
const CHUNK: usize = 1 << 20;

/// A segment that is being written.
pub(super) struct Rewrite {
    dir: Arc<DirShared>,
    file: Arc<dyn DiskFile>,
    segment: Segment,
    interval_bytes: u32,
    unwritten: Vec<u8>,
    gap: Option<Gap>,
}

/// What does not stay, until it is known how much.
struct Gap {
    id: LogId,
    next_index: u64,
    offsets: Range<i64>,
}

/// A segment that was written and is on the medium, but in nobody's place yet.
pub(super) struct Rewritten {
    pub(super) segment: Segment,
    pub(super) has_aborted: bool,
}

impl Rewrite {
    /// Begins a segment where another one begins.
    pub(super) fn begin(log: &LogShared, head: Head, interval_bytes: u32) -> io::Result<Rewrite> {
        let files = log.segment_files(head.base_offset);
        let disk = &log.dir.disk;
        let file = disk.open(&rewritten(&files.path(Kind::Log)), OpenMode::Truncate)?;
        Ok(Rewrite {
            dir: Arc::clone(&log.dir),
            file,
            segment: Segment::new(head, files),
            interval_bytes,
            unwritten: Vec::new(),
            gap: None,
        })
    }

    /// Adds a frame that stays; of a marker, what the index of aborted transactions says.
    pub(super) fn keep(
        &mut self,
        index: u64,
        frame: &Frame,
        aborted: Option<AbortedEntry>,
    ) -> io::Result<()> {
        self.end_gap()?;
        self.put(index, frame, aborted)
    }

    /// Leaves out the frames at these indexes, which had these offsets.
    pub(super) fn skip(
        &mut self,
        id: LogId,
        next_index: u64,
        offsets: Range<i64>,
    ) -> io::Result<()> {
        let limit = i64::from(i32::MAX);
        let joins = |gap: &Gap| {
            gap.id.term == id.term
                && offsets.end - gap.offsets.start <= limit
                && next_index - gap.id.index <= limit as u64
        };
        if !self.gap.as_ref().is_some_and(joins) {
            self.end_gap()?;
            self.gap = Some(Gap {
                id,
                next_index,
                offsets,
            });
        } else if let Some(gap) = &mut self.gap {
            gap.next_index = next_index;
            gap.offsets.end = offsets.end;
        }
        Ok(())
    }

    /// Writes the rest and the indexes, and syncs all of it.
    pub(super) fn finish(mut self) -> io::Result<Rewritten> {
        self.end_gap()?;
        self.write()?;
        let Rewrite {
            dir,
            file,
            mut segment,
            ..
        } = self;
        segment.finish_times();
        segment.head.rewritten_len = Some(segment.len);
        segment.written = segment.len;
        file.set_len(segment.len.into())?;
        let mut dirty = vec![file];
        let mut has_aborted = false;
        for (kind, start, entries) in segment.take_indexes() {
            let mut bytes = Vec::with_capacity(start + entries.len());
            match kind {
                Kind::Raft => bytes.extend_from_slice(&segment.head.encode()),
                Kind::Transactions if entries.is_empty() => continue,
                Kind::Transactions => has_aborted = true,
                Kind::Log | Kind::Offsets | Kind::Times | Kind::Boundary => {}
            }
            debug_assert!(start == 0 || start == HEAD_LEN);
            bytes.extend(entries);
            let path = rewritten(&segment.files.path(kind));
            let file = dir.disk.open(&path, OpenMode::Truncate)?;
            file.write_all_at(&bytes, 0)?;
            dirty.push(file);
        }
        dir.sync(&dirty, &[])?;
        Ok(Rewritten {
            segment,
            has_aborted,
        })
    }

    fn end_gap(&mut self) -> io::Result<()> {
        let Some(gap) = self.gap.take() else {
            return Ok(());
        };
        let indexes = (gap.next_index - gap.id.index) as u32;
        let frame = Frame::gap(gap.id, indexes, gap.offsets);
        self.put(gap.id.index, &frame, None)
    }

    fn put(&mut self, index: u64, frame: &Frame, aborted: Option<AbortedEntry>) -> io::Result<()> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let meta = EntryMeta::of(index, frame).map_err(invalid)?;
        let noted = Noted { meta, aborted };
        let max_timestamp = frame.header.max_timestamp;
        self.segment
            .note(&noted, max_timestamp, self.interval_bytes);
        self.unwritten.extend_from_slice(&frame.header.encode());
        self.unwritten.extend_from_slice(&frame.payload);
        if self.unwritten.len() >= CHUNK {
            self.write()?;
        }
        Ok(())
    }

    /// Writes what there is. What is only to save space does not take the last of it.
    fn write(&mut self) -> io::Result<()> {
        if !self.dir.check_space()? {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let at = u64::from(self.segment.len) - self.unwritten.len() as u64;
        self.file.write_all_at(&self.unwritten, at)?;
        self.unwritten.clear();
        Ok(())
    }
}
