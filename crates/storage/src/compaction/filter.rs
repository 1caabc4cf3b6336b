//! What stays of a batch.

use std::io;

use ottla_platform::seed::HashMap;
use ottla_protocol::records::{Batch, BatchHeader, RawRecord, RawRecords};

use super::transactions::Marker;
use super::{CleanedTransactions, Newest};
use crate::producers::Producer;
use crate::transactions::AbortedEntry;

/// A batch may inflate to this much: what was accepted is smaller.
const INFLATED_BYTES_MAX: usize = 1 << 30;

/// What stays of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// All of it, byte for byte.
    All,
    /// Another batch in its place.
    Some(Batch),
    Nothing,
}

/// Judges the batches of a pass, in their order.
pub(crate) struct Filter {
    /// The newest record of each key below `end`; records from there on stay.
    pub(crate) newest: Newest,
    pub(crate) end: i64,
    /// The pass ends here.
    pub(crate) pass_end: i64,
    pub(crate) now_ms: i64,
    /// How long tombstones and markers of nothing stay after they were first met.
    pub(crate) delete_retention_ms: i64,
    /// Tombstones and markers from here on stay: another replica may still have what they take back.
    pub(crate) settled: i64,
    pub(crate) transactions: CleanedTransactions,
    /// Where the newest batch of each producer is.
    last_batches: HashMap<i64, LastBatch>,
}

enum LastBatch {
    Records { last_offset: i64 },
    Marker { epoch: i16 },
}

/// How a batch is looked at.
struct View {
    /// None of its records stay.
    discards: bool,
    /// A marker whose transaction is gone: it stays for a while.
    is_of_nothing: bool,
    /// The newest of its producer, whose epoch and sequence are to be known after a loss of the indexes, or the
    /// last of the pass, so that readers come to its end.
    is_last: bool,
    aborted: Option<AbortedEntry>,
}

impl Filter {
    pub(crate) fn new(newest: Newest, end: i64) -> Filter {
        Filter {
            newest,
            end,
            pass_end: end,
            now_ms: 0,
            delete_retention_ms: 0,
            settled: 0,
            transactions: CleanedTransactions::default(),
            last_batches: HashMap::default(),
        }
    }

    /// Takes what the log knows of producers now.
    pub(crate) fn know_producers(&mut self, producers: &[Producer]) {
        let last = producers.iter().map(|producer| {
            let last = match producer.batches.last() {
                Some(batch) => LastBatch::Records {
                    last_offset: batch.last_offset,
                },
                None => LastBatch::Marker {
                    epoch: producer.epoch,
                },
            };
            (producer.producer_id, last)
        });
        self.last_batches = last.collect();
    }

    /// What stays of the next batch; and what the index of aborted transactions says of it, if it is a marker
    /// that stays and is needed there.
    ///
    /// # Errors
    /// Its records cannot be read.
    pub(crate) fn judge(&mut self, batch: &Batch) -> io::Result<(Left, Option<AbortedEntry>)> {
        let view = self.view(batch);
        let left = if view.discards {
            Left::Nothing
        } else if batch.header.attributes.is_control() {
            self.whole(batch, &view)?
        } else {
            self.newest_of(batch)?
        };
        let left = match left {
            Left::Nothing if view.is_last && batch.header.record_count == 0 => Left::All,
            Left::Nothing if view.is_last => Left::Some(batch.emptied()),
            left => left,
        };
        Ok((left, view.aborted))
    }

    fn view(&mut self, batch: &Batch) -> View {
        let header = &batch.header;
        let is_last = self.is_last(header) || header.next_offset() == self.pass_end;
        if !header.attributes.is_control() {
            return View {
                discards: self.transactions.pass_batch(header),
                is_of_nothing: false,
                is_last,
                aborted: None,
            };
        }
        let (is_of_nothing, aborted) = match self.transactions.pass_marker(batch) {
            Marker::OfNothing => (true, None),
            Marker::OfBatches(aborted) => (false, aborted),
        };
        let may_go = horizon(header).is_some_and(|horizon_ms| horizon_ms <= self.now_ms)
            && header.base_offset < self.settled;
        View {
            discards: is_of_nothing && (may_go || header.record_count == 0),
            is_of_nothing,
            is_last,
            aborted,
        }
    }

    fn is_last(&self, header: &BatchHeader) -> bool {
        match self.last_batches.get(&header.producer_id) {
            Some(LastBatch::Records { last_offset }) => header.last_offset() == *last_offset,
            Some(LastBatch::Marker { epoch }) => {
                header.attributes.is_control() && header.producer_epoch == *epoch
            }
            None => false,
        }
    }

