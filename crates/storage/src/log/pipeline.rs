//! A log's way to the disk: what waits to be written, what waits to be synced, who is to be told.
//!
//! Submissions move from `waiting` (until their frames are written) to `flushing` (until synced)
//! and are then called, always in their order; under asynchronous flush those without a vote skip
//! the second station if nothing stands in it. A sync that nobody waits for holds up nobody.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_platform::disk::DiskFile;
use ottla_platform::planted::Planted;
use parking_lot::MutexGuard;

use super::shared::{Inner, LogShared};
use super::types::Done;
use super::write_work::{Roll, WriteStep, WriteWork, collect, note_written};
use crate::config::FlushPolicy;
use crate::dir::writer::write_here;
use crate::dir::{DirShared, Drive, Saved};
use crate::tail::Unwritten;

/// The journal is told of a log's progress at most this often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// What is at most written by whoever appends it.
const LITTLE_FRAMES: usize = 16;
const LITTLE_BYTES: u32 = 80 << 10;

#[derive(Default)]
pub(crate) struct Pipeline {
    /// Segments to be made before the frames in them are written.
    pub(crate) rolls: VecDeque<Roll>,
    waiting: VecDeque<Submission>,
    flushing: VecDeque<Submission>,
    /// Written to since the last flush.
    dirty: Vec<Arc<dyn DiskFile>>,
    dirty_folder: bool,
    /// In the writer's queue; being written.
    queued: bool,
    writing: bool,
    /// The last attempt to write found no space.
    stalled: bool,
    /// In the flusher's queue; being flushed.
    flush_queued: bool,
    flushing_now: bool,
    /// Submissions are being flushed or called: later ones come after them.
    flush_is_awaited: bool,
    /// The last attempt to keep a vote found no space.
    flush_stalled: bool,
    timer_set: bool,
    /// The log is deleted: nothing is written any more.
    pub(super) abandoned: bool,
    /// Frames below this index are written.
    pub(crate) written_index: u64,
    /// Frames below this index survive a power cut.
    pub(crate) durable_index: u64,
    /// Under asynchronous flush, records appended since the last sync was asked for.
    pub(crate) unsynced_records: u64,
    /// When the journal was told last.
    progress_at: Duration,
    /// Write index entries however few there are.
    pub(crate) index_wanted: bool,
    /// Where the log ended when the chores looked last.
    seen_index: u64,
}

struct Submission {
    /// Calls when frames below this index are done.
    next_index: u64,
    is_vote: bool,
    done: Done,
}

/// What a flush round is to do for one log.
pub(crate) struct FlushWork {
    pub(crate) log: Arc<LogShared>,
    pub(crate) files: Vec<Arc<dyn DiskFile>>,
    pub(crate) folder: bool,
    pub(crate) has_vote: bool,
    pub(crate) saved: Option<Saved>,
    reached: u64,
    submissions: VecDeque<Submission>,
}

impl LogShared {
    /// Has everything appended so far written, and `done` called.
    pub(crate) fn submit(self: &Arc<Self>, done: Done) {
        let inner = self.inner.lock();
        self.enqueue(inner, false, done);
    }

    /// Notes a vote and has `done` called when it is durable.
    pub(crate) fn submit_vote(self: &Arc<Self>, vote: Bytes, done: Done) {
        let mut inner = self.inner.lock();
        inner.vote = Some(vote);
        self.enqueue(inner, true, done);
    }

    fn enqueue(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>, is_vote: bool, done: Done) {
        let refused = match self.dir.check() {
            Ok(()) if inner.closed => Err(closed()),
            result => result,
        };
        if let Err(error) = refused {
            drop(inner);
            return done(Err(error));
        }
        let next_index = inner.history.next_index();
        inner.pipeline.waiting.push_back(Submission {
            next_index,
            is_vote,
            done,
        });
        if inner.has_little() && self.dir.drive == Drive::Workers {
            let now = self.dir.clock.monotonic();
            if let Some(_pen) = self.dir.pen.for_little(now) {
                inner.pipeline.queued = true;
                drop(inner);
                return write_here(&self.dir, Arc::clone(self), now);
            }
        }
        self.queue_write(&mut inner);
    }

    /// Puts the log into the writer's queue unless it is there.
    pub(crate) fn queue_write(self: &Arc<Self>, inner: &mut Inner) {
        if !inner.pipeline.queued {
            inner.pipeline.queued = true;
            self.dir.writer.push(Arc::clone(self));
        }
    }

