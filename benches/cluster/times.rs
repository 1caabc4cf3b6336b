//! Times, and what is said of many.

use std::time::Duration;

/// Times of the same thing.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// One line: how many, the median, the 99th percentile, the longest.
    pub(crate) fn line(&self, what: &str) -> String {
        let mut sorted = self.0.clone();
        sorted.sort();
        let Some(longest) = sorted.last() else {
            return format!("{what}: nothing measured");
        };
        let at = |percent| milliseconds(percentile(&sorted, percent));
        format!(
            "{what}: n={} p50={} ms p99={} ms max={} ms",
            sorted.len(),
            at(50),
            at(99),
            milliseconds(*longest)
        )
    }
}

/// The smallest that so many percent are not above.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted[rank.max(1) - 1]
}

pub(crate) fn milliseconds(time: Duration) -> u128 {
    time.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
    }
}
