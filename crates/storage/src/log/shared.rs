//! A log's state, under its one lock, and the append that changes it.
//!
//! Invariants: the segments are adjacent in both numberings and never none, the last one is
//! written to; `history` is what all frames up to the last add up to; the tail ends where the last
//! segment ends; what stands in a file is never written again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use ottla_platform::seed::mix;
use ottla_protocol::records::BatchHeader;
use parking_lot::{Condvar, Mutex};

use super::pipeline::Pipeline;
use super::write_work::Roll;
use crate::config::LogConfig;
use crate::dir::{DirShared, Saved};
use crate::entry::{EntryKind, EntryMeta};
use crate::frame::PrivateError;
use crate::history::History;
use crate::segment::{Head, Segment, SegmentFiles};
use crate::tail::{Recent, Tail, Unwritten};
use crate::{Identity, LogId};

/// A log, shared by its handles, the threads of its directory and the reads under way.
pub(crate) struct LogShared {
    pub(crate) dir: Arc<DirShared>,
    pub(crate) identity: Identity,
    pub(crate) folder: Arc<Path>,
    pub(crate) inner: Mutex<Inner>,
    /// Signalled when writes or flushes of this log have ended.
    pub(crate) progress: Condvar,
    /// Held while a segment is written anew, beside the log. Taken before `inner`.
    pub(crate) rewriting: Mutex<()>,
    /// Somebody has begun to write segments anew, and is not done.
    pub(crate) is_rewritten: AtomicBool,
}

pub(crate) struct Inner {
    pub(crate) config: LogConfig,
    pub(crate) segments: Vec<Segment>,
    pub(crate) tail: Tail,
    pub(crate) history: History,
    pub(crate) log_start_offset: i64,
    /// Where the log ended when it was opened: what stands before comes from the medium, not from this process.
    pub(crate) opened_at: i64,
    /// The last frame that is forgotten, though it may still stand in a file.
    pub(crate) purged: Option<LogId>,
    pub(crate) committed: Option<LogId>,
    pub(crate) vote: Option<Bytes>,
    /// Below this offset compaction has looked at everything, if that was asked for.
    pub(crate) compacted_to: Option<i64>,
    /// A truncation to this index has begun.
    pub(crate) truncating_to: Option<u64>,
    pub(crate) pipeline: Pipeline,
    /// Takes nothing any more: closed or deleted.
    pub(crate) closed: bool,
}

impl LogShared {
    /// Files of a segment of this log.
    pub(crate) fn segment_files(&self, base_offset: i64) -> Arc<SegmentFiles> {
        let disk = Arc::clone(&self.dir.disk);
        let folder = Arc::clone(&self.folder);
        Arc::new(SegmentFiles::new(disk, folder, base_offset))
    }

    /// Appends a frame whose place and content were checked.
    pub(crate) fn append(
        &self,
        inner: &mut Inner,
        unwritten: Unwritten,
        now_ms: i64,
    ) -> Result<EntryMeta, PrivateError> {
        if inner.roll_is_due(&unwritten.frame.header, self.identity.group_id, now_ms) {
            self.roll(inner, now_ms);
        }
        inner.push(unwritten)
    }

    /// Ends the segment being written and begins the next. Files follow with the next write.
    pub(crate) fn roll(&self, inner: &mut Inner, now_ms: i64) {
        let boundary = inner.history.boundary(inner.log_start_offset).encode();
        let files = self.segment_files(inner.history.next_offset);
        let closed = inner.active();
        closed.finish_times();
        let (closed_files, closed_len) = (Arc::clone(&closed.files), closed.len);
        let has_aborted = closed.has_aborted();
        let head = Head {
            base_offset: inner.history.next_offset,
            first_index: inner.history.next_index(),
            previous_term: inner.history.last.map_or(-1, |id| id.term),
            previous_len: u64::from(closed_len),
            created_ms: now_ms,
            rewritten_len: None,
        };
        let config = &inner.config;
        inner.pipeline.rolls.push_back(Roll {
            head,
            boundary,
            closed: closed_files,
            closed_len,
            has_aborted,
            new: Arc::clone(&files),
            preallocate: config.preallocate.then_some(config.segment_bytes.into()),
        });
        inner.segments.push(Segment::new(head, files));
    }
}

impl Inner {
    /// The segment being written.
    pub(crate) fn active(&mut self) -> &mut Segment {
        self.segments
            .last_mut()
            .expect("a log always has a segment")
    }

    /// Raft index of the first frame that is not forgotten.
    pub(crate) fn first_index(&self) -> u64 {
        self.purged.map_or(0, |id| id.index + 1)
    }

    /// The segment that holds a Raft index, or would hold it.
    pub(crate) fn segment_of_index(&self, index: u64) -> Option<&Segment> {
        let after = self
            .segments
            .partition_point(|s| s.head.first_index <= index);
        self.segments.get(after.checked_sub(1)?)
    }

    /// The segment that holds a Kafka offset, or would hold it.
    pub(crate) fn segment_of_offset(&self, offset: i64) -> Option<&Segment> {
        let after = self
            .segments
            .partition_point(|s| s.head.base_offset <= offset);
        self.segments.get(after.checked_sub(1)?)
    }

    /// What the journal remembers of this log.
    pub(crate) fn saved(&self) -> Saved {
        Saved {
            vote: self.vote.clone(),
            committed: self.committed,
            log_start_offset: self.log_start_offset,
            durable_index: self.pipeline.durable_index,
            truncating_to: self.truncating_to,
        }
    }

    fn push(&mut self, unwritten: Unwritten) -> Result<EntryMeta, PrivateError> {
        let noted = self.history.note(&unwritten.frame)?;
        let interval_bytes = self.config.index_interval_bytes;
        let max_timestamp = unwritten.frame.header.max_timestamp;
        let segment = self.active();
        let position = segment.note(&noted, max_timestamp, interval_bytes);
        let recent = Recent {
            meta: noted.meta.clone(),
            position,
            segment: segment.head.first_index,
        };
        if noted.meta.kind == EntryKind::Batch {
            self.pipeline.unsynced_records +=
                u64::try_from(unwritten.frame.header.record_count).unwrap_or_default();
        }
        self.tail.push(recent, unwritten);
        Ok(noted.meta)
    }

    /// Kafka's rules: size, age by the records' own time, full index, offsets beyond 31 bits. But
    /// a segment without records is kept, because the next would bear the same name.
    fn roll_is_due(&self, header: &BatchHeader, seed: u64, now_ms: i64) -> bool {
        let segment = self.segments.last().expect("a log always has a segment");
        if segment.has_no_records() {
            return false;
        }
        let config = &self.config;
        let size = u64::from(segment.len) + header.size_bytes() as u64;
        let jitter_max = config.segment_jitter_ms.min(config.segment_ms).max(0) as u64;
        let jitter = match jitter_max {
            0 => 0,
            max => mix(seed ^ segment.head.first_index) % max,
        };
        let age_max = config.segment_ms.saturating_sub_unsigned(jitter);
        let first = segment.times.and_then(|times| times.first);
        let age = match first {
            Some(first) if first >= 0 => header.max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(segment.head.created_ms),
        };
        // of a gap, the offsets that its frames may have had
        let span = header
            .last_offset()
            .saturating_sub(segment.head.base_offset);
        size > u64::from(config.segment_bytes)
            || age > age_max
            || segment.sparse.is_full(config.segment_index_bytes)
            || span > i64::from(i32::MAX)
    }
}