    pub(crate) fn queue_flush(self: &Arc<Self>, inner: &mut Inner) {
        inner.pipeline.unsynced_records = 0;
        if !inner.pipeline.flush_queued {
            inner.pipeline.flush_queued = true;
            self.dir.flusher.push(Arc::clone(self));
        }
    }

    /// For the timer: has what was written synced.
    pub(crate) fn flush_now(self: &Arc<Self>) {
        let mut inner = self.inner.lock();
        inner.pipeline.timer_set = false;
        self.queue_flush(&mut inner);
    }

    /// Takes what is to be written. Checksums that are missing are computed here.
    pub(crate) fn begin_write(&self) -> WriteWork {
        let (mut work, unsealed) = {
            let mut inner = self.inner.lock();
            inner.pipeline.queued = false;
            inner.pipeline.stalled = false;
            inner.pipeline.writing = true;
            collect(&mut inner)
        };
        let mut unsealed = unsealed.into_iter();
        for step in &mut work.steps {
            if let WriteStep::Frames(step) = step {
                step.frames
                    .extend(unsealed.next().into_iter().flatten().map(Unwritten::sealed));
            }
        }
        work
    }

    /// Gives back what found no space; the writer tries again.
    pub(crate) fn put_off_write(&self, work: WriteWork) {
        let mut inner = self.inner.lock();
        for step in work.steps.into_iter().rev() {
            match step {
                WriteStep::Roll(roll) => inner.pipeline.rolls.push_front(roll),
                WriteStep::Index(_) => inner.pipeline.index_wanted = true,
                WriteStep::Frames(_) => {}
            }
        }
        inner.pipeline.writing = false;
        inner.pipeline.queued = true;
        inner.pipeline.stalled = true;
        self.progress.notify_all();
    }

    /// Notes what was written and passes submissions on.
    pub(crate) fn end_write(self: &Arc<Self>, work: WriteWork, dirty: Vec<Arc<dyn DiskFile>>) {
        let mut inner = self.inner.lock();
        inner.tail.written(work.frames);
        for step in &work.steps {
            note_written(&mut inner, step);
        }
        let pipeline = &mut inner.pipeline;
        pipeline.writing = false;
        if pipeline.abandoned {
            drop(inner);
            self.progress.notify_all();
            return;
        }
        pipeline.written_index = work.next_index;
        pipeline.dirty_folder |= work.rolls > 0;
        for file in dirty {
            if !pipeline.dirty.iter().any(|known| Arc::ptr_eq(known, &file)) {
                pipeline.dirty.push(file);
            }
        }
        let ready = pipeline
            .waiting
            .partition_point(|submission| submission.next_index <= work.next_index);
        let ready: VecDeque<_> = pipeline.waiting.drain(..ready).collect();
        let done = self.pass_on(&mut inner, ready, work.rolls > 0);
        drop(inner);
        self.progress.notify_all();
        done.into_iter()
            .for_each(|submission| (submission.done)(Ok(())));
    }

    /// Decides what of the written is synced; submissions that need not wait for it.
    fn pass_on(
        self: &Arc<Self>,
        inner: &mut Inner,
        ready: VecDeque<Submission>,
        rolled: bool,
    ) -> VecDeque<Submission> {
        let (config, pipeline) = (&inner.config, &mut inner.pipeline);
        let is_async = config.flush == FlushPolicy::Async || Planted::AckBeforeFsync.is_there();
        let skips = is_async
            && pipeline.flushing.is_empty()
            && !pipeline.flush_is_awaited
            && !ready.iter().any(|submission| submission.is_vote);
        if !skips {
            let any = !ready.is_empty();
            pipeline.flushing.extend(ready);
            if any || rolled {
                self.queue_flush(inner);
            }
            return VecDeque::new();
        }
        if rolled || pipeline.unsynced_records >= config.flush_messages {
            self.queue_flush(inner);
        } else if config.flush_ms < u64::MAX && !pipeline.timer_set && !pipeline.dirty.is_empty() {
            pipeline.timer_set = true;
            let due = self.dir.clock.monotonic() + Duration::from_millis(config.flush_ms);
            self.dir.timers.lock().push((due, Arc::downgrade(self)));
            self.dir.flusher.poke();
        }
        ready
    }

