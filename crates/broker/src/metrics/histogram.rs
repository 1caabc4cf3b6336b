//! How long things took, in fixed buckets.
//!
//! Invariants: each observation is in exactly one bucket, so that the count of a snapshot is the sum
//! of its buckets however many threads observe meanwhile; the sum may be a moment ahead or behind.

use std::time::Duration;

use super::counter::Counter;

/// Upper bounds of the buckets in microseconds; a last bucket holds what is longer. They reach from
/// an append that waits for nothing to a fetch that waits as long as clients commonly ask.
const BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// Durations by bucket.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Counter; BOUNDS_US.len() + 1],
    sum_ns: Counter,
}

/// A histogram at one moment; also the form in which other crates' histograms reach a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Upper bound of each bucket but the last, rising.
    pub bounds_seconds: Vec<f64>,
    /// Observations in each bucket alone, one more than bounds.
    pub counts: Vec<u64>,
    /// All observations together.
    pub sum_seconds: f64,
}

impl Histogram {
    /// Counts something that took this long.
    pub fn observe(&self, elapsed: Duration) {
        let elapsed_us = elapsed.as_micros();
        let bucket = BOUNDS_US.partition_point(|bound| u128::from(*bound) < elapsed_us);
        self.buckets[bucket].increment();
        self.sum_ns
            .add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What has been counted so far.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            bounds_seconds: BOUNDS_US
                .iter()
                .map(|bound| Duration::from_micros(*bound).as_secs_f64())
                .collect(),
            counts: self.buckets.iter().map(Counter::get).collect(),
            sum_seconds: Duration::from_nanos(self.sum_ns.get()).as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_upper_bound() {
        for (elapsed_us, bucket) in [
            (0, 0),
            (100, 0),
            (101, 1),
            (10_000_000, 15),
            (10_000_001, 16),
        ] {
            let histogram = Histogram::default();
            histogram.observe(Duration::from_micros(elapsed_us));
            let counts = histogram.snapshot().counts;
            assert_eq!(counts[bucket], 1, "{elapsed_us} µs in {counts:?}");
            assert_eq!(counts.iter().sum::<u64>(), 1);
        }
    }

    #[test]
    fn what_is_observed_adds_up() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_millis(3));
        histogram.observe(Duration::from_secs(60));
        let snapshot = histogram.snapshot();
        assert!((snapshot.sum_seconds - 60.003).abs() < 1e-9);
        assert_eq!(snapshot.counts.len(), snapshot.bounds_seconds.len() + 1);
        assert!(snapshot.bounds_seconds.is_sorted());
    }
}
