//! What the log remembers of idempotent producers, so that a batch sent twice is stored once.
//!
//! Per producer id: its epoch and its last five batches, by Kafka offset. The rules are Kafka's
//! (KIP-98, KIP-890): nothing known of a producer → any first sequence; a new epoch begins at
//! sequence 0; otherwise sequences follow each other, or the batch is one of the five.

use ottla_platform::seed::HashMap;
use ottla_protocol::records::{BatchHeader, EndMarker, NO_PRODUCER_EPOCH, NO_SEQUENCE};

use crate::outcome::{Placed, Rejection};

/// Batches remembered per producer: as many as clients keep in flight.
pub const BATCHES_KEPT: usize = 5;

/// Producers remembered per log; beyond it the longest idle ones are forgotten.
pub(crate) const PRODUCERS_MAX: usize = 65_536;

/// What is remembered of one producer id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Producer id.
    pub producer_id: i64,
    /// Newest epoch seen.
    pub epoch: i16,
    /// Epoch of the newest transaction coordinator seen, or −1.
    pub coordinator_epoch: i32,
    /// Timestamp of its newest batch, for expiry.
    pub last_timestamp: i64,
    /// Where its open transaction begins.
    pub transaction_start: Option<i64>,
    /// Newest batches of this epoch, oldest first, at most [`BATCHES_KEPT`].
    pub batches: Vec<ProducerBatch>,
}

/// One remembered batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerBatch {
    /// Sequence of its last record.
    pub last_sequence: i32,
    /// Kafka offset of its last record.
    pub last_offset: i64,
    /// Records less one.
    pub offset_delta: i32,
    /// Largest timestamp.
    pub timestamp: i64,
}

/// What the log knows of a batch before it is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Next,
    Duplicate(ProducerBatch),
    Rejected(Rejection),
}

impl ProducerBatch {
    fn of(header: &BatchHeader) -> ProducerBatch {
        ProducerBatch {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    /// Where the batch stands.
    pub(crate) fn placed(&self) -> Placed {
        Placed {
            base_offset: self.last_offset - i64::from(self.offset_delta),
            next_offset: self.last_offset + 1,
            log_append_time_ms: self.timestamp,
        }
    }
}

impl Producer {
    fn new(producer_id: i64) -> Producer {
        Producer {
            producer_id,
            epoch: NO_PRODUCER_EPOCH,
            coordinator_epoch: -1,
            last_timestamp: -1,
            transaction_start: None,
            batches: Vec::new(),
        }
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }

    fn push(&mut self, batch: ProducerBatch) {
        if self.batches.len() == BATCHES_KEPT {
            self.batches.remove(0);
        }
        self.batches.push(batch);
    }

    fn find(&self, header: &BatchHeader) -> Option<ProducerBatch> {
        if self.epoch != header.producer_epoch || header.base_sequence == NO_SEQUENCE {
            return None;
        }
        let same = |batch: &&ProducerBatch| {
            batch.last_sequence == header.last_sequence()
                && batch.offset_delta == header.last_offset_delta
        };
        self.batches.iter().find(same).copied()
    }

    fn check_epoch(&self, header: &BatchHeader) -> Result<(), Rejection> {
        if header.producer_epoch < self.epoch {
            return Err(Rejection::StaleProducerEpoch {
                producer_id: self.producer_id,
                current: self.epoch,
                found: header.producer_epoch,
            });
        }
        Ok(())
    }

    fn check_sequence(&self, header: &BatchHeader) -> Result<(), Rejection> {
        let found = header.base_sequence;
        let last = self.batches.last().map(|batch| batch.last_sequence);
        let expected = match last {
            _ if found == NO_SEQUENCE || self.epoch == NO_PRODUCER_EPOCH => return Ok(()),
            _ if self.epoch != header.producer_epoch => 0,
            None | Some(NO_SEQUENCE | i32::MAX) => 0,
            Some(last) => last + 1,
        };
        if found != expected {
            return Err(Rejection::OutOfOrderSequence {
                producer_id: self.producer_id,
                expected,
                found,
            });
        }
        Ok(())
    }
}

/// All producers of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
}

impl Producers {
    pub(crate) fn from_entries(entries: &[Producer]) -> Producers {
        let by_id = entries
            .iter()
            .map(|entry| (entry.producer_id, entry.clone()));
        Producers {
            by_id: by_id.collect(),
        }
    }

    /// All entries, ascending by id.
    pub(crate) fn entries(&self) -> Vec<Producer> {
        let mut entries: Vec<Producer> = self.by_id.values().cloned().collect();
        entries.sort_unstable_by_key(|entry| entry.producer_id);
        entries
    }

    #[cfg(test)]
    pub(crate) fn get(&self, producer_id: i64) -> Option<&Producer> {
        self.by_id.get(&producer_id)
    }

