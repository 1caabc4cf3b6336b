//! Fetches that wait for records.
//!
//! A fetch that has too little to say waits until one of *its* partitions moves, its time is over, or
//! the node stops. It is woken by events alone; nothing polls.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ottla_replication::{Partition, Registration, Waiter};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Where fetches wait.
#[derive(Default)]
pub struct Purgatory {
    waiting: AtomicUsize,
    stopped: AtomicBool,
    stop: Notify,
}

impl Purgatory {
    /// Fetches waiting now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Lets everyone who waits, or ever will, answer with what there is.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.stop.notify_waiters();
    }

    /// Looks until `look` finds what it wants: at once, and again whenever one of the partitions has
    /// moved. `None` when the time is over.
    pub async fn wait<T>(
        &self,
        partitions: impl Iterator<Item = &Partition>,
        deadline: Instant,
        mut look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let waiter = Waiter::new();
        let _registrations: Vec<Registration> = partitions
            .map(|partition| partition.register(&waiter))
            .collect();
        let _counted = Counted::new(&self.waiting);
        loop {
            // Asked for before it is looked at, so that a stop in between is not missed.
            let stop = self.stop.notified();
            if let Some(found) = look() {
                return Some(found);
            }
            if self.stopped.load(Ordering::Acquire) {
                return None;
            }
            tokio::select! {
                () = waiter.moved() => {}
                () = sleep_until(deadline) => return None,
                () = stop => return None,
            }
        }
    }
}

/// Counts one while it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
