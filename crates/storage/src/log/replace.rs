//! Replacing a whole log by an empty one that begins at a boundary.
//!
//! The boundary is first written to a file of its own, durably: from then on the old log is
//! forgotten. If a crash comes between, the next start carries on from that file.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::handle::Log;
use super::shared::{Inner, LogShared};
use crate::dir::{DirShared, writer};
use crate::history::History;
use crate::segment::{Head, Segment, SegmentFiles, base_offset_of};
use crate::tail::Tail;
use crate::{Boundary, small_file};

/// Holds the boundary while the log is replaced.
const FILE: &str = "reset.boundary";

impl Log {
    /// Replaces the whole log by an empty one that begins at `boundary`. A crash leaves the old
    /// log or the new. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn reset_to(&self, boundary: &Boundary) -> io::Result<()> {
        let boundary = Boundary {
            log_start_offset: boundary.next_offset,
            ..boundary.clone()
        };
        self.shared
            .exclusively("reset", true, |log, inner| log.reset(inner, boundary))
    }
}

impl LogShared {
    pub(super) fn reset(&self, inner: &mut Inner, boundary: Boundary) -> io::Result<()> {
        let next_index = boundary.next_index();
        inner.lower_mark(next_index);
        self.sync_saved(inner)?;
        self.lower_compacted_to(inner, boundary.next_offset)?;
        let disk = &*self.dir.disk;
        small_file::put(disk, &self.folder.join(FILE), &boundary.encode())?;
        disk.sync_dir(&self.folder)?;
        inner
            .segments
            .iter()
            .for_each(|segment| segment.files.retire());
        inner.segments = vec![install(&self.dir, &self.folder, &boundary)?];
        inner.tail = Tail::default();
        inner.history = History::at(&boundary);
        inner.log_start_offset = boundary.next_offset;
        inner.history.epochs.trim_start(boundary.next_offset);
        inner.purged = boundary.last;
        inner.pipeline.reset(next_index);
        self.sync_saved(inner)
    }

    /// Makes the journal's record of this log durable. For calls that hold the lock: an error is
    /// theirs to report.
    pub(super) fn sync_saved(&self, inner: &Inner) -> io::Result<()> {
        let mut journal = self.dir.journal.lock();
        journal.note(self.identity, inner.saved());
        journal.sync()
    }
}

impl Inner {
    /// Before frames are removed: the durable mark must not vouch for them.
    pub(super) fn lower_mark(&mut self, next_index: u64) {
        let durable_index = &mut self.pipeline.durable_index;
        *durable_index = next_index.min(*durable_index);
    }
}

/// Carries on with a replacement that a crash interrupted, if there is one.
pub(super) fn finish_reset(dir: &DirShared, folder: &Arc<Path>) -> io::Result<()> {
    let path = folder.join(FILE);
    let Some(bytes) = small_file::read(&*dir.disk, &path)? else {
        return Ok(());
    };
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let boundary = Boundary::decode(&bytes).map_err(invalid)?;
    // the file's name may not be durable yet, and the old log goes next
    dir.disk.sync_dir(folder)?;
    install(dir, folder, &boundary)?;
    Ok(())
}

/// Removes all segments and makes the first of the new log.
fn install(dir: &DirShared, folder: &Arc<Path>, boundary: &Boundary) -> io::Result<Segment> {
    let disk = &dir.disk;
    for entry in disk.read_dir(folder)? {
        if base_offset_of(&entry.name).is_some() {
            disk.remove_file(&folder.join(entry.name))?;
        }
    }
    let head = Head {
        base_offset: boundary.next_offset,
        first_index: boundary.next_index(),
        previous_term: boundary.last.map_or(-1, |id| id.term),
        previous_len: 0,
        created_ms: dir.clock.now_ms(),
        rewritten_len: None,
    };
    let files = SegmentFiles::new(Arc::clone(disk), Arc::clone(folder), head.base_offset);
    let dirty = writer::create_segment(&files, &head, Some(&boundary.encode()))?;
    dirty.iter().try_for_each(|file| file.sync_data())?;
    disk.sync_dir(folder)?;
    disk.remove_file(&folder.join(FILE))?;
    disk.sync_dir(folder)?;
    Ok(Segment::new(head, Arc::new(files)))
}