    /// A marker that stays.
    fn whole(&self, batch: &Batch, view: &View) -> io::Result<Left> {
        if !view.is_of_nothing || horizon(&batch.header).is_some() {
            return Ok(Left::All);
        }
        let records = raw(batch)?;
        let all = records.iter().collect::<io::Result<Vec<_>>>()?;
        let horizon_ms = self.now_ms.saturating_add(self.delete_retention_ms);
        Ok(Left::Some(records.batch_of(&all, Some(horizon_ms))?))
    }

    fn newest_of(&self, batch: &Batch) -> io::Result<Left> {
        let header = &batch.header;
        let horizon_ms = horizon(header);
        let tombstones_stay = horizon_ms.is_none_or(|horizon_ms| self.now_ms < horizon_ms);
        let records = raw(batch)?;
        let (mut kept, mut has_tombstones) = (Vec::new(), false);
        for record in records.iter() {
            let record = record?;
            if self.stays(&record, records.offset_of(&record), tombstones_stay) {
                has_tombstones |= !record.has_value;
                kept.push(record);
            }
        }
        let new_horizon_ms = (has_tombstones && horizon_ms.is_none())
            .then(|| self.now_ms.saturating_add(self.delete_retention_ms));
        if kept.is_empty() {
            return Ok(Left::Nothing);
        }
        if kept.len() == header.record_count as usize && new_horizon_ms.is_none() {
            return Ok(Left::All);
        }
        Ok(Left::Some(records.batch_of(&kept, new_horizon_ms)?))
    }

    /// A record without a key is of no use here: it came before the topic was compacted.
    fn stays(&self, record: &RawRecord<'_>, offset: i64, tombstones_stay: bool) -> bool {
        if offset >= self.end {
            return true;
        }
        let Some(key) = record.key else {
            return false;
        };
        let is_newest = self
            .newest
            .offset_of(key)
            .is_none_or(|newest| offset >= newest);
        is_newest && (record.has_value || tombstones_stay || offset >= self.settled)
    }
}

/// From when on a batch's tombstones may go.
fn horizon(header: &BatchHeader) -> Option<i64> {
    let is_there = header.attributes.has_delete_horizon();
    is_there.then_some(header.base_timestamp)
}

/// The records of a batch as they are encoded.
pub(crate) fn raw(batch: &Batch) -> io::Result<RawRecords> {
    let broken = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    batch.raw_records(INFLATED_BYTES_MAX).map_err(broken)
}

#[cfg(test)]
mod tests {
    use ottla_protocol::records::{BatchBuilder, Compression, EndMarker, ProducerStamp, Record};

    use super::*;

    const NOW: i64 = 10_000;
    const RETENTION: i64 = 1_000;

