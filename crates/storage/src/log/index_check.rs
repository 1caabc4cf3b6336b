//! Whether the index files of a segment that has ended say what its frames say. No checksum covers them: what does
//! not is written anew, as is what the disk does not give.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use ottla_platform::disk::is_exhaustion;

use super::recover::history_at;
use super::shared::LogShared;
use crate::EntryMeta;
use crate::frame::Frame;
use crate::history::{History, Noted};
use crate::segment::{Aborted, Kind, Segment, Sparse};

/// Indexes made from the frames of a segment, to be compared with those in its files.
pub(super) struct IndexCheck {
    original: Segment,
    /// As far as its frames were passed.
    segment: Segment,
    /// What the frames up to here add up to. Without it nothing is said of aborted transactions: a segment that
    /// was written anew has lost what they began with.
    history: Option<History>,
    interval_bytes: u32,
}

/// A file that does not say what it should.
type Wrong = (Segment, Kind, Vec<u8>);

impl IndexCheck {
    /// Of a segment whose files are all made.
    pub(super) fn begin(original: Segment, interval_bytes: u32) -> io::Result<IndexCheck> {
        let head = original.head;
        let history = match head.rewritten_len {
            Some(_) => None,
            None => history_at(&head, &original.files)?,
        };
        Ok(IndexCheck {
            segment: Segment::new(head, Arc::clone(&original.files)),
            original,
            history,
            interval_bytes,
        })
    }

    /// From the segment's start again.
    pub(super) fn again(self) -> io::Result<IndexCheck> {
        IndexCheck::begin(self.original, self.interval_bytes)
    }

    /// Takes the next frame, which is good.
    pub(super) fn pass(&mut self, frame: &Frame) -> io::Result<()> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let noted = match &mut self.history {
            Some(history) => history.note(frame).map_err(invalid)?,
            None => Noted {
                meta: EntryMeta::of(self.segment.next_index, frame).map_err(invalid)?,
                aborted: None,
            },
        };
        let max_timestamp = frame.header.max_timestamp;
        self.segment
            .note(&noted, max_timestamp, self.interval_bytes);
        Ok(())
    }

    /// Puts files right that do not say what all frames said, unless the segment is the log's no more. They are
    /// durable on return. Blocks.
    pub(super) fn finish(mut self, log: &LogShared) -> io::Result<()> {
        let _beside_the_log = log.rewriting.lock();
        let mut wrong = self.wrong_indexes()?;
        wrong.extend(self.wrong_boundary(log)?);
        if wrong.is_empty() {
            return Ok(());
        }
        let result = self.put_right(log, &wrong);
        if let Err(error) = &result
            && !is_exhaustion(error)
        {
            log.dir.fail("index", error);
        }
        result
    }

    fn put_right(&self, log: &LogShared, wrong: &[Wrong]) -> io::Result<()> {
        let inner = &mut *log.inner.lock();
        let old = std::slice::from_ref(&self.original);
        let Some(at) = inner.place_of(old).filter(|_| !inner.closed) else {
            return Ok(());
        };
        for (segment, kind, bytes) in wrong {
            let file = segment.files.path(*kind);
            tracing::warn!(file = %file.display(), "did not say what the log says: written anew");
            segment.files.put(*kind, bytes)?;
        }
        log.dir.disk.sync_dir(&log.folder)?;
        let segment = &mut inner.segments[at];
        segment.sparse = Sparse::closed();
        if self.history.is_some() {
            segment.aborted = Aborted::InFile;
        }
        Ok(())
    }

    fn wrong_indexes(&mut self) -> io::Result<Vec<Wrong>> {
        let mut wrong = Vec::new();
        self.segment.finish_times();
        let head = self.segment.head;
        for (kind, _, entries) in self.segment.take_indexes() {
            if kind == Kind::Transactions && self.history.is_none() {
                continue;
            }
            let mut bytes = match kind {
                Kind::Raft => head.encode().to_vec(),
                _ => Vec::new(),
            };
            bytes.extend(entries);
            let is_right = match self.original.files.read(kind) {
                Err(error) if error.kind() == ErrorKind::InvalidData => false,
                // the segment is the log's no more
                Err(error) if error.kind() == ErrorKind::NotFound => true,
                there => there?.unwrap_or_default() == bytes,
            };
            if !is_right {
                wrong.push((self.original.clone(), kind, bytes));
            }
        }
        Ok(wrong)
    }

    /// What should stand at the start of the next segment, if it does not.
    fn wrong_boundary(&self, log: &LogShared) -> io::Result<Option<Wrong>> {
        let (next, log_start_offset) = {
            let inner = log.inner.lock();
            let next = inner.segment_of_index(self.original.next_index);
            (next.cloned(), inner.log_start_offset)
        };
        let (Some(next), Some(history)) = (next, &self.history) else {
            return Ok(None);
        };
        let follows = next.head.first_index == history.next_index()
            && next.head.base_offset == history.next_offset;
        if !follows || next.files.boundary()?.is_some() {
            return Ok(None);
        }
        let bytes = history.boundary(log_start_offset).encode().to_vec();
        Ok(Some((next, Kind::Boundary, bytes)))
    }
}
