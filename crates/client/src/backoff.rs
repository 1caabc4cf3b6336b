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
        let plain = self
            .first
            .saturating_mul(1 << doublings)
            .min(self.longest);
        // 0..=400 thousandths, moved down to −200..=+200.
        let spread = u32::try_from(chance % 401).expect("a remainder of 401 fits");
        (plain * (800 + spread) / 1000).min(self.longest)
    }
}

/// A stream of chance for backoff and partition choice. Not for secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A stream that is the same for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        // An xorshift never leaves zero.
        Chance(seed ^ 0x9e37_79b9_7f4a_7c15 | 1)
    }

    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The multiplication breaks up the linear low bits of a bare xorshift.
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
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

    #[test]
    fn the_same_seed_gives_the_same_chance() {
        let (mut one, mut two) = (Chance::from_seed(7), Chance::from_seed(7));
        let numbers: Vec<u64> = (0..5).map(|_| one.next_number()).collect();
        assert!(numbers.iter().all(|&number| number == two.next_number()));
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