    /// Offset 100 and on, keys and values; no value is a tombstone.
    fn batch(records: &[(&str, Option<&str>)], stamp: Option<ProducerStamp>) -> Batch {
        let mut builder = BatchBuilder::new(Compression::None);
        if let Some(stamp) = stamp {
            builder = builder.with_producer(stamp);
        }
        for (key, value) in records {
            builder.push(5, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
        }
        let mut batch = builder.build().unwrap();
        batch.header.base_offset = 100;
        batch
    }

    fn stamp(transactional: bool) -> ProducerStamp {
        ProducerStamp {
            producer_id: 7,
            producer_epoch: 2,
            base_sequence: 0,
            transactional,
        }
    }

    fn filter(newest: &[(&str, i64)]) -> Filter {
        let mut map = Newest::with_room(100, 0.5);
        for (key, offset) in newest {
            map.note(key.as_bytes(), *offset);
        }
        let mut filter = Filter::new(map, 1_000);
        (filter.now_ms, filter.delete_retention_ms) = (NOW, RETENTION);
        filter.settled = 1_000;
        filter
    }

    fn offsets(left: &Left) -> Vec<i64> {
        let Left::Some(batch) = left else {
            panic!("{left:?}")
        };
        batch.verify_crc().unwrap();
        let records = batch.records(1 << 20).unwrap().map(Result::unwrap);
        records.map(|record: Record| record.offset).collect()
    }

    fn known(filter: &mut Filter, batches: Vec<crate::ProducerBatch>) {
        filter.know_producers(&[Producer {
            producer_id: 7,
            epoch: 2,
            coordinator_epoch: -1,
            last_timestamp: 0,
            transaction_start: None,
            batches,
        }]);
    }

    #[test]
    fn the_newest_of_a_key_stays() {
        let batch = batch(
            &[("a", Some("1")), ("b", Some("2")), ("a", Some("3"))],
            None,
        );
        let mut all = filter(&[]);
        assert_eq!(all.judge(&batch).unwrap().0, Left::All);
        let mut some = filter(&[("a", 102), ("b", 300)]);
        assert_eq!(offsets(&some.judge(&batch).unwrap().0), [102]);
        let mut none = filter(&[("a", 200), ("b", 300)]);
        assert_eq!(none.judge(&batch).unwrap().0, Left::Nothing);
        none.end = 102;
        assert_eq!(offsets(&none.judge(&batch).unwrap().0), [102]);
    }

    #[test]
    fn the_last_batch_of_a_pass_stays_without_its_records() {
        let batch = batch(&[("a", Some("1"))], None);
        let mut filter = filter(&[("a", 200)]);
        filter.pass_end = 101;
        let (left, _) = filter.judge(&batch).unwrap();
        assert_eq!(left, Left::Some(batch.emptied()));
        filter.pass_end = 300;
        assert_eq!(filter.judge(&batch.emptied()).unwrap().0, Left::Nothing);
    }

    #[test]
    fn records_without_keys_go() {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(5, None, Some(b"v"), &[]);
        let unkeyed = builder.build().unwrap();
        assert_eq!(filter(&[]).judge(&unkeyed).unwrap().0, Left::Nothing);
    }

    #[test]
    fn tombstones_stay_for_a_while_and_as_long_as_somebody_may_need_them() {
        let batch = batch(&[("a", None), ("b", Some("2"))], None);
        let mut filter = filter(&[("a", 100)]);
        let (left, _) = filter.judge(&batch).unwrap();
        assert_eq!(offsets(&left), [100, 101]);
        let Left::Some(marked) = left else { panic!() };
        assert_eq!(horizon(&marked.header), Some(NOW + RETENTION));
        filter.now_ms = NOW + RETENTION - 1;
        assert_eq!(filter.judge(&marked).unwrap().0, Left::All);
        filter.now_ms = NOW + RETENTION;
        filter.settled = 100;
        assert_eq!(filter.judge(&marked).unwrap().0, Left::All);
        filter.settled = 101;
        let (left, _) = filter.judge(&marked).unwrap();
        assert_eq!(offsets(&left), [101]);
        let Left::Some(without) = left else { panic!() };
        assert_eq!(horizon(&without.header), Some(NOW + RETENTION));
    }

    #[test]
    fn the_last_batch_of_a_producer_stays_without_its_records() {
        let batch = batch(&[("a", Some("1")), ("a", Some("2"))], Some(stamp(false)));
        let mut filter = filter(&[("a", 500)]);
        assert_eq!(filter.judge(&batch).unwrap().0, Left::Nothing);
        let last = |last_offset| crate::ProducerBatch {
            last_sequence: 1,
            last_offset,
            offset_delta: 1,
            timestamp: 5,
        };
        known(&mut filter, vec![last(101)]);
        let (left, _) = filter.judge(&batch).unwrap();
        assert_eq!(left, Left::Some(batch.emptied()));
        assert_eq!(filter.judge(&batch.emptied()).unwrap().0, Left::All);
        known(&mut filter, vec![last(101), last(600)]);
        assert_eq!(filter.judge(&batch.emptied()).unwrap().0, Left::Nothing);
    }

    #[test]
    fn a_marker_goes_after_its_transaction() {
        let marker = EndMarker {
            commits: true,
            coordinator_epoch: 1,
        };
        let mut marker = marker.batch(7, 2, 5);
        marker.header.base_offset = 200;
        let data = batch(&[("a", Some("1"))], Some(stamp(true)));
        let mut filter = filter(&[]);
        assert_eq!(filter.judge(&data).unwrap().0, Left::All);
        assert_eq!(filter.judge(&marker).unwrap().0, Left::All);
        // the next time there is no data before it
        let (left, _) = filter.judge(&marker).unwrap();
        let Left::Some(marked) = left else {
            panic!("{left:?}")
        };
        assert_eq!(horizon(&marked.header), Some(NOW + RETENTION));
        assert!(EndMarker::read(&marked).is_some());
        assert_eq!(filter.judge(&marked).unwrap().0, Left::All);
        filter.now_ms = NOW + RETENTION;
        filter.settled = 200;
        assert_eq!(filter.judge(&marked).unwrap().0, Left::All);
        filter.settled = 201;
        assert_eq!(filter.judge(&marked).unwrap().0, Left::Nothing);
        // unless nothing else says in which epoch its producer is
        known(&mut filter, Vec::new());
        assert_eq!(
            filter.judge(&marked).unwrap().0,
            Left::Some(marked.emptied())
        );
        assert_eq!(filter.judge(&marked.emptied()).unwrap().0, Left::All);
    }
}
