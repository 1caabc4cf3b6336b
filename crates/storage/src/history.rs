//! What the frames of a log, taken in order, add up to: positions, epochs, terms, producers,
//! transactions, memberships. Changed only by [`History::note`], at append, in recovery and when
//! a truncation is replayed, so that all three agree.

use bytes::Bytes;
use ottla_protocol::records::{Batch, EndMarker};

use crate::entry::{EntryKind, EntryMeta};
use crate::epochs::{EpochTable, TermTable};
use crate::frame::{Frame, Private, PrivateError};
use crate::producers::Producers;
use crate::transactions::{AbortedEntry, CompletedTransaction, Transactions};
use crate::{Boundary, LogId};

#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) last: Option<LogId>,
    pub(crate) next_offset: i64,
    pub(crate) epochs: EpochTable,
    pub(crate) terms: TermTable,
    pub(crate) producers: Producers,
    pub(crate) transactions: Transactions,
    /// Ascending; the oldest may lie before the log's start.
    pub(crate) memberships: Vec<(LogId, Bytes)>,
}

/// What a frame was, once noted.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) meta: EntryMeta,
    /// Set for a marker that aborts a transaction.
    pub(crate) aborted: Option<AbortedEntry>,
}

impl History {
    pub(crate) fn at(boundary: &Boundary) -> History {
        let producers = &boundary.producers;
        History {
            last: boundary.last,
            next_offset: boundary.next_offset,
            epochs: EpochTable::from_entries(boundary.epochs.clone()),
            terms: TermTable::from_entries(boundary.terms.clone()),
            producers: Producers::from_entries(producers),
            transactions: Transactions::from_entries(producers, &boundary.completed),
            memberships: boundary.membership.iter().cloned().collect(),
        }
    }

    pub(crate) fn boundary(&self, log_start_offset: i64) -> Boundary {
        Boundary {
            last: self.last,
            next_offset: self.next_offset,
            log_start_offset,
            membership: self.memberships.last().cloned(),
            epochs: self.epochs.entries().to_vec(),
            terms: self.terms.entries().to_vec(),
            producers: self.producers.entries(),
            completed: self.transactions.completed().to_vec(),
        }
    }

    pub(crate) fn next_index(&self) -> u64 {
        self.last.map_or(0, |id| id.index + 1)
    }

    /// Notes the frame at the next index. Its place and checksum are the caller's to check.
    ///
    /// # Errors
    /// The private bytes of a raft-only frame are unknown; nothing was noted.
    pub(crate) fn note(&mut self, frame: &Frame) -> Result<Noted, PrivateError> {
        let header = &frame.header;
        let meta = EntryMeta::of(self.next_index(), frame)?;
        let aborted = match &meta.kind {
            EntryKind::Private(Private::Membership(members)) => {
                self.memberships.push((meta.id, members.clone()));
                None
            }
            EntryKind::Private(_) => None,
            EntryKind::Marker => self.note_marker(frame),
            EntryKind::Batch => {
                if header.has_producer() && self.producers.note_batch(header) {
                    let first_offset = header.base_offset;
                    self.transactions.begin(header.producer_id, first_offset);
                }
                None
            }
        };
        self.epochs.note(meta.id.term, meta.base_offset);
        self.terms.note(meta.id);
        self.last = Some(LogId {
            term: meta.id.term,
            index: meta.next_index() - 1,
        });
        self.next_offset = meta.next_offset;
        Ok(Noted { meta, aborted })
    }

    fn note_marker(&mut self, frame: &Frame) -> Option<AbortedEntry> {
        let header = &frame.header;
        let marker = EndMarker::read(&Batch {
            header: *header,
            payload: frame.payload.clone(),
        })?;
        let first_offset = self.producers.note_marker(header, marker)?;
        let entry = self.transactions.end(CompletedTransaction {
            producer_id: header.producer_id,
            first_offset,
            marker_offset: header.base_offset,
        });
        (!marker.commits).then_some(entry)
    }

    /// The newest membership at or below an index, as far as it is remembered.
    pub(crate) fn membership_at(&self, index: u64) -> Option<&(LogId, Bytes)> {
        let after = self
            .memberships
            .partition_point(|(id, _)| id.index <= index);
        self.memberships.get(after.checked_sub(1)?)
    }

    /// Forgets what only frames up to `purged` needed.
    pub(crate) fn trim_start(&mut self, purged: u64) {
        self.terms.trim_start(purged);
        let after = self
            .memberships
            .partition_point(|(id, _)| id.index <= purged);
        self.memberships.drain(..after.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{batch, placed};
    use ottla_protocol::records::ProducerStamp;

    #[test]
    fn a_history_continued_from_a_boundary_is_the_same() {
        let stamp = |base_sequence| ProducerStamp {
            producer_id: 5,
            producer_epoch: 0,
            base_sequence,
            transactional: true,
        };
        let members = |n: u8| Private::Membership(Bytes::copy_from_slice(&[n]));
        let private = |term, index, offset, private: &Private| {
            Frame::private(LogId { term, index }, offset, private)
        };
        let frames = [
            private(1, 0, 0, &members(1)),
            private(1, 1, 0, &Private::Blank),
            placed(batch(3, 10, Some(stamp(0))), 1, 0),
            private(2, 3, 3, &Private::Blank),
            placed(batch(2, 20, Some(stamp(3))), 2, 3),
            private(2, 5, 5, &members(2)),
            placed(batch(1, 30, None), 2, 5),
        ];
        let mut whole = History::default();
        for (n, frame) in frames.iter().enumerate() {
            let mut continued = History::at(&whole.boundary(0));
            for frame in &frames[n..] {
                continued.note(frame).unwrap();
            }
            let noted = whole.note(frame).unwrap();
            assert_eq!(noted.meta.id.index, n as u64);
            let mut all = whole.clone();
            for frame in &frames[n + 1..] {
                all.note(frame).unwrap();
            }
            assert_eq!(continued.boundary(0), all.boundary(0), "split before {n}");
        }
        assert_eq!(whole.next_offset, 6);
        assert_eq!(whole.membership_at(4).unwrap().1, &[1][..]);
        assert_eq!(whole.membership_at(5).unwrap().1, &[2][..]);
        assert_eq!(whole.epochs.at(2), Some(1));
        assert_eq!(whole.transactions.last_stable_offset(6), 0);
    }
}
