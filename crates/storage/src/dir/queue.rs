//! Logs that wait for a thread of their directory.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::log::LogShared;

/// Logs in order of arrival. A log is in a queue at most once: its own state says so.
#[derive(Default)]
pub(crate) struct WorkQueue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
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
        let mut waiting = self.waiting.lock();
        waiting.ready.push(log);
        if waiting.ready.len() == 1 {
            self.wake.notify_one();
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

    /// Waits until a log is ready or the time is over; false once the queue was stopped.
    pub(crate) fn wait(&self, at_most: Option<Duration>) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.ready.is_empty() && !waiting.stopped {
            match at_most {
                Some(time) => {
                    self.wake.wait_for(&mut waiting, time);
                }
                None => self.wake.wait(&mut waiting),
            }
        }
        !waiting.stopped || !waiting.ready.is_empty()
    }

    /// Wakes the thread to look at what else changed.
    pub(crate) fn poke(&self) {
        self.wake.notify_one();
    }

    /// Ends the thread after what is ready.
    pub(crate) fn stop(&self) {
        self.waiting.lock().stopped = true;
        self.wake.notify_one();
    }
}
