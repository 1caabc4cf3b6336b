//! The batches of one partition: their order, their sequences, and what an answer means for them. Pure.
//!
//! Invariants:
//! - Batches are sent in the order in which they were opened. A batch that failed goes back to its place.
//! - A batch keeps its sequence until it is *known* not to be in the log under it. The broker says so by
//!   OUT_OF_ORDER_SEQUENCE_NUMBER once every earlier batch is settled.
//! - While a batch is sent again, no other is under way (Kafka remembers five batches; more would be in doubt).
//! - The first batch goes alone until it is in the log: a broker that does not know the producer yet takes any first
//!   sequence, so a second batch could overtake it.
//! - After a batch was given up in doubt, the next one may meet a gap. Then the partition starts again: the next
//!   epoch, sequence 0 (KIP-360). Epochs are per partition, as the broker's memory is.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::records::Compression;
use tokio::time::Instant;

use super::batch::{Appended, PendingBatch, ProducerIdentity, Stamp};
use super::error::ProduceError;
use super::record::{Delivery, ProducerRecord};
use crate::partition::TopicPartition;

/// What a queue needs to know of the producer's settings.
#[derive(Clone, Debug)]
pub(super) struct QueueSettings {
    pub(super) batch_bytes: usize,
    pub(super) compression: Compression,
    pub(super) compression_level: Option<i32>,
    pub(super) in_flight_max: usize,
    pub(super) delivery_timeout: Duration,
}

/// What pushing a record changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pushed {
    /// It joined the open batch.
    Joined,
    /// It opened a batch.
    Opened,
    /// It opened a batch after closing the one before, which can be sent now.
    ClosedAndOpened,
}

/// What came back for a batch that was sent.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// It is in the log.
    Appended(Appended),
    /// The broker refused it.
    Refused {
        code: ErrorCode,
        detail: Option<String>,
    },
    /// Nothing came back, or nothing about this batch.
    Lost(String),
    /// It never left.
    NotSent(String),
    /// It cannot be made into bytes.
    Unsendable(ProduceError),
}

/// A batch that is over and what those who wait are told; `None` if it waits in the queue to be sent again.
pub(super) type Settled = Option<(PendingBatch, Result<Appended, ProduceError>)>;

/// The queue of one partition.
#[derive(Debug)]
pub(super) struct PartitionQueue {
    partition: TopicPartition,
    open: Option<PendingBatch>,
    waiting: VecDeque<PendingBatch>,
    /// Orders of the batches under way.
    in_flight: BTreeSet<u64>,
    next_order: u64,
    identity: Option<ProducerIdentity>,
    next_sequence: i32,
    /// A batch of `identity` is in the log.
    is_known: bool,
    /// A producer id whose epochs are used up here.
    spent_id: Option<i64>,
    /// The last batch with a sequence that was given up: behind it the broker may see a gap.
    gap: Option<u64>,
    /// Start again as soon as nothing is under way.
    must_restart: bool,
}

impl PartitionQueue {
    pub(super) fn new(partition: TopicPartition) -> Self {
        PartitionQueue {
            partition,
            open: None,
            waiting: VecDeque::new(),
            in_flight: BTreeSet::new(),
            next_order: 0,
            identity: None,
            next_sequence: 0,
            is_known: false,
            spent_id: None,
            gap: None,
            must_restart: false,
        }
    }

    /// Whether a record of this size would open a new batch.
    pub(super) fn would_open(&self, size_bytes: usize, settings: &QueueSettings) -> bool {
        match &self.open {
            None => true,
            Some(open) => open.size_bytes() + size_bytes > settings.batch_bytes,
        }
    }

    /// Adds a record of about `size_bytes`. What time it is matters only if it opens a batch.
    pub(super) fn push(
        &mut self,
        record: &ProducerRecord<'_>,
        size_bytes: usize,
        timestamp: i64,
        now: impl FnOnce() -> Instant,
        settings: &QueueSettings,
    ) -> (Delivery, Pushed) {
        let pushed = match (self.would_open(size_bytes, settings), self.open.is_some()) {
            (false, _) => Pushed::Joined,
            (true, true) => Pushed::ClosedAndOpened,
            (true, false) => Pushed::Opened,
        };
        if pushed != Pushed::Joined {
            self.close_open();
        }
        let partition = &self.partition;
        let next_order = &mut self.next_order;
        let open = self.open.get_or_insert_with(|| {
            *next_order += 1;
            PendingBatch::new(
                partition.clone(),
                *next_order,
                now(),
                settings.compression,
                settings.compression_level,
            )
        });
        (open.push(record, timestamp, size_bytes), pushed)
    }

    /// Closes the open batch, which can be sent from now on.
    pub(super) fn close_open(&mut self) {
        self.waiting.extend(self.open.take());
    }

    /// The open batch, if any.
    pub(super) fn open_batch(&self) -> Option<&PendingBatch> {
        self.open.as_ref()
    }

