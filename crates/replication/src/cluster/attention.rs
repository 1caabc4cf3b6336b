//! Which groups are to be looked at.
//!
//! A group rests while its leader is known and alive, everyone was told what it leads and what is
//! committed, and its replicas are those that are wanted and have all of its log. Nothing of it
//! changes by itself then, and it costs nothing: it is looked at again when something stirs it, or
//! when another set of brokers is alive.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The groups that something happened to since the last look.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    stirred: Mutex<BTreeSet<u64>>,
    nudge: Notify,
}

impl Attention {
    /// Has a group looked at in the next look.
    pub(crate) fn stir(&self, group: u64) {
        self.stirred.lock().insert(group);
    }

    /// Brings the next look forward.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Resolves when a look was brought forward.
    pub(super) async fn nudged(&self) {
        self.nudge.notified().await;
    }

    /// The groups that were stirred since this was asked last.
    pub(super) fn take(&self) -> BTreeSet<u64> {
        std::mem::take(&mut self.stirred.lock())
    }
}

/// One group's way to be looked at; cheap to use for every record.
#[derive(Debug)]
pub(crate) struct Bell {
    group: u64,
    attention: Arc<Attention>,
    rung: AtomicBool,
}

impl Bell {
    pub(crate) fn new(group: u64, attention: Arc<Attention>) -> Bell {
        Bell {
            group,
            attention,
            rung: AtomicBool::new(false),
        }
    }

    /// Something happened to the group.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.attention.stir(self.group);
        }
    }

    /// Something happened to the group that others are to be told at once.
    pub(crate) fn ring_loudly(&self) {
        self.ring();
        self.attention.nudge();
    }

    /// The group is about to be looked at: what happens from now on is news.
    pub(super) fn heard(&self) {
        self.rung.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_stirred_once_until_it_was_heard() {
        let attention = Arc::<Attention>::default();
        let bell = Bell::new(7, Arc::clone(&attention));
        bell.ring();
        bell.ring();
        assert_eq!(attention.take(), [7].into());
        bell.ring();
        assert_eq!(attention.take(), [].into());
        bell.heard();
        bell.ring();
        assert_eq!(attention.take(), [7].into());
    }
}
