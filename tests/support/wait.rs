//! Waiting for a condition with a deadline: the only place of the suites that sleeps.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(2);

/// Looks until there is an answer; `None` when the time is over.
pub fn poll<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = look() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(PACE);
    }
}

/// Looks until there is an answer and fails the test, naming what was waited for, when there is
/// none in time.
pub fn until<T>(what: &str, within: Duration, look: impl FnMut() -> Option<T>) -> T {
    poll(within, look).unwrap_or_else(|| panic!("waited {within:?} in vain: {what}"))
}
