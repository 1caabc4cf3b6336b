//! The rig's log: what was appended, how much of it is committed, and the state it folds to.

use std::fmt::Debug;

use crate::{Append, Offset, Replay, StateMachine};

/// A log in memory that starts at offset 0.
pub(super) struct Log<M: StateMachine> {
    empty: M::Hard,
    records: Vec<M::Record>,
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
    }

    pub(super) fn commit(&mut self, count: usize) -> Offset {
        self.committed = self.records.len().min(self.committed.saturating_add(count));
        self.committed_end()
    }

    /// Cuts the log to its committed part and at most `kept` records more.
    pub(super) fn lose_uncommitted_but(&mut self, kept: usize) {
        self.records.truncate(self.committed.saturating_add(kept));
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

    pub(super) fn uncommitted(&self) -> usize {
        self.records.len() - self.committed
    }

    pub(super) fn end(&self) -> Offset {
        Offset::ZERO.plus(self.records.len())
    }

    pub(super) fn committed_end(&self) -> Offset {
        Offset::ZERO.plus(self.committed)
    }
}
