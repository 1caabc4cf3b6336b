//! Folding a log into a state, before anyone leads with it.

use crate::runner::Core;
use crate::{Limits, Offset, Runner, Started, StateMachine, Timestamp};

/// The state of a log read so far. Every replica has one; the leader turns it into a [`Runner`].
pub struct Replay<M: StateMachine> {
    hard: M::Hard,
    next: Offset,
}

impl<M: StateMachine> Replay<M> {
    /// Begins with the state that a log has below `next`: the empty one at the log's start, or a
    /// snapshot's.
    pub fn new(hard: M::Hard, next: Offset) -> Self {
        Self { hard, next }
    }

    /// Takes the next record of the log. Offsets may leave gaps (compaction, control records) but
    /// never go back.
    pub fn load(&mut self, at: Offset, record: &M::Record) {
        assert!(
            at >= self.next,
            "record {at} was replayed after {}",
            self.next
        );
        M::apply(&mut self.hard, at, record);
        self.next = at.plus(1);
    }

    /// Says that the log is read up to `end`, whose last offsets held nothing for this machine.
    pub fn skip_to(&mut self, end: Offset) {
        self.next = self.next.max(end);
    }

    /// The state so far.
    pub fn hard(&self) -> &M::Hard {
        &self.hard
    }

    /// The offset of the next record to read.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// Begins to lead with everything that was read. What is in the log but not committed yet
    /// holds back replies as if this leader had written it.
    pub fn lead<T>(self, now: Timestamp, committed: Offset, limits: Limits) -> Started<M, T> {
        Runner::start(
            Core {
                hard: self.hard,
                next: self.next,
            },
            now,
            committed,
            limits,
        )
    }
}
