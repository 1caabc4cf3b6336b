//! A damaged segment that cannot be mended in place, because the log here or that of whoever has what is damaged
//! is compacted: it is written anew, from what is good of it and what others have of the rest.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::expected::Expected;
use super::handle::Log;
use super::rewrite::Rewrite;
use super::scan::Source;
use super::shared::LogShared;
use super::types::Damage;
use crate::frame::{CheckedFrame, Frame, Private};
use crate::segment::Segment;
use crate::transactions::AbortedEntry;
use crate::{EntryMeta, LogId};

/// A segment that is being written anew.
pub struct Repair {
    turn: Turn,
    segment: Segment,
    rewrite: Rewrite,
    expected: Expected,
    /// What the index of aborted transactions says, by marker.
    aborted: BTreeMap<i64, AbortedEntry>,
}

/// Whose turn it is to write segments of a log anew: nobody else does so as long as this lives.
pub(super) struct Turn(pub(super) Arc<LogShared>);

impl Turn {
    /// Nothing if it is somebody else's.
    pub(super) fn take(log: &Arc<LogShared>) -> Option<Turn> {
        let was_taken = log.is_rewritten.swap(true, Ordering::AcqRel);
        (!was_taken).then(|| Turn(Arc::clone(log)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_rewritten.store(false, Ordering::Release);
    }
}

impl Log {
    /// Begins to write a damaged segment anew, as far as it is good; nothing if records are added to it, it is
    /// not there any more, or segments of the log are being written anew. Blocks.
    ///
    /// # Errors
    /// The disk fails or is full, or more is damaged than was said.
    pub fn repair(&self, damage: &Damage) -> io::Result<Option<Repair>> {
        let Some(turn) = Turn::take(&self.shared) else {
            return Ok(None);
        };
        let (segment, interval_bytes) = {
            let inner = self.shared.inner.lock();
            let closed = inner.segments.len() - 1;
            let holds = |it: &&Segment| {
                it.next_index > damage.index && it.next_index <= inner.pipeline.durable_index
            };
            let found = inner.segments[..closed].iter().find(holds).cloned();
            let Some(segment) = found.filter(|_| !inner.closed) else {
                return Ok(None);
            };
            (segment, inner.config.index_interval_bytes)
        };
        let aborted = segment.aborted()?.into_iter();
        let mut repair = Repair {
            rewrite: Rewrite::begin(&self.shared, segment.head, interval_bytes)?,
            expected: Expected::behind(segment.head.previous(), segment.head.base_offset),
            aborted: aborted
                .map(|it| (it.transaction.marker_offset, it))
                .collect(),
            segment,
            turn,
        };
        let mut source = Source::of(&repair.segment)?;
        while repair.expected.index < damage.index {
            match source.next()? {
                Some((index, frame)) => repair.keep(index, &frame)?,
                None => break,
            }
        }
        Ok(Some(repair))
    }
}

impl Repair {
    /// The index of the frame that is wanted next; nothing once all are there.
    pub fn wanted(&self) -> Option<u64> {
        let index = self.expected.index;
        (index < self.segment.next_index).then_some(index)
    }

    /// Adds frames that another replica has committed, from the one wanted on, as many as belong here; how many
    /// frames. Those that are not committed here as well are not taken. Blocks.
    ///
    /// # Errors
    /// The disk fails or is full.
    pub fn add(&mut self, committed: LogId, frames: Vec<CheckedFrame>) -> io::Result<usize> {
        let log = Arc::clone(&self.turn.0);
        let _beside_the_log = log.rewriting.lock();
        let mut count = 0;
        for frame in frames {
            let is_gap = frame.private() == Some(Private::Gap);
            let (id, frame) = frame.into_parts();
            let Some(wanted) = self.wanted() else {
                break;
            };
            let last = (id.index + u64::from(frame.indexes())).min(self.segment.next_index) - 1;
            if last < wanted || last > committed.index {
                break;
            }
            let frame = match is_gap {
                true => self.part_of_gap(id, &frame),
                false => Some(frame).filter(|_| id.index == wanted),
            };
            let Some(frame) = frame.filter(|frame| self.expected.is(frame)) else {
                break;
            };
            if frame.header.next_offset() > self.segment.next_offset {
                break;
            }
            self.keep(wanted, &frame)?;
            count += 1;
        }
        Ok(count)
    }

    /// Puts the segment in its place, if all is there and the log is what it was; whether it did. What others
    /// have not compacted is compacted again. Blocks.
    ///
    /// # Errors
    /// The disk fails or is full.
    pub fn finish(self) -> io::Result<bool> {
        let log = Arc::clone(&self.turn.0);
        let _beside_the_log = log.rewriting.lock();
        let base_offset = self.segment.head.base_offset;
        let is_complete = self.wanted().is_none()
            && self.expected.base_offset == self.segment.next_offset
            && !log.inner.lock().closed;
        if !is_complete {
            log.discard(base_offset);
            return Ok(false);
        }
        let new = self.rewrite.finish()?;
        log.lower_compacted_to(&mut log.inner.lock(), base_offset)?;
        let swapped = log.swap(std::slice::from_ref(&self.segment), new)?;
        if !swapped {
            log.discard(base_offset);
        }
        Ok(swapped)
    }

    fn keep(&mut self, index: u64, frame: &Frame) -> io::Result<()> {
        let aborted = self.aborted.get(&frame.header.base_offset).copied();
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let meta = EntryMeta::of(index, frame).map_err(invalid)?;
        let is_marker = meta.kind == crate::EntryKind::Marker;
        self.rewrite
            .keep(index, frame, aborted.filter(|_| is_marker))?;
        self.expected.pass(&frame.header);
        Ok(())
    }

    /// The part of a gap that stands from the index wanted on, in this segment.
    fn part_of_gap(&self, id: LogId, gap: &Frame) -> Option<Frame> {
        let begin = self.expected.base_offset;
        let gap_end = id.index + u64::from(gap.indexes());
        let (next_index, next_offset) = match gap_end <= self.segment.next_index {
            true => (gap_end, gap.header.next_offset()),
            false => (self.segment.next_index, self.segment.next_offset),
        };
        let indexes = u32::try_from(next_index.checked_sub(self.expected.index)?).ok()?;
        let first = LogId {
            index: self.expected.index,
            ..id
        };
        (next_offset >= begin).then(|| Frame::gap(first, indexes, begin..next_offset))
    }
}
