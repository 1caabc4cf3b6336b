//! Taking frames off a log: its end when a leader says otherwise, its beginning when it is old.
//!
//! What was written is not written again, because slices of it may be on their way to a socket. A
//! truncation ends the segment at the cut and goes on in a new one, whose head says where the old
//! one ends. Only if the kept part holds no record, so that the new one would bear the same name,
//! is the segment replaced by a copy: a few raft-only frames. That a truncation has begun stands in
//! the journal until it is done, so that a crash in between cannot bring back what an earlier one
//! had cut off.

use std::io;
use std::sync::Arc;

use ottla_platform::disk::is_exhaustion;
use ottla_platform::planted::Planted;

use super::handle::Log;
use super::recover::history_before;
use super::scan::scan;
use super::shared::{Inner, LogShared};
use crate::dir::{DELETED_FILE, writer};
use crate::history::History;
use crate::segment::{Head, Kind, Segment};
use crate::{Boundary, LogId};

impl Log {
    /// Drops every frame after `index` (all of them if `None`), and a gap that holds both, and forgets what
    /// they did to producer state and epochs. Durable on return. Blocks.
    ///
    /// # Errors
    /// The disk fails, or has no room: ask again later, and append nothing before.
    ///
    /// # Panics
    /// `index` lies before the frames that are purged.
    pub fn truncate_after(&self, index: Option<u64>) -> io::Result<()> {
        self.shared.exclusively("truncate", true, |log, inner| {
            let first_index = inner.first_index();
            let end = index.map_or(first_index, |index| index.saturating_add(1));
            assert!(end >= first_index, "truncated below what is purged");
            if end < inner.history.next_index() {
                log.truncate(inner, end)?;
            }
            log.forget_truncation(inner)
        })
    }

    /// Forgets frames up to `id`, as whole segments as space goes. If the log ends before `id`,
    /// it becomes empty and goes on after it at the same Kafka offset. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn purge_through(&self, id: LogId) -> io::Result<()> {
        let beyond = self
            .shared
            .inner
            .lock()
            .history
            .last
            .is_none_or(|last| last.index < id.index);
        if !beyond {
            // needs nothing of the writer, so that a full disk can be relieved
            return self
                .shared
                .exclusively("purge", false, |log, inner| log.purge(inner, id));
        }
        self.shared.exclusively("purge", true, |log, inner| {
            let log_start = inner.history.next_offset;
            let mut boundary = inner.history.boundary(log_start);
            boundary.last = Some(id);
            if boundary.terms.last().is_none_or(|last| last.term < id.term) {
                boundary.terms.push(id);
            }
            log.reset(inner, boundary)
        })
    }
}

impl LogShared {
    /// Runs a change of the log's files while nothing else happens to it; `quiet`: after all that
    /// was appended is written. If there is no room for that, nothing has been changed. If the change
    /// fails, the log is closed, because memory and disk may differ; its next opening puts that right. Only a
    /// truncation that finds no room can be asked for again.
    pub(super) fn exclusively(
        self: &Arc<Self>,
        doing: &str,
        quiet: bool,
        change: impl FnOnce(&LogShared, &mut Inner) -> io::Result<()>,
    ) -> io::Result<()> {
        let result = {
            let mut inner = if quiet {
                self.wait_quiet()?
            } else {
                self.inner.lock()
            };
            if inner.closed {
                return Err(super::pipeline::closed());
            }
            let result = change(self, &mut inner);
            inner.closed = match &result {
                Ok(()) => false,
                Err(error) => !is_exhaustion(error) || inner.truncating_to.is_none(),
            };
            result
        };
        if let Err(error) = &result {
            if !is_exhaustion(error) {
                self.dir.fail(doing, error);
            }
            self.fail_submissions();
        }
        result
    }

    /// Keeps the frames below index `end`, which lies inside the log. All is done on the disk before memory knows
    /// of it: where there is no room, all of it is done again when it is asked for again.
    fn truncate(&self, inner: &mut Inner, end: u64) -> io::Result<()> {
        inner.lower_mark(end);
        inner.truncating_to = Some(end);
        self.sync_saved(inner)?;
        let kept = inner
            .segments
            .partition_point(|s| s.head.first_index <= end);
        for segment in inner.segments[kept..].iter().rev() {
            segment.files.remove()?;
        }
        let last = kept - 1;
        let cut_from = inner.segments[last].head.base_offset;
        self.lower_compacted_to(inner, cut_from)?;
        // durable before anything new bears their names
        self.sync_names()?;
        let (mut cut, history) = self.cut_last(inner, kept, end)?;
        if cut.head.rewritten_len.take().is_some() {
            cut.files.put(Kind::Raft, &cut.head.encode())?;
        }
        let boundary = history.boundary(inner.log_start_offset);
        let (segments, written) = match cut.has_no_records() {
            true => self.copy_of(cut)?,
            false => self.continue_after(cut, &boundary)?,
        };
        let dirty = inner.pipeline.dirty();
        dirty
            .iter()
            .chain(&written)
            .try_for_each(|file| file.sync_data())?;
        self.sync_names()?;
        if segments.len() == 1 {
            // a copy bears its name
            inner.segments[last].files.retire();
        }
        inner.segments.truncate(last);
        inner.segments.extend(segments);
        inner.pipeline.take_dirty();
        inner.log_start_offset = inner.log_start_offset.min(history.next_offset);
        inner.pipeline.reset(history.next_index());
        inner.history = history;
        inner.tail.clear();
        Ok(())
    }

