//! The histograms that openraft keeps of its own batches, small.
//!
//! The crate of this name builds 26 MB of tables when the first Raft group starts: twice of what the
//! whole broker needs to be idle. openraft shows what it counts only with its feature
//! `runtime-stats`, which is not used here, so buckets of powers of two are precise enough. This has
//! the part of that crate's interface that openraft calls.

use std::fmt;
use std::marker::PhantomData;

/// A bucket for zero and one for each number of significant bits.
const BUCKETS: usize = 65;

/// Counts values by their magnitude.
#[derive(Clone, Eq, PartialEq)]
pub struct Histogram<T = ()> {
    counts: [u32; BUCKETS],
    tag: PhantomData<T>,
}

/// Upper bounds of the values at some percentiles: `p99_9` is at 99.9 %.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[allow(missing_docs, reason = "their names say it")]
pub struct PercentileStats {
    pub samples: u64,
    pub p0_1: u64,
    pub p1: u64,
    pub p5: u64,
    pub p10: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_9: u64,
}

/// Histograms one under the other, a line each.
#[derive(Clone, Debug, Default)]
pub struct AsciiChart(Vec<(String, Histogram)>);

impl<T> Histogram<T> {
    /// Without values.
    #[must_use]
    pub fn new() -> Self {
        Histogram {
            counts: [0; BUCKETS],
            tag: PhantomData,
        }
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value so many times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        let count = &mut self.counts[(u64::BITS - value.leading_zeros()) as usize];
        *count = count.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
    }

    /// How many values there are and what they lie below.
    #[must_use]
    pub fn percentile_stats(&self) -> PercentileStats {
        let samples = self.counts.iter().map(|&count| u64::from(count)).sum();
        let at = |permille| self.upper_bound(samples, permille);
        PercentileStats {
            samples,
            p0_1: at(1),
            p1: at(10),
            p5: at(50),
            p10: at(100),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p99_9: at(999),
        }
    }

    fn upper_bound(&self, samples: u64, permille: u64) -> u64 {
        let wanted = (samples * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        let bits = self.counts.iter().position(|&count| {
            seen += u64::from(count);
            seen >= wanted
        });
        let largest = |bits| u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0);
        bits.map_or(0, |bits| largest(bits as u32))
    }
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Histogram::new()
    }
}

impl<T> fmt::Debug for Histogram<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.percentile_stats().fmt(f)
    }
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PercentileStats {
            samples, p50, p99, ..
        } = self;
        write!(f, "{samples} values, half below {p50}, 99 % below {p99}")
    }
}

impl AsciiChart {
    /// Without histograms.
    #[must_use]
    pub fn new() -> Self {
        AsciiChart::default()
    }

    /// With one more, below the others.
    #[must_use]
    #[allow(
        clippy::should_implement_trait,
        reason = "the name is the other crate's"
    )]
    pub fn add(mut self, name: impl Into<String>, histogram: Histogram) -> Self {
        self.0.push((name.into(), histogram));
        self
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, histogram) in &self.0 {
            writeln!(f, "{name}: {}", histogram.percentile_stats())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_upper_bounds() {
        let mut histogram = Histogram::<()>::new();
        assert_eq!(histogram.percentile_stats(), PercentileStats::default());
        histogram.record_n(1, 90);
        histogram.record_n(1000, 9);
        histogram.record(u64::MAX);
        let stats = histogram.percentile_stats();
        assert_eq!((stats.samples, stats.p50, stats.p90), (100, 1, 1));
        assert_eq!((stats.p99, stats.p99_9), (1023, u64::MAX));
    }
}
