//! A log's handle: appends, votes, and where the log stands.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use ottla_protocol::records::{Batch, BatchHeader, CheckedBatch, EndMarker, TimestampType};

use super::shared::{Inner, LogShared};
use super::types::{Done, LogState};
use crate::config::LogConfig;
use crate::dir::{LogDir, Saved};
use crate::epochs::EpochEnd;
use crate::frame::{CheckedFrame, Frame, Private};
use crate::outcome::{Condition, DiskFull, FollowerReject, Outcome, Placed, Rejection};
use crate::producers::{Check, Producer};
use crate::tail::Unwritten;
use crate::{Identity, LogId, VOTE_BYTES_MAX};

/// Proposals up to this size are not held against the free space, which costs a system call.
const ALWAYS_FITS: u64 = 1 << 20;

/// One partition's log. Cheap to clone; all calls take `&self`. Unless a call says that it
/// blocks, it does not wait for the disk (reads may page-fault). Appends, truncation, purge and
/// reset come from one caller, one at a time; everything else from anywhere.
#[derive(Clone)]
pub struct Log {
    pub(crate) shared: Arc<LogShared>,
    /// Keeps the directory's threads running as long as there is a log.
    pub(crate) _dir: LogDir,
}

impl Log {
    /// Whether there is room for a proposal of this size. To be asked before it is proposed:
    /// afterwards it cannot be refused, only wait.
    ///
    /// # Errors
    /// The directory is full.
    pub fn admit(&self, size_bytes: usize) -> Result<(), DiskFull> {
        let dir = &self.shared.dir;
        let size = size_bytes as u64;
        // one that could use up the reserve alone is held against the free space itself
        let fits = size <= dir.reserve_bytes.max(ALWAYS_FITS)
            || dir.disk.free_bytes(&dir.path).is_ok_and(|free| size < free);
        // chores look too, but only every few seconds, and not before the node has started
        let is_full = dir.full.load(Ordering::Relaxed) && !dir.check_space().unwrap_or(false);
        if is_full || !fits {
            return Err(DiskFull);
        }
        Ok(())
    }

    /// The place of a batch that is in the log already, if it is among its producer's last five.
    pub fn duplicate_of(&self, header: &BatchHeader) -> Option<Placed> {
        if !header.has_producer() || header.attributes.is_control() {
            return None;
        }
        let inner = self.shared.inner.lock();
        match inner.history.producers.check(header, false) {
            Check::Duplicate(original) => Some(original.placed()),
            Check::Next | Check::Rejected(_) => None,
        }
    }

    /// Appends a batch as leader of `id.term` at the next index: gives it its offset and epoch,
    /// and under LogAppendTime its timestamp; checks condition, producer epoch and sequence.
    /// A batch that is not accepted leaves a void frame. Readable on return, see [`Log::submit`].
    ///
    /// # Panics
    /// `id.index` is not the next index, or the term is not that of the frame before: a blank opens it.
    pub fn append_leader(
        &self,
        id: LogId,
        batch: CheckedBatch,
        condition: Option<Condition>,
        now_ms: i64,
    ) -> Outcome {
        let batch = batch.into_batch();
        let mut inner = self.shared.inner.lock();
        let inner = &mut *inner;
        inner.assert_next(id);
        let last = inner.history.last;
        assert!(
            last.is_none_or(|last| last.term == id.term),
            "no blank opened the term"
        );
        let refusal = match inner.check(&batch, id, condition.as_ref()) {
            Check::Next => {
                let placed = self.accept(inner, id, batch, now_ms);
                return Outcome::Accepted(placed);
            }
            Check::Duplicate(original) => Outcome::Duplicate(original.placed()),
            Check::Rejected(rejection) => Outcome::Rejected(rejection),
        };
        self.append_private_to(inner, id, &Private::Void, now_ms);
        refusal
    }

    fn accept(&self, inner: &mut Inner, id: LogId, batch: Batch, now_ms: i64) -> Placed {
        let mut header = batch.header;
        header.base_offset = inner.history.next_offset;
        header.partition_leader_epoch = id.term;
        let stamps = inner.config.timestamp_type == TimestampType::LogAppendTime
            && !header.attributes.is_control();
        if stamps {
            let kind = TimestampType::LogAppendTime;
            header.attributes = header.attributes.with_timestamp_type(kind);
            header.max_timestamp = now_ms;
        }
        let frame = Unwritten {
            frame: Frame {
                header,
                payload: batch.payload,
            },
            unsealed: stamps,
        };
        self.shared
            .append(inner, frame, now_ms)
            .expect("a Kafka batch has no private bytes");
        Placed {
            base_offset: header.base_offset,
            next_offset: header.next_offset(),
            log_append_time_ms: if stamps { now_ms } else { -1 },
        }
    }

