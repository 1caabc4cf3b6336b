//! The open connections of a node, so that shutdown reaches each of them.
//!
//! A connection leaves its waker here once; after that, being able to be stopped costs it a load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How far shutdown has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Requests are taken.
    Open,
    /// No new requests; replies that are due are still sent.
    Draining,
    /// Over.
    Closed,
}

#[derive(Default)]
pub(super) struct Registry {
    phase: AtomicU8,
    open: Mutex<Open>,
    emptied: Notify,
}

#[derive(Default)]
struct Open {
    issued: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// A connection's place in the registry, until dropped.
pub(super) struct Registered {
    registry: Arc<Registry>,
    number: u64,
}

impl Registry {
    /// Adds the connection whose task this waker wakes.
    pub(super) fn enter(self: &Arc<Self>, waker: &Waker) -> Registered {
        let mut open = self.open.lock();
        let number = open.issued;
        open.issued += 1;
        open.wakers.insert(number, waker.clone());
        Registered {
            registry: Arc::clone(self),
            number,
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.open.lock().wakers.len()
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Open,
            1 => Phase::Draining,
            _ => Phase::Closed,
        }
    }

    /// Goes on to a phase and lets every connection notice.
    pub(super) fn proceed(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
        for waker in self.open.lock().wakers.values() {
            waker.wake_by_ref();
        }
    }

    /// Until no connection is open.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.open.lock().wakers.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut open = self.registry.open.lock();
        open.wakers.remove(&self.number);
        if open.wakers.is_empty() {
            self.registry.emptied.notify_waiters();
        }
    }
}
