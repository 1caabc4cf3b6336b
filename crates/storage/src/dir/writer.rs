//! The writer: puts appended frames into files, for all logs of a directory.
//!
//! Per log and turn, what was appended becomes one vectored write per segment, from the buffers the
//! frames came in. Space is reserved before in growing steps, so that a full disk is noticed while
//! there is still room for what was promised. A log that finds no space waits and is tried again;
//! nothing of it fails.
//!
//! Little is written by whoever appends it: to wake a thread costs more than that. While that takes
//! long, the disk has much to do, it is left to the writer again.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ottla_platform::disk::{DiskFile, is_exhaustion};
use ottla_platform::work::{Next, may_wait_here};
use ottla_protocol::records::HEADER_LEN;
use parking_lot::{Mutex, MutexGuard};

use super::DirectoryMeta;
use super::shared::DirShared;
use crate::frame::Frame;
use crate::log::{LogShared, Roll, WriteFrames, WriteIndex, WriteStep};
use crate::segment::{Kind, SegmentFiles};

/// Space is reserved in steps as large as what was reserved so far, within these bounds.
const STEP_BYTES_MIN: u64 = 64 << 10;
const STEP_BYTES_MAX: u64 = 16 << 20;
/// Pause before a log that found no space is tried again.
pub(super) const RETRY: Duration = Duration::from_millis(100);
/// Whoever appends and waited longer than this for a write ...
const SLOW: Duration = Duration::from_millis(2);
/// ... leaves writing to the writer for so long.
const SLOW_FOR: Duration = Duration::from_secs(1);

/// Held by who writes to files of the directory. It is waited for by the writer alone, and with no
/// other lock held.
#[derive(Default)]
pub(crate) struct Pen {
    held: Mutex<()>,
    /// A time of the monotonic clock until which only the writer writes.
    slow_until: Mutex<Duration>,
}

impl Pen {
    /// For whoever appends little, if nobody writes and the disk is not slow.
    pub(crate) fn for_little(&self, now: Duration) -> Option<MutexGuard<'_, ()>> {
        if now < *self.slow_until.lock() || !may_wait_here() {
            return None;
        }
        self.held.try_lock()
    }

    fn took(&self, begun: Duration, ended: Duration) {
        if ended.saturating_sub(begun) > SLOW {
            *self.slow_until.lock() = ended + SLOW_FOR;
        }
    }
}

/// Writes what a log has, on the thread that has appended it.
pub(crate) fn write_here(dir: &DirShared, log: Arc<LogShared>, begun: Duration) {
    write_log(dir, log);
    dir.pen.took(begun, dir.clock.monotonic());
    if dir.writer.has_stalled() {
        dir.writer.poke();
    }
}

/// A round of the worker.
pub(super) fn round(dir: &DirShared) -> Next {
    turn(dir);
    let has_stalled = dir.writer.has_stalled();
    dir.writer.next(has_stalled.then_some(RETRY))
}

/// Writes what the logs in the queue have; whether any was there.
pub(crate) fn turn(dir: &DirShared) -> bool {
    if dir.writer.has_stalled() {
        dir.writer.retry();
    }
    let _pen = dir.pen.held.lock();
    let logs = dir.writer.take();
    let any = !logs.is_empty();
    for log in logs {
        write_log(dir, log);
    }
    any
}

fn write_log(dir: &DirShared, log: Arc<LogShared>) {
    let work = log.begin_write();
    let mut dirty = Vec::new();
    let mut steps = work.steps.iter();
    let written = dir
        .check()
        .and_then(|()| steps.try_for_each(|step| carry_out(dir, step, &mut dirty)));
    match written {
        Ok(()) => log.end_write(work, dirty),
        Err(error) if is_exhaustion(&error) => {
            dir.full.store(true, Ordering::Relaxed);
            log.put_off_write(work);
            dir.writer.stall(log);
        }
        Err(error) => {
            dir.fail("write a segment", &error);
            log.fail_submissions();
        }
    }
}

fn carry_out(
    dir: &DirShared,
    step: &WriteStep,
    dirty: &mut Vec<Arc<dyn DiskFile>>,
) -> io::Result<()> {
    match step {
        WriteStep::Frames(frames) => write_frames(dir, frames, dirty),
        WriteStep::Index(index) => write_index(index),
        WriteStep::Roll(roll) => write_roll(roll, dirty),
    }
}