    /// Whether closed batches wait.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether the next batch may be sent now; the open one counts if it `is_due`.
    pub(super) fn may_send(&self, now: Instant, is_due: bool, settings: &QueueSettings) -> bool {
        let Some(next) = self.next(is_due) else {
            return false;
        };
        if next.not_before.is_some_and(|moment| moment > now) {
            return false;
        }
        let is_first = self.identity.is_some() && !self.is_known;
        if self.must_restart || is_first || next.stamp.is_some() {
            return self.in_flight.is_empty();
        }
        // A broker knows the last five batches again. One that hangs on its way to a leader that was must still
        // be among them when it is sent again, whatever the next leader has taken meanwhile.
        let oldest = self.in_flight.first().copied().unwrap_or(next.order);
        let is_known_again = next.order.saturating_sub(oldest) < settings.in_flight_max as u64;
        // one without a number, sent again, may be older than all that are under way
        is_known_again && self.in_flight.len() < settings.in_flight_max
    }

    /// The size of the next batch; the open one counts if it `is_due`.
    pub(super) fn next_size_bytes(&self, is_due: bool) -> usize {
        self.next(is_due).map_or(0, PendingBatch::size_bytes)
    }

    fn next(&self, is_due: bool) -> Option<&PendingBatch> {
        let open = self.open.as_ref().filter(|_| is_due);
        self.waiting.front().or(open)
    }

    /// Whether `identity` cannot be used here any more.
    pub(super) fn is_spent(&self, identity: ProducerIdentity) -> bool {
        self.spent_id == Some(identity.id)
    }

    /// Takes the next batch to send it, stamped if the producer has an identity. Only if
    /// [`may_send`](Self::may_send).
    pub(super) fn take(&mut self, identity: Option<ProducerIdentity>) -> Option<PendingBatch> {
        if self.waiting.is_empty() {
            self.close_open();
        }
        if self.must_restart {
            self.restart();
        }
        let mut batch = self.waiting.pop_front()?;
        if let (Some(identity), None) = (identity, batch.stamp) {
            let identity = *self.identity.get_or_insert(identity);
            batch.stamp = Some(Stamp {
                identity,
                base_sequence: self.next_sequence,
            });
            self.next_sequence = following(self.next_sequence, batch.record_count());
        }
        self.in_flight.insert(batch.order);
        Some(batch)
    }

    /// Takes the answer for a batch that was taken.
    pub(super) fn settle(
        &mut self,
        mut batch: PendingBatch,
        answer: Answer,
        now: Instant,
        retry_at: Instant,
        settings: &QueueSettings,
    ) -> Settled {
        let is_first = self.is_first(batch.order);
        self.in_flight.remove(&batch.order);
        match answer {
            Answer::Appended(appended) => {
                self.is_known = true;
                // There was no gap after all, or none that the broker minds.
                self.gap = self.gap.filter(|&gap| gap > batch.order);
                Some((batch, Ok(appended)))
            }
            Answer::NotSent(failure) => {
                batch.last_failure = Some(failure);
                self.retry(batch, now, retry_at, settings)
            }
            Answer::Lost(failure) => {
                batch.last_failure = Some(failure);
                batch.is_in_doubt = true;
                self.retry(batch, now, retry_at, settings)
            }
            Answer::Unsendable(error) => {
                self.leave_gap(&batch);
                Some((batch, Err(error)))
            }
            // The first attempt went through, its answer did not; what it said is lost.
            Answer::Refused {
                code: ErrorCode::DuplicateSequenceNumber,
                ..
            } if batch.stamp.is_some() => Some((batch, Ok(Appended::SOMEWHERE))),
            Answer::Refused { code, detail } => {
                batch.last_failure = Some(code.name().to_owned());
                batch.is_in_doubt |= leaves_doubt(code);
                let expects_gap = self.gap.is_some() || self.must_restart;
                match judge(code, batch.stamp.is_some(), is_first, expects_gap) {
                    Judgement::Retry => self.retry(batch, now, retry_at, settings),
                    Judgement::RestartAndRetry => {
                        self.must_restart = true;
                        batch.is_in_doubt = false;
                        self.retry(batch, now, retry_at, settings)
                    }
                    Judgement::RestartAndFail => {
                        self.must_restart = true;
                        Some(refused(batch, code, detail))
                    }
                    Judgement::Fail => {
                        self.leave_gap(&batch);
                        Some(refused(batch, code, detail))
                    }
                }
            }
        }
    }

    /// Whether no earlier batch is unsettled.
    fn is_first(&self, order: u64) -> bool {
        let is_next = self.waiting.front().is_none_or(|next| next.order > order);
        is_next && self.in_flight.first() == Some(&order)
    }

