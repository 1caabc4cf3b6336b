//! Something that is tried, one attempt at a time, and again after a while if it fails. Pure.

use tokio::time::Instant;

use crate::backoff::Backoff;

/// The state of one thing that is tried.
#[derive(Debug, Default)]
pub(super) struct Trial {
    is_running: bool,
    failures: u32,
    not_before: Option<Instant>,
}

impl Trial {
    /// Whether an attempt may begin now; if so, it has begun.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        let may = !self.is_running && self.not_before.is_none_or(|moment| moment <= now);
        if may {
            self.is_running = true;
        }
        may
    }

    /// The attempt succeeded.
    pub(super) fn succeeded(&mut self) {
        *self = Trial::default();
    }

    /// The attempt succeeded, and the next one waits all the same: success may not have helped.
    pub(super) fn rests(&mut self, until: Instant) {
        *self = Trial {
            not_before: Some(until),
            ..Trial::default()
        };
    }

    /// The attempt failed; the next waits.
    pub(super) fn failed(&mut self, now: Instant, backoff: Backoff, chance: u64) {
        self.is_running = false;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + backoff.wait(self.failures, chance));
    }

    /// When the next attempt may begin, if it may not now and none is running.
    pub(super) fn next_moment(&self, now: Instant) -> Option<Instant> {
        self.not_before
            .filter(|&moment| !self.is_running && moment > now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(100),
        longest: Duration::from_secs(1),
    };

    #[test]
    fn one_attempt_at_a_time_and_a_wait_after_each_failure() {
        let mut trial = Trial::default();
        let start = Instant::now();
        assert!(trial.begin(start));
        assert!(!trial.begin(start));
        trial.failed(start, BACKOFF, 200);
        assert!(!trial.begin(start));
        assert_eq!(
            trial.next_moment(start),
            Some(start + Duration::from_millis(100))
        );
        assert!(trial.begin(start + Duration::from_millis(100)));
        trial.succeeded();
        assert!(trial.begin(start));
    }
}
