//! One sync for all who need one at the same time: a call waits for a sync that began after it
//! came, and carries it out itself if nobody does.

use parking_lot::{Condvar, Mutex};

#[derive(Default)]
pub(crate) struct GroupSync {
    rounds: Mutex<Rounds>,
    ended: Condvar,
}

#[derive(Default)]
struct Rounds {
    begun: u64,
    ended: u64,
}

impl GroupSync {
    /// Returns after a run of `sync`, by whatever thread, that began after this call.
    pub(crate) fn run(&self, sync: impl Fn()) {
        let mut rounds = self.rounds.lock();
        // one that is under way may have passed over what this caller wrote
        let mine = rounds.begun + 1;
        while rounds.ended < mine {
            if rounds.begun > rounds.ended {
                self.ended.wait(&mut rounds);
                continue;
            }
            rounds.begun += 1;
            drop(rounds);
            sync();
            rounds = self.rounds.lock();
            rounds.ended = rounds.begun;
            self.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn every_call_is_followed_by_a_whole_run() {
        let (group, written, synced) = (GroupSync::default(), AtomicU64::new(0), Mutex::new(0));
        let runs = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let mine = written.fetch_add(1, Ordering::SeqCst) + 1;
                        group.run(|| {
                            let seen = written.load(Ordering::SeqCst);
                            std::thread::yield_now();
                            *synced.lock() = seen;
                            runs.fetch_add(1, Ordering::SeqCst);
                        });
                        assert!(*synced.lock() >= mine);
                    }
                });
            }
        });
        assert!(runs.into_inner() <= 4_000);
    }
}