    /// Whether a batch of records may be appended now. Of a producer that has an epoch for each transaction, and is
    /// not known, any sequence but the first is one too many.
    pub(crate) fn check(&self, header: &BatchHeader, epoch_per_transaction: bool) -> Check {
        let unknown = Producer::new(header.producer_id);
        let producer = self.by_id.get(&header.producer_id).unwrap_or(&unknown);
        if epoch_per_transaction && producer.epoch == NO_PRODUCER_EPOCH && header.base_sequence > 0
        {
            return Check::Rejected(Rejection::OutOfOrderSequence {
                producer_id: header.producer_id,
                expected: 0,
                found: header.base_sequence,
            });
        }
        if let Some(original) = producer.find(header) {
            return Check::Duplicate(original);
        }
        let open = match producer.transaction_start {
            Some(first_offset) if !header.attributes.is_transactional() => {
                Err(Rejection::TransactionOpen {
                    producer_id: header.producer_id,
                    first_offset,
                })
            }
            _ => Ok(()),
        };
        let checked = producer
            .check_epoch(header)
            .and_then(|()| producer.check_sequence(header))
            .and(open);
        checked.map_or_else(Check::Rejected, |()| Check::Next)
    }

    /// Whether a marker may be appended now. Where each transaction has an epoch of its own, its marker has the next
    /// one: that of the open transaction is one that comes a second time, for the transaction before (KAFKA-19999).
    pub(crate) fn check_marker(
        &self,
        header: &BatchHeader,
        marker: EndMarker,
        epoch_per_transaction: bool,
    ) -> Result<(), Rejection> {
        let Some(producer) = self.by_id.get(&header.producer_id) else {
            return Ok(());
        };
        producer.check_epoch(header)?;
        let is_of_open = producer.transaction_start.is_some()
            && header.producer_epoch == producer.epoch
            && header.producer_epoch != i16::MAX;
        if epoch_per_transaction && is_of_open {
            return Err(Rejection::StaleProducerEpoch {
                producer_id: header.producer_id,
                current: producer.epoch,
                found: header.producer_epoch,
            });
        }
        if marker.coordinator_epoch < producer.coordinator_epoch {
            return Err(Rejection::StaleCoordinatorEpoch {
                current: producer.coordinator_epoch,
                found: marker.coordinator_epoch,
            });
        }
        Ok(())
    }

    /// Remembers a batch of records that stands in the log; whether it opens a transaction.
    pub(crate) fn note_batch(&mut self, header: &BatchHeader) -> bool {
        self.make_room(header.producer_id);
        let producer = self.entry(header.producer_id);
        producer.enter_epoch(header.producer_epoch);
        producer.push(ProducerBatch::of(header));
        producer.last_timestamp = header.max_timestamp;
        let opens = header.attributes.is_transactional() && producer.transaction_start.is_none();
        if opens {
            producer.transaction_start = Some(header.base_offset);
        }
        opens
    }

    /// Remembers a marker that stands in the log; the start of the transaction that it ends.
    pub(crate) fn note_marker(&mut self, header: &BatchHeader, marker: EndMarker) -> Option<i64> {
        self.make_room(header.producer_id);
        let producer = self.entry(header.producer_id);
        producer.enter_epoch(header.producer_epoch);
        producer.coordinator_epoch = marker.coordinator_epoch;
        producer.last_timestamp = header.max_timestamp;
        producer.transaction_start.take()
    }

    /// Forgets producers that were idle for `expiration_ms` and have no transaction open.
    pub(crate) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        let since = now_ms.saturating_sub(expiration_ms);
        let keep = |producer: &Producer| {
            producer.transaction_start.is_some() || producer.last_timestamp > since
        };
        self.by_id.retain(|_, producer| keep(producer));
        self.by_id.shrink_to(self.by_id.len() * 2);
    }

    fn entry(&mut self, producer_id: i64) -> &mut Producer {
        let entry = self.by_id.entry(producer_id);
        entry.or_insert_with(|| Producer::new(producer_id))
    }