    /// Takes what is to be synced.
    pub(crate) fn begin_flush(self: Arc<Self>) -> FlushWork {
        let now = self.dir.clock.monotonic();
        let mut inner = self.inner.lock();
        let pipeline = &mut inner.pipeline;
        pipeline.flush_queued = false;
        pipeline.flush_stalled = false;
        pipeline.flushing_now = true;
        let submissions = std::mem::take(&mut pipeline.flushing);
        pipeline.flush_is_awaited = !submissions.is_empty();
        let files = std::mem::take(&mut pipeline.dirty);
        let folder = std::mem::take(&mut pipeline.dirty_folder);
        let reached = pipeline.written_index;
        let has_vote = submissions.iter().any(|submission| submission.is_vote);
        let due = now.saturating_sub(pipeline.progress_at) >= PROGRESS_INTERVAL;
        if due {
            pipeline.progress_at = now;
        }
        let saved = (due || has_vote) && !pipeline.abandoned;
        let saved = saved.then(|| inner.saved());
        drop(inner);
        FlushWork {
            log: self,
            files,
            folder,
            has_vote,
            saved,
            reached,
            submissions,
        }
    }

    /// Fails everything that waits, because the directory failed or the log is gone.
    pub(crate) fn fail_submissions(&self) {
        let mut inner = self.inner.lock();
        let pipeline = &mut inner.pipeline;
        let waiting = std::mem::take(&mut pipeline.waiting);
        let mut all = std::mem::take(&mut pipeline.flushing);
        all.extend(waiting);
        drop(inner);
        self.progress.notify_all();
        for submission in all {
            let error = self.dir.check().err().unwrap_or_else(closed);
            (submission.done)(Err(error));
        }
    }

    /// Waits until everything appended is written and, if it must be, synced.
    ///
    /// # Errors
    /// The directory failed, or has no room for what was appended: nobody knows when it will have.
    pub(crate) fn wait_quiet(self: &Arc<Self>) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.inner.lock();
        if inner.tail.has_unwritten()
            || !inner.pipeline.rolls.is_empty()
            || inner.pipeline.index_wanted
        {
            self.queue_write(&mut inner);
        }
        loop {
            self.dir.check()?;
            if inner.pipeline.is_quiet() {
                return Ok(inner);
            }
            let has_threads = self.dir.has_threads();
            if !has_threads {
                drop(inner);
                self.dir.turn();
                inner = self.inner.lock();
            }
            if inner.pipeline.stalled || inner.pipeline.flush_stalled {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if has_threads {
                self.progress.wait(&mut inner);
            }
        }
    }
}

impl Inner {
    /// Whether all that waits to be written is a few small frames of one segment, and nobody has been
    /// told to write it.
    fn has_little(&self) -> bool {
        let pipeline = &self.pipeline;
        if pipeline.queued || !pipeline.rolls.is_empty() || pipeline.index_wanted {
            return false;
        }
        let mut frames = self.tail.unwritten().take(LITTLE_FRAMES + 1);
        let (mut count, mut bytes) = (0, 0);
        frames.all(|(recent, _)| {
            count += 1;
            bytes += recent.meta.size_bytes;
            count <= LITTLE_FRAMES && bytes <= LITTLE_BYTES
        })
    }
}

impl Pipeline {
    fn is_quiet(&self) -> bool {
        let busy = self.queued || self.writing || self.flush_queued || self.flushing_now;
        !busy && self.waiting.is_empty() && self.flushing.is_empty()
    }

    /// Whether nothing was appended since the last call and nothing is under way.
    pub(crate) fn idle_at(&mut self, next_index: u64) -> bool {
        let before = std::mem::replace(&mut self.seen_index, next_index);
        before == next_index && self.is_quiet() && self.rolls.is_empty()
    }

    /// Whether files were written to since the last flush.
    pub(crate) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.dirty_folder
    }

    /// Lets nothing be written or synced from now on.
    pub(crate) fn abandon(&mut self) {
        self.abandoned = true;
        self.rolls.clear();
        self.dirty.clear();
        self.dirty_folder = false;
    }

    /// Whether the writer or the flusher has this log in hand.
    pub(crate) fn in_hand(&self) -> bool {
        self.writing || self.flushing_now
    }

    /// Starts anew after the log was replaced by one that is all on the medium.
    pub(crate) fn reset(&mut self, next_index: u64) {
        *self = Pipeline {
            written_index: next_index,
            durable_index: next_index,
            progress_at: self.progress_at,
            ..Pipeline::default()
        };
    }

    /// The files to be synced.
    pub(crate) fn dirty(&self) -> &[Arc<dyn DiskFile>] {
        &self.dirty
    }

    /// Takes them, and whether the folder is to be synced.
    pub(crate) fn take_dirty(&mut self) -> (Vec<Arc<dyn DiskFile>>, bool) {
        (
            std::mem::take(&mut self.dirty),
            std::mem::take(&mut self.dirty_folder),
        )
    }
}

