//! The newest entries of a log, in memory: what is not written yet, whole; what was written
//! lately, without data, so that applying and reading at the end need no file.

use std::collections::VecDeque;
use std::ops::Range;

use crate::entry::EntryMeta;
use crate::frame::Frame;

/// Written entries kept; an idle log keeps none.
const WRITTEN_KEPT: usize = 1024;

/// An entry and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    pub(crate) meta: EntryMeta,
    pub(crate) position: u32,
    /// First Raft index of its segment.
    pub(crate) segment: u64,
}

/// A frame that is not written yet.
#[derive(Debug, Clone)]
pub(crate) struct Unwritten {
    pub(crate) frame: Frame,
    /// The CRC is still to be computed.
    pub(crate) unsealed: bool,
}

impl Unwritten {
    /// The frame as it is to be written.
    pub(crate) fn sealed(mut self) -> Frame {
        if self.unsealed {
            self.frame.header.crc = self.frame.header.crc_with(&self.frame.payload);
        }
        self.frame
    }
}

/// Entries with adjacent indexes up to the log's end; the last of them may be unwritten.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    recent: VecDeque<Recent>,
    unwritten: VecDeque<Unwritten>,
}

impl Tail {
    pub(crate) fn push(&mut self, recent: Recent, unwritten: Unwritten) {
        self.recent.push_back(recent);
        self.unwritten.push_back(unwritten);
    }

    /// The entry that has an index.
    pub(crate) fn get(&self, index: u64) -> Option<&Recent> {
        let found = self.recent.get(self.position_of(index))?;
        (found.meta.id.index <= index).then_some(found)
    }

    /// The part of `range` that is here, if it holds the range's end (or the log's).
    pub(crate) fn range(&self, range: Range<u64>) -> impl Iterator<Item = &Recent> {
        let entries = self.recent.range(self.position_of(range.start)..);
        entries.take_while(move |recent| recent.meta.id.index < range.end)
    }

    /// Where the first entry stands that has an index at or behind this one.
    fn position_of(&self, index: u64) -> usize {
        let before = |recent: &Recent| recent.meta.next_index() <= index;
        self.recent.partition_point(before)
    }

    /// Entries from the batch that holds `offset`, if that batch is here.
    pub(crate) fn starting_at(&self, offset: i64) -> Option<impl Iterator<Item = &Recent>> {
        let at = self
            .recent
            .partition_point(|recent| recent.meta.next_offset <= offset);
        let found = self.recent.get(at)?.meta.base_offset <= offset;
        found.then(|| self.recent.range(at..))
    }

    pub(crate) fn unwritten(&self) -> impl Iterator<Item = (&Recent, &Unwritten)> {
        let written = self.recent.len() - self.unwritten.len();
        self.recent.range(written..).zip(&self.unwritten)
    }

    /// The unwritten frames from an index on.
    pub(crate) fn unwritten_from(&self, index: u64) -> impl Iterator<Item = (&Recent, &Unwritten)> {
        let written = self.recent.len() - self.unwritten.len();
        let skip = self.position_of(index).saturating_sub(written);
        self.unwritten().skip(skip)
    }

    /// Raft index of the first frame that is not written.
    pub(crate) fn first_unwritten(&self) -> Option<u64> {
        let written = self.recent.len() - self.unwritten.len();
        Some(self.recent.get(written)?.meta.id.index)
    }

    pub(crate) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Notes that the first `count` unwritten frames were written.
    pub(crate) fn written(&mut self, count: usize) {
        self.unwritten.drain(..count);
        if self.unwritten.is_empty() {
            self.unwritten.shrink_to(64);
        }
        let written = self.recent.len() - self.unwritten.len();
        self.recent.drain(..written.saturating_sub(WRITTEN_KEPT));
    }

    /// Forgets written entries.
    pub(crate) fn shrink(&mut self) {
        let written = self.recent.len() - self.unwritten.len();
        self.recent.drain(..written);
        self.recent.shrink_to_fit();
        self.unwritten.shrink_to_fit();
    }

    /// Forgets entries below an index, all of which are written: they stand elsewhere now.
    pub(crate) fn forget_below(&mut self, index: u64) {
        let written = self.recent.len() - self.unwritten.len();
        let count = self.position_of(index).min(written);
        self.recent.drain(..count);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Tail::default();
    }
}
