//! What ends a transaction in a partition: a control batch of one record (KIP-98).
//!
//! | at | bytes | key | value |
//! |---|---|---|---|
//! | 0 | 2 | version, 0 | version, 0 |
//! | 2 | 2 or 4 | type: 0 abort, 1 commit | epoch of the transaction's coordinator |

use super::{Batch, BatchBuilder, Compression, NO_SEQUENCE, ProducerStamp};

/// The end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndMarker {
    /// Whether it is committed.
    pub commits: bool,
    /// The epoch of the coordinator that decided.
    pub coordinator_epoch: i32,
}

/// What a marker's record may unpack to.
const MARKER_BYTES_MAX: usize = 1024;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

impl EndMarker {
    /// The marker of a control batch; `None` for one of another kind.
    pub fn read(batch: &Batch) -> Option<EndMarker> {
        let record = batch.records(MARKER_BYTES_MAX).ok()?.next()?.ok()?;
        let (key, value) = (record.key?, record.value?);
        let kind = i16::from_be_bytes(*key.get(2..)?.first_chunk()?);
        let coordinator_epoch = i32::from_be_bytes(*value.get(2..)?.first_chunk()?);
        matches!(kind, ABORT | COMMIT).then_some(EndMarker {
            commits: kind == COMMIT,
            coordinator_epoch,
        })
    }

    /// The batch that ends the transaction of a producer.
    pub fn batch(self, producer_id: i64, producer_epoch: i16, now_ms: i64) -> Batch {
        let kind = match self.commits {
            true => COMMIT,
            false => ABORT,
        };
        let mut key = [0; 4];
        key[2..].copy_from_slice(&kind.to_be_bytes());
        let mut value = [0; 6];
        value[2..].copy_from_slice(&self.coordinator_epoch.to_be_bytes());
        let stamp = ProducerStamp {
            producer_id,
            producer_epoch,
            base_sequence: NO_SEQUENCE,
            transactional: true,
        };
        let mut builder = BatchBuilder::new(Compression::None)
            .with_producer(stamp)
            .with_control();
        builder.push(now_ms, Some(&key), Some(&value), &[]);
        builder
            .build()
            .expect("nothing is compressed, so nothing can fail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        for commits in [true, false] {
            let marker = EndMarker {
                commits,
                coordinator_epoch: 9,
            };
            let batch = marker.batch(7, 3, 1_000);
            assert!(batch.header.attributes.is_control());
            assert!(batch.header.attributes.is_transactional());
            let producer = (batch.header.producer_id, batch.header.producer_epoch);
            assert_eq!(producer, (7, 3));
            assert_eq!(EndMarker::read(&batch), Some(marker));
        }
    }

    #[test]
    fn control_batches_of_another_kind_are_no_markers() {
        let marker = |key: &[u8], value: &[u8]| {
            let mut builder = BatchBuilder::new(Compression::None).with_control();
            builder.push(0, Some(key), Some(value), &[]);
            EndMarker::read(&builder.build().unwrap())
        };
        let value = [0, 0, 0, 0, 0, 9];
        assert!(marker(&[0, 0, 0, 1], &value).is_some());
        assert_eq!(marker(&[0, 0, 0, 2], &value), None);
        assert_eq!(marker(&[0, 0, 0], &value), None);
        assert_eq!(marker(&[0, 0, 0, 1], &[0]), None);
    }
}
