//! The rig's log: what was appended, how much of it is committed, and the state it folds to.
//!
//! A batch is committed whole and lost whole, as in a real log.

use std::fmt::Debug;

use crate::{Append, Offset, Replay, StateMachine};

/// A log in memory that starts at offset 0.
pub(super) struct Log<M: StateMachine> {
    empty: M::Hard,
    records: Vec<M::Record>,
    /// How many records there are at the end of each batch.
    batch_ends: Vec<usize>,
    /// How many batches are committed.
    committed: usize,
    /// The fold of all records, kept up as they are appended.
    folded: M::Hard,
    /// What a record becomes on its way through the disk.
    persist: fn(&M::Record) -> M::Record,
}

impl<M: StateMachine> Log<M>
where
    M::Hard: Clone + PartialEq + Debug,
{
    pub(super) fn new(empty: M::Hard, persist: fn(&M::Record) -> M::Record) -> Self {
        Self {
            folded: empty.clone(),
            empty,
            records: Vec::new(),
            batch_ends: Vec::new(),
            committed: 0,
            persist,
        }
    }

    pub(super) fn append(&mut self, append: &Append<M::Record>) {
        assert!(!append.records.is_empty(), "an empty batch was appended");
        assert_eq!(
            append.base_offset,
            self.end(),
            "a batch skipped or repeated offsets"
        );
        for record in &append.records {
            let record = (self.persist)(record);
            let at = self.end();
            M::apply(&mut self.folded, at, &record);
            self.records.push(record);
        }
        self.batch_ends.push(self.records.len());
    }

    /// Commits up to `count` batches more.
    pub(super) fn commit(&mut self, count: usize) -> Offset {
        self.committed = self
            .batch_ends
            .len()
            .min(self.committed.saturating_add(count));
        self.committed_end()
    }

    /// Cuts the log to its committed part and at most `kept` batches more.
    pub(super) fn lose_uncommitted_but(&mut self, kept: usize) {
        self.batch_ends
            .truncate(self.committed.saturating_add(kept));
        self.records
            .truncate(self.records_of(self.batch_ends.len()));
    }

    /// Folds the log anew from its start.
    pub(super) fn replay(&mut self) -> Replay<M> {
        let mut replay = Replay::<M>::new(self.empty.clone(), Offset::ZERO);
        for (index, record) in self.records.iter().enumerate() {
            replay.load(Offset::ZERO.plus(index), record);
        }
        self.folded = replay.hard().clone();
        replay
    }

    pub(super) fn assert_folds_to(&self, hard: &M::Hard) {
        assert_eq!(
            &self.folded, hard,
            "the log does not fold to the leader's state"
        );
    }

    pub(super) fn records(&self) -> &[M::Record] {
        &self.records
    }

    /// How many batches are not committed.
    pub(super) fn uncommitted(&self) -> usize {
        self.batch_ends.len() - self.committed
    }

    pub(super) fn end(&self) -> Offset {
        Offset::ZERO.plus(self.records.len())
    }

    pub(super) fn committed_end(&self) -> Offset {
        Offset::ZERO.plus(self.records_of(self.committed))
    }

    /// How many records the first `batches` hold.
    fn records_of(&self, batches: usize) -> usize {
        batches
            .checked_sub(1)
            .map_or(0, |last| self.batch_ends[last])
    }
}