    /// Appends a raft-only frame at the next index, as leader.
    ///
    /// # Panics
    /// `id.index` is not the next index, or the term goes back.
    pub fn append_private(&self, id: LogId, private: &Private) {
        let now_ms = self.shared.dir.clock.now_ms();
        let mut inner = self.shared.inner.lock();
        inner.assert_next(id);
        self.append_private_to(&mut inner, id, private, now_ms);
    }

    fn append_private_to(&self, inner: &mut Inner, id: LogId, private: &Private, now_ms: i64) {
        let frame = Unwritten {
            frame: Frame::private(id, inner.history.next_offset, private),
            unsealed: false,
        };
        self.shared
            .append(inner, frame, now_ms)
            .expect("private bytes of our own making can be read");
    }

    /// Appends a frame from the leader after checking its place: index, term and base offset.
    ///
    /// # Errors
    /// The frame does not follow the log; nothing was changed.
    pub fn append_follower(&self, frame: CheckedFrame, now_ms: i64) -> Result<(), FollowerReject> {
        let (id, frame) = frame.into_parts();
        self.follow(&mut self.shared.inner.lock(), id, frame, now_ms)
    }

    /// Appends a gap from the leader, in the place of `indexes` committed frames that compaction has removed
    /// there. Of its offsets, what is before it here is taken already.
    ///
    /// # Errors
    /// The gap does not follow the log; nothing was changed.
    pub fn append_gap(
        &self,
        id: LogId,
        indexes: u32,
        offsets: Range<i64>,
        now_ms: i64,
    ) -> Result<(), FollowerReject> {
        let mut inner = self.shared.inner.lock();
        let begin = inner.history.next_offset;
        let taken = begin.clamp(offsets.start, offsets.end)..offsets.end;
        self.follow(&mut inner, id, Frame::gap(id, indexes, taken), now_ms)
    }

    fn follow(
        &self,
        inner: &mut Inner,
        id: LogId,
        frame: Frame,
        now_ms: i64,
    ) -> Result<(), FollowerReject> {
        inner.check_place(id, &frame)?;
        let frame = Unwritten {
            frame,
            unsealed: false,
        };
        let appended = self.shared.append(inner, frame, now_ms);
        appended.map_err(|_| FollowerReject::Damaged).map(|_| ())
    }

    /// Has everything appended so far written and, under [`FlushPolicy::Fsync`](crate::FlushPolicy),
    /// synced, then calls `done`. Calls come in the order of submission.
    pub fn submit(&self, done: Done) {
        self.shared.submit(done);
    }

    /// Saves the vote; `done` is called when it would survive a power cut, in order with
    /// submissions.
    ///
    /// # Panics
    /// The vote is longer than [`VOTE_BYTES_MAX`].
    pub fn save_vote(&self, vote: Bytes, done: Done) {
        assert!(
            vote.len() <= VOTE_BYTES_MAX,
            "a vote of {} bytes",
            vote.len()
        );
        self.shared.submit_vote(vote, done);
    }

    /// The vote saved last.
    pub fn read_vote(&self) -> Option<Bytes> {
        self.shared.inner.lock().vote.clone()
    }

    /// Notes what is committed. Reaches the disk some time later, together with the log start.
    pub fn save_committed(&self, committed: LogId) {
        self.shared.inner.lock().committed = Some(committed);
    }

    /// What was noted last; after a crash, something earlier.
    pub fn read_committed(&self) -> Option<LogId> {
        self.shared.inner.lock().committed
    }

    /// Notes that nothing is known to be committed but what was purged: the group's leader has other
    /// entries. For a log that is about to be closed.
    pub fn forget_committed(&self) {
        self.shared.inner.lock().committed = None;
    }

    /// Whether the log takes nothing any more: it was closed, or a change of its files failed half-way.
    pub fn is_closed(&self) -> bool {
        self.shared.inner.lock().closed
    }

    /// Where the log begins and ends.
    pub fn state(&self) -> LogState {
        let inner = self.shared.inner.lock();
        LogState {
            purged: inner.purged,
            last: inner.history.last,
            next_index: inner.history.next_index(),
            log_start_offset: inner.log_start_offset,
            log_end_offset: inner.history.next_offset,
        }
    }

    /// Each term in the log (and the purged one before it) with its first index, ascending.
    pub fn terms(&self) -> Vec<LogId> {
        self.shared.inner.lock().history.terms.entries().to_vec()
    }

    /// The end of a leader epoch, as OffsetForLeaderEpoch answers it.
    pub fn epoch_end(&self, epoch: i32) -> EpochEnd {
        let inner = self.shared.inner.lock();
        inner
            .history
            .epochs
            .end_of(epoch, inner.history.next_offset)
    }

    /// The epoch that wrote, or will write, the record at `offset`; −1 if unknown.
    pub fn epoch_for_offset(&self, offset: i64) -> i32 {
        let inner = self.shared.inner.lock();
        inner.history.epochs.at(offset).unwrap_or(-1)
    }

