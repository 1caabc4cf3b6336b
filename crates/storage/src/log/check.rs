//! Checking what a log that is open has on the disk, and mending it in place.
//!
//! A start reads only what may have been under way at the last crash. A disk loses bits of the rest as
//! well, so that all of it is read again now and then. What is committed is never cut, and the same bytes
//! everywhere: writing those of another replica over it is safe, whoever reads it meanwhile. What is made from the
//! frames is compared with them as well.

use std::io;
use std::sync::Arc;

use super::expected::Expected;
use super::handle::Log;
use super::index_check::IndexCheck;
use super::mend::{Room, write_over};
use super::scan::Reader;
use super::shared::LogShared;
use super::types::{Checked, Damage};
use crate::LogId;
use crate::frame::CheckedFrame;
use crate::segment::{Kind, SegmentFiles};

/// A check of one segment, as far as it was written when the check began.
pub struct SegmentCheck {
    log: Arc<LogShared>,
    files: Arc<SegmentFiles>,
    reader: Reader,
    expected: Expected,
    /// Where it begins.
    begin: Expected,
    is_last: bool,
    /// Of a segment whose indexes are all written.
    indexes: Option<IndexCheck>,
}

impl Log {
    /// The first Raft index of each segment, ascending.
    pub fn segment_indexes(&self) -> Vec<u64> {
        let inner = self.shared.inner.lock();
        inner
            .segments
            .iter()
            .map(|it| it.head.first_index)
            .collect()
    }

    /// Begins to check the segment with this first Raft index, if there is one. Blocks.
    ///
    /// # Errors
    /// The disk fails, or the segment was deleted just now.
    pub fn check_segment(&self, first_index: u64) -> io::Result<Option<SegmentCheck>> {
        let (head, files, written, is_last, ended) = {
            let inner = self.shared.inner.lock();
            let last = inner.segments.last().map(|it| it.head.first_index);
            let found = inner.segment_of_index(first_index);
            match found.filter(|it| it.head.first_index == first_index) {
                Some(it) if !inner.closed => {
                    let is_last = last == Some(first_index);
                    let interval_bytes = inner.config.index_interval_bytes;
                    let mut ended = inner.decided(i64::MAX).into_iter();
                    let ended = ended.find(|it| it.head.first_index == first_index);
                    let ended = ended.map(|it| (it, interval_bytes));
                    (it.head, Arc::clone(&it.files), it.written, is_last, ended)
                }
                Some(_) | None => return Ok(None),
            }
        };
        let begin = Expected::behind(head.previous(), head.base_offset);
        Ok(Some(SegmentCheck {
            log: Arc::clone(&self.shared),
            begin,
            reader: Reader::new(files.open(Kind::Log)?, written.into()),
            files,
            expected: begin,
            is_last,
            indexes: ended
                .map(|(segment, interval_bytes)| IndexCheck::begin(segment, interval_bytes))
                .transpose()?,
        }))
    }
}

impl SegmentCheck {
    /// Bytes of the segment that it has got through. Fewer than before when it has begun again.
    pub fn position(&self) -> u64 {
        self.reader.position
    }

    /// Reads on, `bytes` or somewhat more. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn go_on(&mut self, bytes: u64) -> io::Result<Checked> {
        let reader = &mut self.reader;
        let begun_at = reader.position;
        let result = loop {
            if reader.position >= reader.limit {
                if let Some(indexes) = self.indexes.take() {
                    self.log.dir.check()?;
                    indexes.finish(&self.log)?;
                }
                break Checked::End;
            }
            if reader.position - begun_at >= bytes {
                break Checked::More;
            }
            let Some(frame) = reader.next(&self.expected)? else {
                break match reader.is_unreadable && self.log.has_ended(self.begin.index) {
                    true => self.salvage()?,
                    false => Checked::Damaged(self.damage()),
                };
            };
            reader.position += frame.header.size_bytes() as u64;
            self.expected.pass(&frame.header);
            if let Some(indexes) = &mut self.indexes {
                indexes.pass(&frame)?;
            }
        };
        let read = self.reader.position.saturating_sub(begun_at);
        self.log.dir.counters.checked(read);
        Ok(result)
    }

    /// Writes frames of another replica, the damaged one first, where the check has stopped: those that
    /// are committed here as well, whose place nobody will give to others. They are durable on return; how
    /// many. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn mend(&mut self, committed: LogId, frames: Vec<CheckedFrame>) -> io::Result<usize> {
        self.log.dir.check()?;
        let frames = frames.into_iter();
        let frames = frames.take_while(|frame| frame.id().index <= committed.index);
        let reader = &mut self.reader;
        let room = Room {
            position: reader.position,
            limit: reader.limit,
            is_last: self.is_last,
        };
        let count = write_over(&reader.file, room, self.expected, frames.collect())?;
        if count > 0 {
            let file = Arc::clone(&reader.file);
            reader.look_again();
            self.log.dir.sync(&[file], &[])?;
            self.log.dir.counters.mended(count);
        }
        Ok(count)
    }

    /// Has the segment copied to where it can be written to, and begins again: with what is not given goes what
    /// stands next to it.
    fn salvage(&mut self) -> io::Result<Checked> {
        self.files.salvage_log()?;
        self.reader = Reader::new(self.files.open(Kind::Log)?, self.reader.limit);
        self.expected = self.begin;
        self.indexes = self.indexes.take().map(IndexCheck::again).transpose()?;
        Ok(Checked::More)
    }

    fn damage(&self) -> Damage {
        Damage {
            file: self.files.path(Kind::Log),
            position: self.reader.position,
            limit: self.reader.limit,
            index: self.expected.index,
            offset: self.expected.base_offset,
            previous: self.expected.previous(),
        }
    }
}

impl LogShared {
    /// Whether a segment has ended and is durable; if records are added to it, it ends now, so that the next
    /// check finds it so.
    fn has_ended(self: &Arc<Self>, first_index: u64) -> bool {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let active = inner.active();
        if active.head.first_index == first_index {
            if !active.has_no_records() && !inner.closed {
                self.roll(inner, self.dir.clock.now_ms());
                self.queue_write(inner);
            }
            return false;
        }
        let segment = inner.segment_of_index(first_index);
        segment.is_some_and(|it| it.next_index <= inner.pipeline.durable_index)
    }
}