    /// Before a new producer exceeds the limit, forgets a sixteenth of all, the longest idle, so
    /// that the search for them is rare.
    fn make_room(&mut self, producer_id: i64) {
        if self.by_id.len() < PRODUCERS_MAX || self.by_id.contains_key(&producer_id) {
            return;
        }
        let idle = self
            .by_id
            .values()
            .filter(|p| p.transaction_start.is_none());
        let mut idle: Vec<(i64, i64)> = idle.map(|p| (p.last_timestamp, p.producer_id)).collect();
        idle.sort_unstable();
        for (_, producer_id) in idle.into_iter().take(PRODUCERS_MAX / 16) {
            self.by_id.remove(&producer_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::batch;
    use ottla_protocol::records::ProducerStamp;

    fn header(epoch: i16, sequence: i32, records: i32, base_offset: i64) -> BatchHeader {
        let stamp = ProducerStamp {
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: sequence,
            transactional: false,
        };
        let mut header = batch(records, 1_000, Some(stamp)).header;
        header.base_offset = base_offset;
        header
    }

    fn transactional(mut header: BatchHeader) -> BatchHeader {
        header.attributes = header.attributes.with_transactional(true);
        header
    }

    fn after(headers: &[BatchHeader]) -> Producers {
        let mut producers = Producers::default();
        for header in headers {
            assert_eq!(producers.check(header, false), Check::Next);
            producers.note_batch(header);
        }
        producers
    }

    fn refused(check: Check) -> Option<(i32, i32)> {
        match check {
            Check::Rejected(Rejection::OutOfOrderSequence {
                expected, found, ..
            }) => Some((expected, found)),
            _ => None,
        }
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere() {
        assert_eq!(
            Producers::default().check(&header(3, 500, 2, 0), false),
            Check::Next
        );
    }

    #[test]
    fn sequences_follow_each_other_and_wrap() {
        let mut producers = after(&[header(0, 0, 3, 0), header(0, 3, 2, 3)]);
        assert_eq!(
            refused(producers.check(&header(0, 6, 1, 5), false)),
            Some((5, 6))
        );
        assert_eq!(
            refused(producers.check(&header(0, 4, 1, 5), false)),
            Some((5, 4))
        );
        producers.note_batch(&header(0, i32::MAX - 1, 2, 5));
        assert_eq!(producers.check(&header(0, 0, 1, 7), false), Check::Next);
        producers.note_batch(&header(0, i32::MAX, 3, 7));
        assert_eq!(producers.check(&header(0, 2, 1, 10), false), Check::Next);
    }

    #[test]
    fn the_last_five_batches_are_known_as_duplicates_at_their_place() {
        let all: Vec<_> = (0..7)
            .map(|n| header(0, n * 2, 2, i64::from(n) * 10))
            .collect();
        let producers = after(&all);
        for (n, header) in all.iter().enumerate() {
            match producers.check(header, false) {
                Check::Duplicate(original) => {
                    assert!(n >= 2);
                    let placed = original.placed();
                    assert_eq!(placed.base_offset, n as i64 * 10);
                    assert_eq!(placed.next_offset, n as i64 * 10 + 2);
                }
                other => assert!(n < 2 && refused(other).is_some(), "{n}: {other:?}"),
            }
        }
        // the same first sequence with another length is not the same batch
        assert!(refused(producers.check(&header(0, 12, 1, 0), false)).is_some());
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_ends_the_old() {
        let mut producers = after(&[header(4, 0, 3, 0)]);
        assert_eq!(
            refused(producers.check(&header(5, 3, 1, 3), false)),
            Some((0, 3))
        );
        assert_eq!(producers.check(&header(5, 0, 1, 3), false), Check::Next);
        producers.note_batch(&header(5, 0, 1, 3));
        let stale = Rejection::StaleProducerEpoch {
            producer_id: 7,
            current: 5,
            found: 4,
        };
        assert_eq!(
            producers.check(&header(4, 0, 3, 4), false),
            Check::Rejected(stale)
        );
    }

    #[test]
    fn a_transaction_is_open_from_its_first_batch_to_its_marker() {
        let mut producers = Producers::default();
        assert!(producers.note_batch(&transactional(header(0, 0, 2, 10))));
        assert!(!producers.note_batch(&transactional(header(0, 2, 2, 12))));
        let plain = producers.check(&header(0, 4, 1, 14), false);
        assert!(matches!(
            plain,
            Check::Rejected(Rejection::TransactionOpen {
                first_offset: 10,
                ..
            })
        ));
        producers.expire(i64::MAX, 0);
        let marker = EndMarker {
            commits: true,
            coordinator_epoch: 3,
        };
        let ending = header(0, -1, 1, 14);
        producers.check_marker(&ending, marker, false).unwrap();
        assert_eq!(producers.note_marker(&ending, marker), Some(10));
        assert_eq!(producers.note_marker(&ending, marker), None);
        let zombie = EndMarker {
            coordinator_epoch: 2,
            ..marker
        };
        producers.check_marker(&ending, zombie, false).unwrap_err();
        // sequences go on after the marker of the same epoch
        assert_eq!(
            producers.check(&transactional(header(0, 4, 1, 15)), false),
            Check::Next
        );
        // and begin anew after a marker that raised the epoch
        producers.note_marker(&header(1, -1, 1, 16), marker);
        assert_eq!(
            producers.check(&transactional(header(1, 0, 1, 17)), false),
            Check::Next
        );
    }

    #[test]
    fn idle_producers_are_forgotten() {
        let mut producers = after(&[header(0, 0, 1, 0)]); // at time 1,000
        producers.expire(1_999, 1_000);
        assert!(producers.get(7).is_some());
        producers.expire(2_000, 1_000);
        assert!(producers.get(7).is_none());
    }

    #[test]
    fn the_number_of_producers_is_bounded() {
        let mut producers = Producers::default();
        for id in 0..=PRODUCERS_MAX as i64 {
            let mut header = header(0, 0, 1, id);
            (header.producer_id, header.max_timestamp) = (id, id);
            producers.note_batch(&header);
        }
        assert_eq!(
            producers.by_id.len(),
            PRODUCERS_MAX - PRODUCERS_MAX / 16 + 1
        );
        assert!(producers.get(0).is_none() && producers.get(PRODUCERS_MAX as i64).is_some());
    }
}