    fn retry(
        &mut self,
        mut batch: PendingBatch,
        now: Instant,
        retry_at: Instant,
        settings: &QueueSettings,
    ) -> Settled {
        batch.failures = batch.failures.saturating_add(1);
        batch.not_before = Some(retry_at);
        if now.duration_since(batch.opened) >= settings.delivery_timeout {
            self.leave_gap(&batch);
            let error = timed_out(&batch, now);
            return Some((batch, Err(error)));
        }
        let place = self
            .waiting
            .partition_point(|other| other.order < batch.order);
        self.waiting.insert(place, batch);
        None
    }

    /// Gives up the closed batches that are too old, and the open one.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        settings: &QueueSettings,
    ) -> Vec<(PendingBatch, ProduceError)> {
        let is_expired =
            |batch: &PendingBatch| now.duration_since(batch.opened) >= settings.delivery_timeout;
        if self.open.as_ref().is_some_and(is_expired) {
            self.close_open();
        }
        let mut expired = Vec::new();
        while let Some(batch) = self.waiting.pop_front_if(|batch| is_expired(batch)) {
            self.leave_gap(&batch);
            let error = timed_out(&batch, now);
            expired.push((batch, error));
        }
        expired
    }

    /// Gives up everything that is not under way.
    pub(super) fn give_up(&mut self) -> VecDeque<PendingBatch> {
        self.close_open();
        let batches = std::mem::take(&mut self.waiting);
        for batch in &batches {
            self.leave_gap(batch);
        }
        batches
    }

    /// When the oldest batch here becomes too old, and when the next may be tried again.
    pub(super) fn next_moment(&self, now: Instant, settings: &QueueSettings) -> Option<Instant> {
        let front = self.waiting.front()?;
        let expiry = front.opened + settings.delivery_timeout;
        match front.not_before {
            Some(moment) if moment > now => Some(moment.min(expiry)),
            _ => Some(expiry),
        }
    }

    /// Remembers that the broker may never see the sequence of a batch that is given up.
    fn leave_gap(&mut self, batch: &PendingBatch) {
        let Some(stamp) = batch.stamp else {
            return;
        };
        let is_last =
            self.in_flight.is_empty() && self.waiting.iter().all(|other| other.stamp.is_none());
        if is_last && !batch.is_in_doubt && !self.must_restart {
            // Surely not in the log and nothing behind it: its sequence is free again.
            self.next_sequence = stamp.base_sequence;
        } else {
            self.gap = self.gap.max(Some(batch.order));
        }
    }

    /// Begins anew at sequence 0 under the next epoch. Only when nothing is under way, so that all that carries a
    /// sequence is known not to be in the log.
    fn restart(&mut self) {
        debug_assert!(self.in_flight.is_empty());
        self.must_restart = false;
        self.gap = None;
        self.next_sequence = 0;
        self.is_known = false;
        for batch in &mut self.waiting {
            batch.stamp = None;
        }
        if let Some(identity) = self.identity.take() {
            match identity.epoch.checked_add(1) {
                Some(epoch) => self.identity = Some(ProducerIdentity { epoch, ..identity }),
                None => self.spent_id = Some(identity.id),
            }
        }
    }
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Judgement {
    Retry,
    RestartAndRetry,
    RestartAndFail,
    Fail,
}

fn judge(code: ErrorCode, is_stamped: bool, is_first: bool, expects_gap: bool) -> Judgement {
    match code {
        // An earlier batch is still missing: its turn comes first.
        ErrorCode::OutOfOrderSequenceNumber if is_stamped && !is_first => Judgement::Retry,
        ErrorCode::OutOfOrderSequenceNumber if is_stamped && expects_gap => {
            Judgement::RestartAndRetry
        }
        // No gap of ours: the broker lost what it had acknowledged. Somebody must hear of that.
        ErrorCode::OutOfOrderSequenceNumber if is_stamped => Judgement::RestartAndFail,
        // The broker forgot this producer, so it has nothing of it to mistake this batch for.
        ErrorCode::UnknownProducerId if is_stamped => Judgement::RestartAndRetry,
        ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced if is_stamped => {
            Judgement::RestartAndFail
        }
        code if code.retriable() => Judgement::Retry,
        _ => Judgement::Fail,
    }
}

/// Whether a batch refused with this error may be in the log all the same.
fn leaves_doubt(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RequestTimedOut
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::UnknownServerError
    )
}

fn refused(
    batch: PendingBatch,
    code: ErrorCode,
    detail: Option<String>,
) -> (PendingBatch, Result<Appended, ProduceError>) {
    let error = ProduceError::Refused {
        partition: batch.partition().clone(),
        code,
        detail,
    };
    (batch, Err(error))
}

fn timed_out(batch: &PendingBatch, now: Instant) -> ProduceError {
    ProduceError::TimedOut {
        partition: batch.partition().clone(),
        after: now.duration_since(batch.opened),
        last: batch.last_failure.clone(),
        is_in_doubt: batch.is_in_doubt,
    }
}

/// The sequence `count` records further; wraps from `i32::MAX` to 0.
fn following(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}

#[cfg(test)]
mod tests;
