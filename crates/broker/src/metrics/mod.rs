//! What a node counts about itself, and how a scrape reads it.
//!
//! Reading order: `counter` and `histogram` (what is written on the way of a request),
//! `requests`, `fetches` and `network` (the counters there are), `registry` (all of them, and the gauges
//! that are asked for at a scrape), `page` (the text of Prometheus).

mod counter;
mod fetches;
mod histogram;
mod network;
mod page;
mod process;
mod registry;
mod requests;

#[cfg(test)]
pub(crate) mod exposition;

pub use counter::Counter;
pub use fetches::FetchMetrics;
pub use histogram::{Histogram, Snapshot};
pub use network::{MemoryMetrics, NetworkMetrics, Refusal};
pub use page::{Family, Page, Type};
pub use registry::Metrics;
pub use requests::RequestMetrics;
