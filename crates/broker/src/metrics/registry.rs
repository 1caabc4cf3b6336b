//! All metrics of a node.

use std::fmt;

use parking_lot::Mutex;

use super::fetches::FetchMetrics;
use super::network::{MemoryMetrics, NetworkMetrics};
use super::page::{Page, Type};
use super::process;
use super::requests::RequestMetrics;

/// What a node counts. One for each node, shared by `Arc`.
#[derive(Default)]
pub struct Metrics {
    /// By API.
    pub requests: RequestMetrics,
    /// Records that were read.
    pub fetches: FetchMetrics,
    /// Connections.
    pub network: NetworkMetrics,
    /// Requests that wait for memory.
    pub memory: MemoryMetrics,
    /// Asked at each scrape. The lock is held while they answer, and taken with no other.
    collectors: Mutex<Vec<Collector>>,
}

type Collector = Box<dyn Fn(&mut Page) + Send + Sync>;

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Metrics {
        Metrics::default()
    }

    /// Has this asked at each scrape, for what others count or what is only known then. It runs on a
    /// network thread: it must not block, and its label values must be bounded.
    pub fn collect(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        self.collectors.lock().push(Box::new(collector));
    }

    /// Everything, as Prometheus reads it.
    pub fn render(&self) -> String {
        let mut page = Page::default();
        page.family(
            "ottla_build_info",
            Type::Gauge,
            "Always 1; which version runs is in its label.",
        )
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.requests.write(&mut page);
        self.fetches.write(&mut page);
        self.network.write(&mut page);
        self.memory.write(&mut page);
        for collector in self.collectors.lock().iter() {
            collector(&mut page);
        }
        process::write(&mut page);
        page.into_text()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::exposition::parse;
    use crate::metrics::{Histogram, Refusal};

    fn value(metrics: &Metrics, series: &str) -> f64 {
        let samples = parse(&metrics.render());
        let found = samples.iter().find(|(name, _)| name == series);
        found.unwrap_or_else(|| panic!("{series} in {samples:?}")).1
    }

    #[test]
    fn connections_open_are_those_not_yet_closed() {
        let metrics = Metrics::new();
        for _ in 0..3 {
            metrics.network.opened();
        }
        metrics.network.closed();
        metrics.network.malformed();
        metrics.network.refused(Refusal::TooMany);
        metrics.network.refused(Refusal::TooManyPerIp);
        metrics.memory.waited();
        assert_eq!(value(&metrics, "ottla_connections"), 2.0);
        assert_eq!(value(&metrics, "ottla_connections_opened_total"), 3.0);
        assert_eq!(value(&metrics, "ottla_connections_malformed_total"), 1.0);
        let refused = "ottla_connections_refused_total{limit=\"max.connections\"}";
        assert_eq!(value(&metrics, refused), 1.0);
        assert_eq!(value(&metrics, "ottla_request_memory_waits_total"), 1.0);
    }

    #[test]
    fn collectors_are_asked_at_each_scrape() {
        let metrics = Metrics::new();
        let flushes = std::sync::Arc::new(Histogram::default());
        let seen = flushes.clone();
        metrics.collect(move |page| {
            page.histogram("ottla_flush_seconds", "Time of a flush.", &seen.snapshot());
        });
        assert_eq!(value(&metrics, "ottla_flush_seconds_count"), 0.0);
        flushes.observe(Duration::from_millis(1));
        assert_eq!(value(&metrics, "ottla_flush_seconds_count"), 1.0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_tells_what_it_takes() {
        let metrics = Metrics::new();
        assert!(value(&metrics, "process_resident_memory_bytes") > 100_000.0);
        assert!(value(&metrics, "process_cpu_seconds_total") >= 0.0);
        assert!(value(&metrics, "process_open_fds") >= 3.0);
    }
}
