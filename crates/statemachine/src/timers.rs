//! The timer table: data, ordered by deadline. It never looks at a clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::outbox::TimerChange;
use crate::{StateMachine, Timestamp};

/// Pending timers of one machine. Timers of one deadline fire in the order of their keys.
pub(crate) struct Timers<M: StateMachine> {
    by_key: BTreeMap<M::TimerKey, (Timestamp, M::Input)>,
    by_deadline: BTreeSet<(Timestamp, M::TimerKey)>,
}

impl<M: StateMachine> Timers<M> {
    pub(crate) fn new() -> Self {
        Self {
            by_key: BTreeMap::new(),
            by_deadline: BTreeSet::new(),
        }
    }

    pub(crate) fn change(&mut self, change: TimerChange<M>) {
        match change {
            TimerChange::Set {
                key,
                deadline,
                input,
            } => {
                self.cancel(&key);
                self.by_deadline.insert((deadline, key.clone()));
                self.by_key.insert(key, (deadline, input));
            }
            TimerChange::Cancel { key } => self.cancel(&key),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// Removes the first timer that is due and gives what it says.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<M::Input> {
        if self.next_deadline()? > now {
            return None;
        }
        let (_, key) = self.by_deadline.pop_first()?;
        self.by_key.remove(&key).map(|(_, input)| input)
    }

    fn cancel(&mut self, key: &M::TimerKey) {
        if let Some((deadline, _)) = self.by_key.remove(key) {
            self.by_deadline.remove(&(deadline, key.clone()));
        }
    }
}
