//! What was fetched from one partition at once, and the records in it.

use ottla_protocol::records::{Batch, Record, RecordIter};

use super::error::ConsumeError;
use crate::limits::INFLATED_BYTES_MAX;
use crate::partition::TopicPartition;

/// A range of one partition, read ahead. Records are decoded when they are looked at; keys and values are slices of
/// the response.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Where it is from.
    pub partition: TopicPartition,
    /// The offset behind the range: where reading goes on.
    pub next_offset: i64,
    /// The offset behind the last committed record.
    pub high_watermark: i64,
    /// The offset below which all transactions are decided.
    pub last_stable_offset: i64,
    /// The first offset in the log; −1 if the broker does not tell.
    pub log_start_offset: i64,
    /// Records before this one were not asked for, though their batch came along.
    pub(super) from_offset: i64,
    pub(super) batches: Vec<Batch>,
}

impl Fetched {
    /// The batches seen, as they came. The first may begin before the offset asked for.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// The records seen, in order. Ends after the first error.
    pub fn records(&self) -> Records<'_> {
        Records {
            fetched: self,
            batches: self.batches.iter(),
            current: None,
        }
    }

    fn corrupt(&self, offset: i64, reason: String) -> ConsumeError {
        ConsumeError::Corrupt {
            partition: self.partition.clone(),
            offset,
            reason,
        }
    }
}

/// The records of a [`Fetched`].
#[derive(Debug)]
pub struct Records<'a> {
    fetched: &'a Fetched,
    batches: std::slice::Iter<'a, Batch>,
    current: Option<(i64, RecordIter)>,
}

impl Iterator for Records<'_> {
    type Item = Result<Record, ConsumeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((base_offset, records)) = &mut self.current {
                match records.next() {
                    Some(Ok(record)) if record.offset < self.fetched.from_offset => continue,
                    Some(Ok(record)) => return Some(Ok(record)),
                    Some(Err(error)) => {
                        let error = self.fetched.corrupt(*base_offset, error.to_string());
                        return Some(Err(self.end_with(error)));
                    }
                    None => self.current = None,
                }
            }
            let batch = self.batches.next()?;
            match batch.records(INFLATED_BYTES_MAX) {
                Ok(records) => self.current = Some((batch.header.base_offset, records)),
                Err(error) => {
                    let error = self
                        .fetched
                        .corrupt(batch.header.base_offset, error.to_string());
                    return Some(Err(self.end_with(error)));
                }
            }
        }
    }
}

impl Records<'_> {
    fn end_with(&mut self, error: ConsumeError) -> ConsumeError {
        self.current = None;
        self.batches = [].iter();
        error
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::records::{BatchBuilder, Compression};

    use super::*;

    fn fetched(from_offset: i64, batches: Vec<Batch>) -> Fetched {
        Fetched {
            partition: TopicPartition::new("t", 0),
            next_offset: 0,
            high_watermark: 0,
            last_stable_offset: 0,
            log_start_offset: 0,
            from_offset,
            batches,
        }
    }

    fn batch(base_offset: i64, records: u8, compression: Compression) -> Batch {
        let mut builder = BatchBuilder::new(compression);
        for number in 0..records {
            builder.push(0, None, Some(&[number]), &[]);
        }
        let mut batch = builder.build().unwrap();
        batch.header.base_offset = base_offset;
        batch
    }

    #[test]
    fn records_of_several_batches_come_in_order_from_the_offset_asked_for() {
        let batches = vec![
            batch(10, 3, Compression::Zstd),
            batch(13, 2, Compression::None),
        ];
        let fetched = fetched(11, batches);
        let offsets: Vec<i64> = fetched
            .records()
            .map(|record| record.unwrap().offset)
            .collect();
        assert_eq!(offsets, [11, 12, 13, 14]);
    }

    #[test]
    fn a_broken_batch_is_an_error_and_the_end() {
        let mut broken = batch(3, 2, Compression::Gzip);
        broken.payload = broken.payload.slice(..broken.payload.len() / 2);
        let fetched = fetched(
            0,
            vec![
                batch(0, 1, Compression::None),
                broken,
                batch(5, 1, Compression::None),
            ],
        );
        let mut records = fetched.records();
        assert!(records.next().unwrap().is_ok());
        let error = records.find_map(Result::err).unwrap();
        assert!(
            matches!(error, ConsumeError::Corrupt { offset: 3, .. }),
            "{error}"
        );
        assert!(records.next().is_none());
    }
}
