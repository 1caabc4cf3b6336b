//! Who waits for a partition to move: fetches in the purgatory.
//!
//! A waiter registers with each partition it watches and is woken by any of them; dropping the
//! registration forgets it, so a partition that never moves keeps no dead waiters.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Something that sleeps until one of its partitions moves.
#[derive(Debug, Default)]
pub struct Waiter {
    notify: Notify,
}

impl Waiter {
    /// A waiter that watches nothing yet.
    pub fn new() -> Arc<Waiter> {
        Arc::default()
    }

    /// Resolves at the next move, or at once if there was one since the last call.
    pub async fn moved(&self) {
        self.notify.notified().await;
    }
}

/// The waiters of one partition.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next_key: u64,
    waiting: BTreeMap<u64, Arc<Waiter>>,
}

impl Waiters {
    /// Wakes all.
    pub(crate) fn wake(&self) {
        for waiter in self.inner.lock().waiting.values() {
            waiter.notify.notify_one();
        }
    }

    /// Adds `waiter` until the registration is dropped.
    pub(crate) fn register(waiters: &Arc<Waiters>, waiter: &Arc<Waiter>) -> Registration {
        let mut inner = waiters.inner.lock();
        let key = inner.next_key;
        inner.next_key += 1;
        inner.waiting.insert(key, waiter.clone());
        Registration {
            waiters: waiters.clone(),
            key,
        }
    }
}

/// A waiter's place at a partition; dropping it gives the place up.
#[derive(Debug)]
pub struct Registration {
    waiters: Arc<Waiters>,
    key: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.waiters.inner.lock().waiting.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_move_before_the_wait_is_not_missed_and_a_dropped_waiter_is_forgotten() {
        let waiters = Arc::new(Waiters::default());
        let waiter = Waiter::new();
        let registration = Waiters::register(&waiters, &waiter);
        waiters.wake();
        waiter.moved().await;
        drop(registration);
        assert!(waiters.inner.lock().waiting.is_empty());
    }
}