fn write_frames(
    dir: &DirShared,
    work: &WriteFrames,
    dirty: &mut Vec<Arc<dyn DiskFile>>,
) -> io::Result<()> {
    let file = work.files.open(Kind::Log)?;
    let start = u64::from(work.position);
    let end = start + u64::from(work.len);
    if work.frames.iter().any(Frame::is_gap) {
        dir.need_format(DirectoryMeta::WITH_GAPS)?;
    }
    reserve(dir, &*file, &work.files, end, work.segment_bytes)?;
    let heads: Vec<[u8; HEADER_LEN]> = work.frames.iter().map(|f| f.header.encode()).collect();
    let pairs = heads.iter().zip(&work.frames);
    let mut slices: Vec<IoSlice<'_>> = pairs
        .flat_map(|(head, frame)| [IoSlice::new(head), IoSlice::new(&frame.payload)])
        .collect();
    file.write_vectored_at(&mut slices, start)?;
    dir.counters.wrote(work.frames.len(), end - start);
    dirty.push(file);
    Ok(())
}

/// Reserves space up to `end` and some more. If there is not some more, `end` will do.
fn reserve(
    dir: &DirShared,
    file: &dyn DiskFile,
    files: &SegmentFiles,
    end: u64,
    segment_bytes: u64,
) -> io::Result<()> {
    let from = files.allocated.load(Ordering::Relaxed);
    if end <= from {
        return Ok(());
    }
    let step = from.clamp(STEP_BYTES_MIN, STEP_BYTES_MAX);
    let wanted = (from + step).min(segment_bytes).max(end);
    let reserved = match file.allocate(from, wanted - from) {
        Err(error) if is_exhaustion(&error) => {
            file.allocate(from, end - from)?;
            end
        }
        result => result.map(|()| wanted)?,
    };
    files.allocated.store(reserved, Ordering::Relaxed);
    // a file system that does not tell its free space is not a failed one
    let _ = dir.check_space();
    Ok(())
}

/// Appends entries to the index files. They are synced when the segment ends: until then a start
/// makes them anew.
fn write_index(index: &WriteIndex) -> io::Result<()> {
    for (kind, at, bytes) in &index.writes {
        if !bytes.is_empty() {
            index.files.open(*kind)?.write_all_at(bytes, *at)?;
        }
    }
    Ok(())
}

/// Trims the segment that ends and makes the files of the one that begins.
fn write_roll(roll: &Roll, dirty: &mut Vec<Arc<dyn DiskFile>>) -> io::Result<()> {
    let closed = roll.closed.open(Kind::Log)?;
    closed.set_len(u64::from(roll.closed_len))?;
    dirty.push(closed);
    dirty.extend(roll.closed.indexes(roll.has_aborted)?);
    dirty.extend(create_segment(&roll.new, &roll.head, Some(&roll.boundary))?);
    if let Some(bytes) = roll.preallocate {
        roll.new.open(Kind::Log)?.allocate(0, bytes)?;
        roll.new.allocated.store(bytes, Ordering::Relaxed);
    }
    Ok(())
}

/// Makes the files of an empty segment; those to sync, beside the folder.
pub(crate) fn create_segment(
    files: &SegmentFiles,
    head: &crate::segment::Head,
    boundary: Option<&[u8]>,
) -> io::Result<Vec<Arc<dyn DiskFile>>> {
    let mut dirty = Vec::new();
    if let Some(boundary) = boundary {
        let file = files.open(Kind::Boundary)?;
        file.write_all_at(boundary, 0)?;
        file.set_len(boundary.len() as u64)?;
        dirty.push(file);
    }
    let raft = files.open(Kind::Raft)?;
    raft.write_all_at(&head.encode(), 0)?;
    dirty.push(raft);
    for kind in [Kind::Offsets, Kind::Times, Kind::Log] {
        files.open(kind)?;
    }
    Ok(dirty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_appends_does_not_wait_for_who_writes() {
        let pen = Pen::default();
        let held = pen.for_little(Duration::ZERO);
        assert!(held.is_some());
        assert!(pen.for_little(Duration::ZERO).is_none());
        drop(held);
        assert!(pen.for_little(Duration::ZERO).is_some());
    }

    #[test]
    fn a_disk_that_was_slow_is_left_to_the_writer_for_a_while() {
        let (pen, begun) = (Pen::default(), Duration::from_secs(7));
        pen.took(begun, begun + SLOW);
        assert!(pen.for_little(begun + SLOW).is_some());
        let ended = begun + SLOW + Duration::from_micros(1);
        pen.took(begun, ended);
        assert!(pen.for_little(ended).is_none());
        assert!(pen.for_little(ended + SLOW_FOR).is_some());
    }
}