impl FlushWork {
    /// Waits for space for the vote in it; the flusher tries again.
    pub(crate) fn put_off(self, dir: &DirShared) {
        let mut inner = self.log.inner.lock();
        let pipeline = &mut inner.pipeline;
        pipeline.flushing_now = false;
        pipeline.flush_is_awaited = false;
        pipeline.flush_queued = true;
        pipeline.flush_stalled = true;
        let later = std::mem::replace(&mut pipeline.flushing, self.submissions);
        pipeline.flushing.extend(later);
        drop(inner);
        self.log.progress.notify_all();
        dir.flusher.stall(self.log);
    }

    /// Tells everyone, after the round has ended, well or not.
    pub(crate) fn finish(self, dir: &DirShared) {
        let failed = dir.check().is_err();
        let mut inner = self.log.inner.lock();
        inner.pipeline.flushing_now = false;
        if !failed {
            inner.pipeline.durable_index = inner.pipeline.durable_index.max(self.reached);
        }
        drop(inner);
        self.log.progress.notify_all();
        if self.submissions.is_empty() {
            return;
        }
        for submission in self.submissions {
            (submission.done)(dir.check());
        }
        // Only now may others be called.
        self.log.inner.lock().pipeline.flush_is_awaited = false;
    }
}

pub(crate) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the log is closed")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use ottla_platform::clock::ManualClock;
    use ottla_platform::sim::SimDisk;
    use uuid::Uuid;

    use super::*;
    use crate::testing::batch;
    use crate::{DirectoryMeta, Identity, Log, LogConfig, LogDir, LogDirOptions, OnDamage, dir};

    /// A log that flushes so.
    fn log(flush: FlushPolicy) -> (LogDir, Log) {
        let disk = SimDisk::new(1);
        let meta = DirectoryMeta {
            format: DirectoryMeta::FIRST_FORMAT,
            starts: 1,
            directory_id: Uuid::from_u128(9),
            cluster_id: "cluster".into(),
            node_id: 1,
            founding: None,
        };
        meta.write(&disk, Path::new("data")).unwrap();
        let options = LogDirOptions {
            clock: Arc::new(ManualClock::at(1_000)),
            drive: dir::Drive::Manual,
            mapped_files_max: 0,
            reserve_bytes: 0,
            on_failure: Box::new(|text| panic!("{text}")),
        };
        let dir = LogDir::open(Arc::new(disk), Path::new("data"), options).unwrap();
        let identity = Identity {
            topic_id: Uuid::from_u128(1),
            partition: 0,
            group_id: 1,
        };
        let config = LogConfig {
            flush,
            ..LogConfig::default()
        };
        let log = Log::open(&dir, "t-0", identity, config, OnDamage::Refuse);
        (dir, log.unwrap().0)
    }

    /// Appends a batch and has it written; whether that was told.
    fn write(log: &Log) -> Arc<AtomicBool> {
        let told = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&told);
        let frame = crate::Frame::from(batch(1, 1_000, None));
        let unwritten = Unwritten {
            frame: crate::Frame {
                header: ottla_protocol::records::BatchHeader {
                    partition_leader_epoch: 1,
                    ..frame.header
                },
                ..frame
            },
            unsealed: true,
        };
        let mut inner = log.shared.inner.lock();
        log.shared.append(&mut inner, unwritten, 1_000).unwrap();
        drop(inner);
        log.submit(Box::new(move |result| {
            result.unwrap();
            tell.store(true, Ordering::SeqCst);
        }));
        dir::writer::turn(&log.shared.dir);
        told
    }

    #[test]
    fn a_sync_that_nobody_waits_for_holds_up_nobody() {
        let (dir, log) = log(FlushPolicy::Async);
        assert!(write(&log).load(Ordering::SeqCst));
        log.shared.flush_now();
        let under_way = Arc::clone(&log.shared).begin_flush();
        assert!(write(&log).load(Ordering::SeqCst));
        under_way.finish(&dir.shared);
    }

    #[test]
    fn after_a_vote_that_is_synced_others_are_told_in_their_order() {
        let (dir, log) = log(FlushPolicy::Async);
        log.save_vote(
            Bytes::from_static(b"vote"),
            Box::new(|result| result.unwrap()),
        );
        dir::writer::turn(&dir.shared);
        let under_way = Arc::clone(&log.shared).begin_flush();
        let told = write(&log);
        assert!(!told.load(Ordering::SeqCst));
        under_way.finish(&dir.shared);
        assert!(!told.load(Ordering::SeqCst));
        dir.turn();
        assert!(told.load(Ordering::SeqCst));
        assert!(write(&log).load(Ordering::SeqCst));
    }
}
