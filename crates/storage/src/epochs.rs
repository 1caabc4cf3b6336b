//! Which leader epoch wrote which offsets, and which Raft term which indexes.
//!
//! Two tables, because Kafka's forgets epochs that wrote no record, while Raft needs every term.

use crate::LogId;

/// The first Kafka offset of a leader epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochStart {
    /// Leader epoch.
    pub epoch: i32,
    /// Offset of its first record.
    pub start_offset: i64,
}

/// Answer to OffsetForLeaderEpoch. Both −1 if nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// Largest epoch known that is not above the one asked for.
    pub epoch: i32,
    /// Offset after its last record.
    pub end_offset: i64,
}

const UNKNOWN: EpochEnd = EpochEnd {
    epoch: -1,
    end_offset: -1,
};

/// Kafka's leader epochs: epochs and start offsets both strictly ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EpochTable(Vec<EpochStart>);

impl EpochTable {
    pub(crate) fn from_entries(entries: Vec<EpochStart>) -> EpochTable {
        EpochTable(entries)
    }

    pub(crate) fn entries(&self) -> &[EpochStart] {
        &self.0
    }

    /// Notes that `epoch` writes at `offset`. An epoch that wrote nothing gives way.
    pub(crate) fn note(&mut self, epoch: i32, offset: i64) {
        if self.0.last().is_some_and(|last| last.epoch >= epoch) {
            return;
        }
        while self
            .0
            .last()
            .is_some_and(|last| last.start_offset >= offset)
        {
            self.0.pop();
        }
        self.0.push(EpochStart {
            epoch,
            start_offset: offset,
        });
    }

    /// Forgets epochs that ended before the log's new start.
    pub(crate) fn trim_start(&mut self, log_start_offset: i64) {
        let before = self
            .0
            .partition_point(|entry| entry.start_offset <= log_start_offset);
        if before > 0 {
            self.0.drain(..before - 1);
            self.0[0].start_offset = log_start_offset;
        }
    }

    /// The end of the largest epoch at or below `epoch`. The newest ends at the log's end; one
    /// that is not known yet, and any in an empty table, is unknown; one that is forgotten ends
    /// where the first known one begins.
    pub(crate) fn end_of(&self, epoch: i32, log_end_offset: i64) -> EpochEnd {
        let above = self.0.partition_point(|entry| entry.epoch <= epoch);
        match (self.0.get(above), above.checked_sub(1)) {
            (Some(next), Some(floor)) => EpochEnd {
                epoch: self.0[floor].epoch,
                end_offset: next.start_offset,
            },
            (Some(next), None) if epoch != UNKNOWN.epoch => EpochEnd {
                epoch,
                end_offset: next.start_offset,
            },
            (None, Some(floor)) if self.0[floor].epoch == epoch => EpochEnd {
                epoch,
                end_offset: log_end_offset,
            },
            _ => UNKNOWN,
        }
    }

    /// The epoch that wrote, or will write, `offset`.
    pub(crate) fn at(&self, offset: i64) -> Option<i32> {
        let after = self.0.partition_point(|entry| entry.start_offset <= offset);
        Some(self.0[after.checked_sub(1)?].epoch)
    }
}

/// Raft terms with their first index, both strictly ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TermTable(Vec<LogId>);

impl TermTable {
    pub(crate) fn from_entries(entries: Vec<LogId>) -> TermTable {
        TermTable(entries)
    }

    pub(crate) fn entries(&self) -> &[LogId] {
        &self.0
    }

    pub(crate) fn note(&mut self, id: LogId) {
        if self.0.last().is_none_or(|last| last.term < id.term) {
            self.0.push(id);
        }
    }

    /// The term of the frame at an index, if it is known.
    pub(crate) fn at(&self, index: u64) -> Option<i32> {
        let after = self.0.partition_point(|entry| entry.index <= index);
        Some(self.0[after.checked_sub(1)?].term)
    }

    /// Forgets terms that ended before `purged`, the last frame that is gone.
    pub(crate) fn trim_start(&mut self, purged: u64) {
        let before = self.0.partition_point(|entry| entry.index <= purged);
        self.0.drain(..before.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(i32, i64)]) -> EpochTable {
        let mut table = EpochTable::default();
        for (epoch, offset) in entries {
            table.note(*epoch, *offset);
        }
        table
    }

    fn end(table: &EpochTable, epoch: i32) -> (i32, i64) {
        let end = table.end_of(epoch, 100);
        (end.epoch, end.end_offset)
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let table = table(&[(2, 10), (5, 20), (9, 50)]);
        assert_eq!(end(&table, 9), (9, 100));
        assert_eq!(end(&table, 8), (5, 50));
        assert_eq!(end(&table, 5), (5, 50));
        assert_eq!(end(&table, 2), (2, 20));
        assert_eq!(end(&table, 1), (1, 10));
        assert_eq!(end(&table, 10), (-1, -1));
        assert_eq!(end(&table, -1), (-1, -1));
        assert_eq!(end(&EpochTable::default(), 3), (-1, -1));
    }

    #[test]
    fn an_epoch_without_records_gives_way() {
        let table = table(&[(1, 0), (2, 10), (3, 10), (3, 15)]);
        let entries: Vec<_> = table
            .entries()
            .iter()
            .map(|e| (e.epoch, e.start_offset))
            .collect();
        assert_eq!(entries, [(1, 0), (3, 10)]);
        assert_eq!(
            (table.at(9), table.at(10), table.at(99)),
            (Some(1), Some(3), Some(3))
        );
    }

    #[test]
    fn trimming_keeps_the_epoch_that_holds_the_start() {
        let mut table = table(&[(1, 0), (2, 10), (3, 20)]);
        table.trim_start(15);
        assert_eq!(
            table.entries()[0],
            EpochStart {
                epoch: 2,
                start_offset: 15
            }
        );
        assert_eq!(table.at(14), None);
        table.trim_start(20);
        assert_eq!(table.entries().len(), 1);
    }

    #[test]
    fn terms_keep_the_one_of_the_last_purged_frame() {
        let id = |term, index| LogId { term, index };
        let mut terms = TermTable::default();
        for entry in [id(1, 0), id(1, 1), id(2, 5), id(4, 9)] {
            terms.note(entry);
        }
        terms.trim_start(8);
        assert_eq!(terms.entries(), [id(2, 5), id(4, 9)]);
    }
}