    /// Notes that a truncation is done, before anything is appended that a start would cut off by it.
    fn forget_truncation(&self, inner: &mut Inner) -> io::Result<()> {
        let Some(end) = inner.truncating_to.take() else {
            return Ok(());
        };
        let noted = self.sync_saved(inner);
        if noted.is_err() {
            inner.truncating_to = Some(end);
        }
        noted
    }

    fn sync_names(&self) -> io::Result<()> {
        match Planted::TruncationSkipsDirectorySync.is_there() {
            true => Ok(()),
            false => self.dir.disk.sync_dir(&self.folder),
        }
    }

    /// The last of the first `kept` segments as far as it is kept, and the state at its end.
    fn cut_last(&self, inner: &Inner, kept: usize, end: u64) -> io::Result<(Segment, History)> {
        let segments = inner.segments[..kept].iter();
        let heads: Vec<_> = segments.map(|s| (s.head, Arc::clone(&s.files))).collect();
        let (start, mut history) = history_before(&heads)?;
        let mut last = None;
        for segment in &inner.segments[start..kept] {
            // a copy may be in its place already
            let there = segment.files.open(Kind::Log)?.len()?;
            let limit = there.min(segment.len.into());
            let interval_bytes = inner.config.index_interval_bytes;
            let found = scan(
                &segment.files,
                segment.head,
                limit,
                end,
                &mut history,
                interval_bytes,
            )?;
            if !found.whole {
                let text = format!("{} is damaged", segment.files.path(Kind::Log).display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            last = Some(found.segment);
        }
        Ok((last.expect("a log always has a segment"), history))
    }

    /// The cut segment in files of its own, without what was cut off.
    fn copy_of(&self, cut: Segment) -> io::Result<(Vec<Segment>, super::Dirty)> {
        let mut bytes = vec![0; cut.len as usize];
        cut.files.open(Kind::Log)?.read_exact_at(&mut bytes, 0)?;
        let files = self.segment_files(cut.head.base_offset);
        files.put_log(&bytes)?;
        let mut segment = Segment { files, ..cut };
        let dirty = segment.write_index_anew()?;
        Ok((vec![segment], dirty))
    }

    /// The cut segment, closed, and a new one after it.
    fn continue_after(
        &self,
        mut cut: Segment,
        boundary: &Boundary,
    ) -> io::Result<(Vec<Segment>, super::Dirty)> {
        cut.finish_times();
        let mut dirty = cut.write_index_anew()?;
        let head = Head {
            base_offset: boundary.next_offset,
            first_index: boundary.next_index(),
            previous_term: boundary.last.map_or(-1, |id| id.term),
            previous_len: cut.len.into(),
            created_ms: self.dir.clock.now_ms(),
            rewritten_len: None,
        };
        let files = self.segment_files(head.base_offset);
        dirty.extend(writer::create_segment(
            &files,
            &head,
            Some(&boundary.encode()),
        )?);
        Ok((vec![cut, Segment::new(head, files)], dirty))
    }

    /// Removes segments that end at or before `id` and are on the medium, oldest first.
    fn purge(&self, inner: &mut Inner, id: LogId) -> io::Result<()> {
        if inner.purged.is_none_or(|purged| purged.index < id.index) {
            inner.purged = Some(id);
            inner.history.trim_start(id.index);
        }
        let below = id.index.saturating_add(1).min(inner.pipeline.durable_index);
        let gone = inner
            .segments
            .partition_point(|segment| segment.next_index <= below);
        let gone = gone.min(inner.segments.len() - 1);
        let delay_ms = i64::try_from(inner.config.file_delete_delay_ms).unwrap_or(i64::MAX);
        let due_ms = self.dir.clock.now_ms().saturating_add(delay_ms);
        for segment in inner.segments.drain(..gone) {
            if delay_ms == 0 {
                segment.files.remove()?;
                continue;
            }
            for path in segment.files.rename(DELETED_FILE)? {
                self.dir.trash.lock().add_file(path, due_ms);
            }
        }
        if gone > 0 {
            let base_offset = inner.segments[0].head.base_offset;
            inner.log_start_offset = inner.log_start_offset.max(base_offset);
            let log_start_offset = inner.log_start_offset;
            inner.history.epochs.trim_start(log_start_offset);
            self.dir.disk.sync_dir(&self.folder)?;
        }
        Ok(())
    }
}
