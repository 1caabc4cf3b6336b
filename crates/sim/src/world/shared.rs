//! What the clients of a run have in common: the history they write, and how far the run is.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::history::{Event, History, Partition};

/// The topic that is written.
pub(super) const TOPIC: &str = "t";
/// Its partitions.
pub(super) const PARTITIONS: i32 = 3;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The cluster comes up, undisturbed, until records are taken.
    Begins,
    /// Things go wrong.
    Disturbed,
    /// Nothing is broken any more.
    Healed,
}

/// Shared by all hosts of a run, which take place on one thread. Held for a moment each time.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

struct State {
    phase: Phase,
    history: History,
    /// Up to where everything is to be read before the end, once it is known.
    goal: Option<BTreeMap<i32, i64>>,
}

impl Shared {
    pub(super) fn new() -> Shared {
        Shared(Arc::new(Mutex::new(State {
            phase: Phase::Begins,
            history: History::default(),
            goal: None,
        })))
    }

    pub(super) fn phase(&self) -> Phase {
        self.0.lock().phase
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.0.lock().phase = phase;
    }

    pub(super) fn saw(&self, event: Event) {
        tracing::debug!(?event, "a client saw");
        self.0.lock().history.events.push(event);
    }

    /// A client knows that everything below `offset` is committed.
    pub(super) fn committed(&self, partition: i32, offset: i64) {
        let mut state = self.0.lock();
        let known = state.history.committed.entry(name(partition)).or_default();
        *known = offset.max(*known);
    }

    pub(super) fn stuck(&self, what: String) {
        self.0.lock().history.stuck.push(what);
    }

    pub(super) fn set_goal(&self, goal: BTreeMap<i32, i64>) {
        self.0.lock().goal = Some(goal);
    }

    pub(super) fn goal(&self) -> Option<BTreeMap<i32, i64>> {
        self.0.lock().goal.clone()
    }

    /// Takes what was seen.
    pub(super) fn take_history(&self) -> History {
        std::mem::take(&mut self.0.lock().history)
    }
}

/// A partition as its folder is named.
pub(super) fn name(partition: i32) -> Partition {
    format!("{TOPIC}-{partition}")
}
