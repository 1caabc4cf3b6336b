//! Which batches of a fetched range a reader sees. Pure.
//!
//! Control batches are never seen. With [`Isolation::ReadCommitted`] a transactional batch is not seen if the broker
//! lists its producer as aborted from an offset at or below it, until that producer's abort marker.

use std::collections::{BTreeSet, VecDeque};

use ottla_protocol::records::Batch;

use crate::partition::Isolation;

/// A transaction that was aborted: whose, and where it begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Aborted {
    pub(super) producer_id: i64,
    pub(super) first_offset: i64,
}

/// Judges the batches of one response, in order.
pub(super) struct Visibility {
    isolation: Isolation,
    /// Transactions that begin further on, the nearest first.
    ahead: VecDeque<Aborted>,
    /// Producers whose transactional batches are part of an aborted transaction here.
    aborting: BTreeSet<i64>,
}

impl Visibility {
    pub(super) fn new(isolation: Isolation, mut aborted: Vec<Aborted>) -> Self {
        aborted.sort_by_key(|aborted| aborted.first_offset);
        Visibility {
            isolation,
            ahead: aborted.into(),
            aborting: BTreeSet::new(),
        }
    }

    /// Whether the next batch is seen.
    pub(super) fn shows(&mut self, batch: &Batch) -> bool {
        let header = &batch.header;
        while let Some(aborted) = self
            .ahead
            .pop_front_if(|next| next.first_offset <= header.last_offset())
        {
            self.aborting.insert(aborted.producer_id);
        }
        if header.attributes.is_control() {
            if is_abort_marker(batch) {
                self.aborting.remove(&header.producer_id);
            }
            return false;
        }
        self.isolation == Isolation::ReadUncommitted
            || !header.attributes.is_transactional()
            || !self.aborting.contains(&header.producer_id)
    }
}

/// Whether a control batch ends a transaction by aborting it. Its record's key has a version and a type, both
/// 16 bits; type 0 is abort.
fn is_abort_marker(batch: &Batch) -> bool {
    const MARKER_BYTES_MAX: usize = 64 * 1024;
    let Ok(mut records) = batch.records(MARKER_BYTES_MAX) else {
        return false;
    };
    let key = records
        .next()
        .and_then(Result::ok)
        .and_then(|record| record.key);
    key.is_some_and(|key| key.get(2..4) == Some(&[0, 0]))
}

#[cfg(test)]
mod tests {
    use ottla_protocol::records::{BatchBuilder, Compression, ProducerStamp};

    use super::*;

    fn batch(offset: i64, producer_id: i64, transactional: bool) -> Batch {
        let mut builder =
            BatchBuilder::new(Compression::None).with_producer(stamp(producer_id, transactional));
        builder.push(0, None, Some(b"x"), &[]);
        at(offset, builder)
    }

    fn marker(offset: i64, producer_id: i64, kind: u8) -> Batch {
        let mut builder = BatchBuilder::new(Compression::None)
            .with_producer(stamp(producer_id, true))
            .with_control();
        builder.push(0, Some(&[0, 0, 0, kind]), Some(&[0; 6]), &[]);
        at(offset, builder)
    }

    fn stamp(producer_id: i64, transactional: bool) -> ProducerStamp {
        ProducerStamp {
            producer_id,
            producer_epoch: 0,
            base_sequence: 0,
            transactional,
        }
    }

    fn at(offset: i64, builder: BatchBuilder) -> Batch {
        let mut batch = builder.build().unwrap();
        batch.header.base_offset = offset;
        batch
    }

    fn shown(isolation: Isolation, aborted: &[(i64, i64)], batches: &[Batch]) -> Vec<i64> {
        let aborted = aborted.iter().map(|&(producer_id, first_offset)| Aborted {
            producer_id,
            first_offset,
        });
        let mut visibility = Visibility::new(isolation, aborted.collect());
        let shown = batches.iter().filter(|batch| visibility.shows(batch));
        shown.map(|batch| batch.header.base_offset).collect()
    }

    fn log() -> Vec<Batch> {
        vec![
            batch(0, 1, true),
            batch(1, 2, true),
            batch(2, 1, false),
            marker(3, 1, 0),
            batch(4, 1, true),
            marker(5, 2, 1),
            marker(6, 1, 1),
        ]
    }

    #[test]
    fn aborted_batches_are_hidden_up_to_their_marker_and_others_are_seen() {
        assert_eq!(
            shown(Isolation::ReadCommitted, &[(1, 0)], &log()),
            [1, 2, 4]
        );
    }

    #[test]
    fn a_producer_may_abort_twice_in_one_range() {
        let mut log = log();
        log[6] = marker(6, 1, 0);
        assert_eq!(
            shown(Isolation::ReadCommitted, &[(1, 4), (1, 0)], &log),
            [1, 2]
        );
    }

    #[test]
    fn uncommitted_readers_see_all_but_markers() {
        assert_eq!(shown(Isolation::ReadUncommitted, &[], &log()), [0, 1, 2, 4]);
    }
}
