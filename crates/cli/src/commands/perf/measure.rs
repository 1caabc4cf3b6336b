//! Counts and latencies of a run, told now and then on standard error and in the end on standard output.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::Output;

/// How often the last interval is told of.
const EVERY: Duration = Duration::from_secs(1);
/// Latencies above an hour count as one.
const LATENCY_US_MAX: u64 = 3_600_000_000;
/// Digits of a latency that are right.
const DIGITS: u8 = 3;
/// The percentiles told, and their names.
const PERCENTILES: [(&str, f64); 4] =
    [("p50", 50.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9)];

/// What was seen in some time.
struct Span {
    since: Instant,
    records: u64,
    bytes: u64,
    latencies_us: Histogram<u64>,
}

/// What was seen in the last interval, and in all.
pub(super) struct Measure {
    all: Span,
    interval: Span,
}

impl Measure {
    pub(super) fn start(now: Instant) -> Self {
        Measure {
            all: Span::new(now),
            interval: Span::new(now),
        }
    }

    /// Takes note of a record that arrived.
    pub(super) fn arrived(&mut self, bytes: usize, latency: Option<Duration>) {
        for span in [&mut self.all, &mut self.interval] {
            span.records += 1;
            span.bytes += bytes as u64;
            if let Some(latency) = latency {
                let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                span.latencies_us.saturating_record(us.max(1));
            }
        }
    }

    pub(super) fn records(&self) -> u64 {
        self.all.records
    }

    /// Tells of the interval if it is over.
    pub(super) fn look(&mut self, now: Instant) {
        if now.duration_since(self.interval.since) >= EVERY {
            let at = now.duration_since(self.all.since).as_secs_f64();
            eprintln!("{at:.0} s: {}", self.interval.text(now));
            self.interval = Span::new(now);
        }
    }

    /// Tells of all on standard output.
    pub(super) fn print(&self, as_json: bool, now: Instant) -> Result<(), Failure> {
        let mut output = Output::new();
        if as_json {
            output.json(&self.all.to_json(now))?;
        } else {
            output.line(&self.all.text(now))?;
        }
        Ok(output.finish()?)
    }
}

impl Span {
    fn new(now: Instant) -> Self {
        let latencies_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS);
        Span {
            since: now,
            records: 0,
            bytes: 0,
            latencies_us: latencies_us.expect("these bounds make sense"),
        }
    }

    /// Seconds, records a second and MiB a second.
    fn rates(&self, now: Instant) -> (f64, f64, f64) {
        let seconds = now.duration_since(self.since).as_secs_f64().max(0.000_001);
        let mib = self.bytes as f64 / (1024.0 * 1024.0);
        (seconds, self.records as f64 / seconds, mib / seconds)
    }

    fn text(&self, now: Instant) -> String {
        let (_, records_s, mib_s) = self.rates(now);
        let rates = format!(
            "{} records, {records_s:.0} records/s, {mib_s:.2} MiB/s",
            self.records
        );
        if self.latencies_us.is_empty() {
            return rates;
        }
        let ms = |us: u64| us as f64 / 1000.0;
        let percentiles = PERCENTILES.map(|(name, percentile)| {
            format!(
                "{name} {:.2}",
                ms(self.latencies_us.value_at_percentile(percentile))
            )
        });
        let max = ms(self.latencies_us.max());
        format!(
            "{rates}, latency in ms: {}, max {max:.2}",
            percentiles.join(", ")
        )
    }

    fn to_json(&self, now: Instant) -> Value {
        let (seconds, records_s, mib_s) = self.rates(now);
        let ms = |us: u64| us as f64 / 1000.0;
        let latency = (!self.latencies_us.is_empty()).then(|| {
            let mut told = serde_json::Map::new();
            for (name, percentile) in PERCENTILES {
                let us = self.latencies_us.value_at_percentile(percentile);
                told.insert(name.to_owned(), ms(us).into());
            }
            told.insert("max".to_owned(), ms(self.latencies_us.max()).into());
            told.insert(
                "mean".to_owned(),
                (self.latencies_us.mean() / 1000.0).into(),
            );
            told
        });
        json!({
            "records": self.records,
            "bytes": self.bytes,
            "seconds": seconds,
            "records_per_second": records_s,
            "mib_per_second": mib_s,
            "latency_ms": latency,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_percentiles_are_of_what_arrived() {
        let start = Instant::now();
        let mut measure = Measure::start(start);
        for ms in 1..=1000 {
            measure.arrived(1024, Some(Duration::from_millis(ms)));
        }
        let json = measure.all.to_json(start + Duration::from_secs(2));
        assert_eq!(
            (&json["records"], &json["records_per_second"]),
            (&1000.into(), &500.0.into())
        );
        let near = |name: &str, ms: f64| {
            let told = json["latency_ms"][name].as_f64().unwrap();
            assert!((told - ms).abs() <= ms / 500.0, "{name} {told}");
        };
        near("p50", 500.0);
        near("p99", 990.0);
        near("max", 1000.0);
        assert_eq!(measure.records(), 1000);
    }

    #[test]
    fn without_latencies_only_rates_are_told() {
        let start = Instant::now();
        let mut measure = Measure::start(start);
        measure.arrived(1 << 20, None);
        let text = measure.all.text(start + Duration::from_secs(1));
        assert_eq!(text, "1 records, 1 records/s, 1.00 MiB/s");
    }
}
