//! How long to wait before trying again: doubling, capped, spread by chance.
//!
//! Pure: chance is an argument, so that a test knows what comes out.

use std::time::Duration;

/// The first and the longest wait between attempts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// Never longer than this, chance included.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after `failures` failed attempts (1 = the first), spread over ±20 % by `chance`.
    pub fn wait(&self, failures: u32, chance: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let plain = self.first.saturating_mul(1 << doublings).min(self.longest);
        // 0..=400 thousandths, moved down to −200..=+200.
        let spread = u32::try_from(chance % 401).expect("a remainder of 401 fits");
        (plain * (800 + spread) / 1000).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(100),
        longest: Duration::from_millis(1000),
    };

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u128> = (1..=6).map(|n| BACKOFF.wait(n, 200).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(BACKOFF.wait(u32::MAX, 200).as_millis(), 1000);
    }

    #[test]
    fn chance_spreads_a_wait_by_a_fifth_and_never_past_the_longest() {
        assert_eq!(BACKOFF.wait(1, 0).as_millis(), 80);
        assert_eq!(BACKOFF.wait(1, 400).as_millis(), 120);
        assert_eq!(BACKOFF.wait(9, 400).as_millis(), 1000);
    }
}
