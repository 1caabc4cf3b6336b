//! Open and lately completed transactions: what the last stable offset depends on.
//!
//! A transaction holds the last stable offset at its first record from when that record stands in
//! the log until its marker is *committed*, not only appended. Also here: Kafka's `.txnindex`
//! format, which lists aborted transactions by segment of their marker.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 2 | version, 0 |
//! | 2 | 8 | producer id |
//! | 10 | 8 | offset of the transaction's first record |
//! | 18 | 8 | offset of its marker |
//! | 26 | 8 | last stable offset once the marker was committed |

use std::collections::BTreeMap;

use crate::producers::Producer;

/// A transaction whose marker stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletedTransaction {
    /// Producer id.
    pub producer_id: i64,
    /// Offset of its first record.
    pub first_offset: i64,
    /// Offset of its marker.
    pub marker_offset: i64,
}

/// A transaction of which readers of committed data drop the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Producer id.
    pub producer_id: i64,
    /// Offset of its first record.
    pub first_offset: i64,
}

/// Bytes of one entry of the index of aborted transactions.
pub(crate) const ABORTED_LEN: usize = 34;
const ABORTED_VERSION: i16 = 0;

/// An entry of the index of aborted transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedEntry {
    pub(crate) transaction: CompletedTransaction,
    pub(crate) last_stable_offset: i64,
}

impl AbortedEntry {
    pub(crate) fn encode(&self) -> [u8; ABORTED_LEN] {
        let mut bytes = [0; ABORTED_LEN];
        bytes[..2].copy_from_slice(&ABORTED_VERSION.to_be_bytes());
        let fields = [
            self.transaction.producer_id,
            self.transaction.first_offset,
            self.transaction.marker_offset,
            self.last_stable_offset,
        ];
        for (place, field) in bytes[2..].chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        bytes
    }

    /// `None` for another version.
    pub(crate) fn decode(bytes: &[u8; ABORTED_LEN]) -> Option<AbortedEntry> {
        let (version, fields) = bytes.split_first_chunk::<2>()?;
        if i16::from_be_bytes(*version) != ABORTED_VERSION {
            return None;
        }
        let (fields, _) = fields.as_chunks::<8>();
        let field = |n: usize| i64::from_be_bytes(fields[n]);
        Some(AbortedEntry {
            transaction: CompletedTransaction {
                producer_id: field(0),
                first_offset: field(1),
                marker_offset: field(2),
            },
            last_stable_offset: field(3),
        })
    }

    /// Whether the transaction has records in `from..to`.
    pub(crate) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.transaction.marker_offset >= from && self.transaction.first_offset < to
    }
}

/// Transactions that hold the last stable offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Transactions {
    /// First offset → producer id. Two transactions never begin at the same offset.
    open: BTreeMap<i64, i64>,
    completed: Vec<CompletedTransaction>,
}

impl Transactions {
    pub(crate) fn from_entries(
        producers: &[Producer],
        completed: &[CompletedTransaction],
    ) -> Transactions {
        let open = producers.iter();
        let open = open.filter_map(|p| Some((p.transaction_start?, p.producer_id)));
        Transactions {
            open: open.collect(),
            completed: completed.to_vec(),
        }
    }

    pub(crate) fn completed(&self) -> &[CompletedTransaction] {
        &self.completed
    }

    pub(crate) fn begin(&mut self, producer_id: i64, first_offset: i64) {
        self.open.insert(first_offset, producer_id);
    }

    /// Notes a marker; the entry for the index of aborted transactions, should it be an abort.
    pub(crate) fn end(&mut self, transaction: CompletedTransaction) -> AbortedEntry {
        self.open.remove(&transaction.first_offset);
        self.completed.push(transaction);
        let next_open = self.open.first_key_value().map(|(first, _)| *first);
        AbortedEntry {
            transaction,
            last_stable_offset: next_open.unwrap_or(transaction.marker_offset + 1),
        }
    }

    /// The last stable offset when everything below `high_watermark` is committed.
    pub(crate) fn last_stable_offset(&mut self, high_watermark: i64) -> i64 {
        self.completed
            .retain(|transaction| transaction.marker_offset >= high_watermark);
        let open = self.open.first_key_value().map(|(first, _)| *first);
        let completed = self.completed.iter().map(|t| t.first_offset).min();
        let unstable = open.into_iter().chain(completed).min();
        unstable.map_or(high_watermark, |first| first.min(high_watermark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(
        producer_id: i64,
        first_offset: i64,
        marker_offset: i64,
    ) -> CompletedTransaction {
        CompletedTransaction {
            producer_id,
            first_offset,
            marker_offset,
        }
    }

    #[test]
    fn a_transaction_holds_the_stable_offset_until_its_marker_is_committed() {
        let mut transactions = Transactions::default();
        assert_eq!(transactions.last_stable_offset(10), 10);
        transactions.begin(1, 10);
        transactions.begin(2, 20);
        assert_eq!(transactions.last_stable_offset(5), 5);
        assert_eq!(transactions.last_stable_offset(30), 10);
        let entry = transactions.end(transaction(1, 10, 30));
        assert_eq!(entry.last_stable_offset, 20);
        assert_eq!(transactions.last_stable_offset(30), 10);
        assert_eq!(transactions.last_stable_offset(31), 20);
        let entry = transactions.end(transaction(2, 20, 31));
        assert_eq!(entry.last_stable_offset, 32);
        assert_eq!(transactions.last_stable_offset(32), 32);
    }

    #[test]
    fn an_aborted_transaction_has_kafkas_bytes() {
        let entry = AbortedEntry {
            transaction: transaction(1, 2, 3),
            last_stable_offset: 4,
        };
        let bytes = entry.encode();
        let expected = [[0; 2].as_slice(), &[0, 0, 0, 0, 0, 0, 0, 1]].concat();
        assert_eq!(bytes[..10], expected);
        assert_eq!((bytes[17], bytes[25], bytes[33]), (2, 3, 4));
        assert_eq!(AbortedEntry::decode(&bytes), Some(entry));
        let mut newer = bytes;
        newer[1] = 1;
        assert_eq!(AbortedEntry::decode(&newer), None);
    }

    #[test]
    fn overlap_counts_from_the_first_record_to_the_marker() {
        let entry = AbortedEntry {
            transaction: transaction(1, 10, 20),
            last_stable_offset: 21,
        };
        assert!(entry.overlaps(20, 30) && entry.overlaps(0, 11) && entry.overlaps(12, 13));
        assert!(!entry.overlaps(21, 30) && !entry.overlaps(0, 10));
    }
}
