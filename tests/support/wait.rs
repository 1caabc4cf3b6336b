//! Waiting for a condition with a deadline: the only place of the suites that sleeps.

use std::time::{Duration, Instant};

/// How often a condition is looked at, unless that costs much.
const PACE: Duration = Duration::from_millis(2);

/// Looks until there is an answer; `None` when the time is over.
pub fn poll<T>(within: Duration, look: impl FnMut() -> Option<T>) -> Option<T> {
    poll_at(PACE, within, look)
}

/// Like [`poll`], where a look costs so much that it should not be taken as often.
pub fn poll_at<T>(
    pace: Duration,
    within: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = look() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(pace);
    }
}

/// Looks until there is an answer and fails the test, naming what was waited for, when there is
/// none in time.
pub fn until<T>(what: &str, within: Duration, look: impl FnMut() -> Option<T>) -> T {
    poll(within, look).unwrap_or_else(|| panic!("waited {within:?} in vain: {what}"))
}
