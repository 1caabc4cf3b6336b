//! How a simulated host fares: slow, stopped for a while, with a clock of its own.
//!
//! A host is known by its tokio runtime, of which each start has a new one.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use tokio::runtime::{Handle, Id};

use crate::seed::HashMap;

thread_local! {
    static HOSTS: RefCell<HashMap<Id, Arc<Conditions>>> = RefCell::default();
}

/// How a host fares. All is well by default.
#[derive(Debug)]
pub struct Conditions {
    /// Work takes that many times as long as usual.
    slowness: AtomicU32,
    /// Its threads stand still.
    stopped: AtomicBool,
    /// By how much its wall clock is wrong.
    clock_offset_ms: AtomicI64,
}

impl Default for Conditions {
    fn default() -> Self {
        Conditions {
            slowness: AtomicU32::new(1),
            stopped: AtomicBool::new(false),
            clock_offset_ms: AtomicI64::new(0),
        }
    }
}

impl Conditions {
    /// Has them hold for what runs in the current runtime.
    pub fn hold_here(self: &Arc<Self>) {
        let here = Handle::current().id();
        HOSTS.with(|hosts| hosts.borrow_mut().insert(here, Arc::clone(self)));
    }

    /// Those of the current runtime, if it has any.
    pub(crate) fn here() -> Option<Arc<Conditions>> {
        let here = Handle::try_current().ok()?.id();
        HOSTS.with(|hosts| hosts.borrow().get(&here).cloned())
    }

    /// Sets how many times as long as usual work takes.
    pub fn set_slowness(&self, factor: u32) {
        self.slowness.store(factor, Ordering::Relaxed);
    }

    /// Has threads stand still, or go on.
    pub fn set_stopped(&self, stopped: bool) {
        self.stopped.store(stopped, Ordering::Relaxed);
    }

    /// Sets by how much the wall clock is wrong.
    pub fn set_clock_offset_ms(&self, offset_ms: i64) {
        self.clock_offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    pub(crate) fn slowness(&self) -> u32 {
        self.slowness.load(Ordering::Relaxed)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(crate) fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms.load(Ordering::Relaxed)
    }
}
