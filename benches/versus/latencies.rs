//! How long things took, and what is said of many.

use std::time::Duration;

/// How long the same thing took, each time.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, one: Duration) {
        self.0.push(one);
    }

    pub(crate) fn merge(&mut self, others: Latencies) {
        self.0.extend(others.0);
    }

    /// In milliseconds, the smallest that so many of a thousand are not above; none of none.
    pub(crate) fn at_permille(&mut self, permille: usize) -> Option<f64> {
        self.0.sort_unstable();
        let rank = (self.0.len() * permille).div_ceil(1_000);
        let one = self.0.get(rank.max(1) - 1)?;
        Some(one.as_secs_f64() * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.at_permille(500), None);
        (1..=200)
            .rev()
            .for_each(|it| latencies.add(Duration::from_millis(it)));
        assert_eq!(latencies.at_permille(500), Some(100.0));
        assert_eq!(latencies.at_permille(990), Some(198.0));
        assert_eq!(latencies.at_permille(1_000), Some(200.0));
    }
}