    /// The producers that the log remembers, by id.
    pub fn producers(&self) -> Vec<Producer> {
        self.shared.inner.lock().history.producers.entries()
    }

    /// The last stable offset, given the high watermark.
    pub fn last_stable_offset(&self, high_watermark: i64) -> i64 {
        let mut inner = self.shared.inner.lock();
        inner
            .history
            .transactions
            .last_stable_offset(high_watermark)
    }

    /// Moves the log's start, never back: at the apply of a committed
    /// [`Private::LogStart`]. Rolls the active segment if all its records fall below.
    pub fn advance_log_start(&self, offset: i64) {
        let now_ms = self.shared.dir.clock.now_ms();
        let mut inner = self.shared.inner.lock();
        let inner = &mut *inner;
        let offset = offset.min(inner.history.next_offset);
        if offset <= inner.log_start_offset || inner.closed {
            return;
        }
        inner.log_start_offset = offset;
        inner.history.epochs.trim_start(offset);
        if offset == inner.history.next_offset && !inner.active().has_no_records() {
            self.shared.roll(inner, now_ms);
            self.shared.queue_write(inner);
        }
    }

    /// Changes the settings from now on.
    pub fn set_config(&self, config: LogConfig) {
        self.shared.inner.lock().config = config;
    }

    /// Whether it is to keep only the newest record of each key.
    pub fn is_compacted(&self) -> bool {
        self.shared.inner.lock().config.compact
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        let inner = self.shared.inner.lock();
        inner
            .segments
            .iter()
            .map(|segment| u64::from(segment.len))
            .sum()
    }

    /// Who the log belongs to.
    pub fn identity(&self) -> Identity {
        self.shared.identity
    }
}

impl Inner {
    fn assert_next(&self, id: LogId) {
        assert_eq!(id.index, self.history.next_index(), "appended out of order");
        assert!(
            self.history.last.is_none_or(|last| last.term <= id.term),
            "term went back"
        );
    }

    fn check_place(&self, id: LogId, frame: &Frame) -> Result<(), FollowerReject> {
        let expected = self.history.next_index();
        if id.index != expected {
            return Err(FollowerReject::WrongIndex {
                expected,
                found: id.index,
            });
        }
        let last_term = self.history.last.map(|last| last.term);
        if !frame.may_follow(last_term) {
            return Err(FollowerReject::WrongTerm {
                expected: last_term.unwrap_or(-1),
                found: id.term,
            });
        }
        let expected = self.history.next_offset;
        let found = frame.header.base_offset;
        if found != expected {
            return Err(FollowerReject::WrongOffset { expected, found });
        }
        Ok(())
    }

    /// Whether a batch may be appended.
    fn check(&self, batch: &Batch, id: LogId, condition: Option<&Condition>) -> Check {
        let header = &batch.header;
        if condition.is_some_and(|condition| !self.holds(condition, id)) {
            return Check::Rejected(Rejection::ConditionFailed);
        }
        let is_judged = condition.is_some_and(|condition| condition.base_offset.is_some());
        if is_judged || !header.has_producer() {
            return Check::Next;
        }
        let by_epoch = condition.is_some_and(|condition| condition.epoch_per_transaction);
        let producers = &self.history.producers;
        if !header.attributes.is_control() {
            return producers.check(header, by_epoch);
        }
        let Some(marker) = EndMarker::read(batch) else {
            return Check::Next;
        };
        let checked = producers.check_marker(header, marker, by_epoch);
        checked.map_or_else(Check::Rejected, |()| Check::Next)
    }

    fn holds(&self, condition: &Condition, id: LogId) -> bool {
        let next_offset = self.history.next_offset;
        condition.term.is_none_or(|term| term == id.term)
            && condition
                .base_offset
                .is_none_or(|offset| offset == next_offset)
    }
}

impl LogShared {
    /// The part of [`LogDir::expire_producers`] for one log.
    pub(crate) fn expire_producers(&self, now_ms: i64) {
        let mut inner = self.inner.lock();
        let expiration_ms = inner.config.producer_id_expiration_ms;
        inner.history.producers.expire(now_ms, expiration_ms);
    }

    /// The part of [`LogDir::tidy`] for one log; what the journal should remember of it.
    pub(crate) fn tidy(self: &Arc<Self>) -> Option<Saved> {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        if inner.closed {
            return None;
        }
        let next_index = inner.history.next_index();
        if inner.pipeline.idle_at(next_index) {
            if inner.active().sparse.pending() > 0 {
                inner.pipeline.index_wanted = true;
                self.queue_write(inner);
            } else if inner.pipeline.has_dirty() {
                self.queue_flush(inner);
            } else {
                inner.tail.shrink();
                inner
                    .segments
                    .iter()
                    .for_each(|segment| segment.files.release());
            }
        }
        Some(inner.saved())
    }
}
