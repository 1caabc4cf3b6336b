//! Logs that wait for a worker of their directory.

use std::sync::Arc;
use std::time::Duration;

use ottla_platform::work::{Bell, Next};
use parking_lot::Mutex;

use crate::log::LogShared;

/// Logs in order of arrival. A log is in a queue at most once: its own state says so.
#[derive(Default)]
pub(crate) struct WorkQueue {
    waiting: Mutex<Waiting>,
    pub(super) bell: Arc<Bell>,
}

#[derive(Default)]
struct Waiting {
    ready: Vec<Arc<LogShared>>,
    /// Found no space; tried again after a pause.
    stalled: Vec<Arc<LogShared>>,
    stopped: bool,
}

impl WorkQueue {
    pub(crate) fn push(&self, log: Arc<LogShared>) {
        let is_first = {
            let mut waiting = self.waiting.lock();
            waiting.ready.push(log);
            waiting.ready.len() == 1
        };
        if is_first {
            self.bell.ring();
        }
    }

    /// Puts a log back until the next [`WorkQueue::retry`].
    pub(crate) fn stall(&self, log: Arc<LogShared>) {
        self.waiting.lock().stalled.push(log);
    }

    /// Makes stalled logs ready again.
    pub(crate) fn retry(&self) {
        let mut waiting = self.waiting.lock();
        let stalled = std::mem::take(&mut waiting.stalled);
        waiting.ready.extend(stalled);
    }

    pub(crate) fn has_stalled(&self) -> bool {
        !self.waiting.lock().stalled.is_empty()
    }

    pub(crate) fn take(&self) -> Vec<Arc<LogShared>> {
        std::mem::take(&mut self.waiting.lock().ready)
    }

    /// What the worker does after a round: it rests until a log is ready, or this long if it is to
    /// come by itself, and ends once the queue was stopped and is empty.
    pub(super) fn next(&self, at_most: Option<Duration>) -> Next {
        let waiting = self.waiting.lock();
        match waiting.stopped && waiting.ready.is_empty() {
            true => Next::End,
            false => Next::Rest(at_most),
        }
    }

    /// Wakes the worker to look at what else changed.
    pub(crate) fn poke(&self) {
        self.bell.ring();
    }

    /// Ends the worker after what is ready.
    pub(crate) fn stop(&self) {
        self.waiting.lock().stopped = true;
        self.bell.ring();
    }
}
