//! Which transactions were aborted, as compaction comes by, and which markers have nothing left to say.
//!
//! A marker can go when none of its transaction's batches were met before it: they were compacted away
//! earlier.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ottla_platform::seed::{HashMap, HashSet};
use ottla_protocol::records::{Batch, BatchHeader, EndMarker};

use crate::transactions::AbortedEntry;

/// What is known at one frame of a pass.
#[derive(Default)]
pub(crate) struct CleanedTransactions {
    /// Aborted ones that begin later.
    ahead: BinaryHeap<Reverse<Ahead>>,
    aborted: HashMap<i64, Aborted>,
    /// Producers with a batch of a transaction that is committed.
    committed: HashSet<i64>,
}

/// In order of first offsets.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ahead {
    first_offset: i64,
    marker_offset: i64,
    producer_id: i64,
    last_stable_offset: i64,
}

struct Aborted {
    entry: AbortedEntry,
    has_batches: bool,
}

/// What a marker is to this pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// Nothing of its transaction is left.
    OfNothing,
    /// Batches of its transaction are there; if it aborted them, what the index says of that.
    OfBatches(Option<AbortedEntry>),
}

impl CleanedTransactions {
    /// Tells of aborted transactions that have records or their marker in what comes next.
    pub(crate) fn expect(&mut self, entries: impl IntoIterator<Item = AbortedEntry>) {
        let ahead = entries.into_iter().map(|entry| {
            Reverse(Ahead {
                first_offset: entry.transaction.first_offset,
                marker_offset: entry.transaction.marker_offset,
                producer_id: entry.transaction.producer_id,
                last_stable_offset: entry.last_stable_offset,
            })
        });
        self.ahead.extend(ahead);
    }

    /// Passes a batch of records; whether it is part of an aborted transaction.
    pub(crate) fn pass_batch(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.attributes.is_transactional() {
            return false;
        }
        match self.aborted.get_mut(&header.producer_id) {
            Some(aborted) => {
                aborted.has_batches = true;
                true
            }
            None => {
                self.committed.insert(header.producer_id);
                false
            }
        }
    }

    /// Passes a control batch. One of a kind that is not known is kept.
    pub(crate) fn pass_marker(&mut self, batch: &Batch) -> Marker {
        let header = &batch.header;
        self.begin_up_to(header.last_offset());
        if header.record_count == 0 {
            return Marker::OfNothing;
        }
        match EndMarker::read(batch) {
            None => Marker::OfBatches(None),
            Some(marker) if marker.commits => match self.committed.remove(&header.producer_id) {
                true => Marker::OfBatches(None),
                false => Marker::OfNothing,
            },
            Some(_) => match self.aborted.remove(&header.producer_id) {
                Some(aborted) if aborted.has_batches => Marker::OfBatches(Some(aborted.entry)),
                Some(_) | None => Marker::OfNothing,
            },
        }
    }

    fn begin_up_to(&mut self, offset: i64) {
        while let Some(Reverse(next)) = self.ahead.peek()
            && next.first_offset <= offset
        {
            let Some(Reverse(next)) = self.ahead.pop() else {
                return;
            };
            let entry = AbortedEntry {
                transaction: crate::CompletedTransaction {
                    producer_id: next.producer_id,
                    first_offset: next.first_offset,
                    marker_offset: next.marker_offset,
                },
                last_stable_offset: next.last_stable_offset,
            };
            let known = self.aborted.entry(next.producer_id);
            known.or_insert(Aborted {
                entry,
                has_batches: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::records::{BatchBuilder, Compression, ProducerStamp};

    use super::*;
    use crate::CompletedTransaction;

    fn batch(producer_id: i64, offset: i64) -> BatchHeader {
        let stamp = ProducerStamp {
            producer_id,
            producer_epoch: 0,
            base_sequence: 0,
            transactional: true,
        };
        let mut builder = BatchBuilder::new(Compression::None).with_producer(stamp);
        builder.push(0, Some(b"k"), Some(b"v"), &[]);
        let mut header = builder.build().unwrap().header;
        header.base_offset = offset;
        header
    }

    fn marker(producer_id: i64, offset: i64, commits: bool) -> Batch {
        let marker = EndMarker {
            commits,
            coordinator_epoch: 0,
        };
        let mut batch = marker.batch(producer_id, 0, 0);
        batch.header.base_offset = offset;
        batch
    }

    fn entry(producer_id: i64, first_offset: i64, marker_offset: i64) -> AbortedEntry {
        AbortedEntry {
            transaction: CompletedTransaction {
                producer_id,
                first_offset,
                marker_offset,
            },
            last_stable_offset: marker_offset + 1,
        }
    }

    #[test]
    fn batches_between_their_first_and_an_abort_are_aborted() {
        let mut transactions = CleanedTransactions::default();
        let aborted = entry(1, 10, 20);
        // told once for each segment that it touches
        transactions.expect([aborted, aborted]);
        assert!(!transactions.pass_batch(&batch(1, 5)));
        let committed = transactions.pass_marker(&marker(1, 6, true));
        assert_eq!(committed, Marker::OfBatches(None));
        assert!(transactions.pass_batch(&batch(1, 10)));
        assert!(!transactions.pass_batch(&batch(2, 11)));
        let ended = transactions.pass_marker(&marker(1, 20, false));
        assert_eq!(ended, Marker::OfBatches(Some(aborted)));
        assert!(!transactions.pass_batch(&batch(1, 21)));
    }

    #[test]
    fn markers_whose_batches_are_gone_are_of_nothing() {
        let mut transactions = CleanedTransactions::default();
        transactions.expect([entry(1, 10, 20)]);
        for commits in [true, false] {
            let ended = transactions.pass_marker(&marker(1, 20, commits));
            assert_eq!(ended, Marker::OfNothing);
        }
        let mut emptied = marker(3, 30, true);
        assert!(!transactions.pass_batch(&batch(3, 25)));
        emptied.header.record_count = 0;
        assert_eq!(transactions.pass_marker(&emptied), Marker::OfNothing);
    }
}
