//! Connections and the memory that their requests share.

use super::counter::Counter;
use super::page::{Page, Type};

/// Connections as they come and go.
#[derive(Debug, Default)]
pub struct NetworkMetrics {
    opened: Counter,
    closed: Counter,
    malformed: Counter,
    too_many: Counter,
    too_many_per_ip: Counter,
}

/// Why a connection was not served at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `max.connections` is reached.
    TooMany,
    /// `max.connections.per.ip` is reached.
    TooManyPerIp,
}

/// Requests that had to wait for memory.
#[derive(Debug, Default)]
pub struct MemoryMetrics {
    waits: Counter,
}

impl NetworkMetrics {
    /// A connection is served from now on; [`NetworkMetrics::closed`] follows once.
    pub fn opened(&self) {
        self.opened.increment();
    }

    /// A connection that was served is gone.
    pub fn closed(&self) {
        self.closed.increment();
    }

    /// A connection is closed for what its peer sent.
    pub fn malformed(&self) {
        self.malformed.increment();
    }

    /// A connection is closed before anything was read.
    pub fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::TooMany => self.too_many.increment(),
            Refusal::TooManyPerIp => self.too_many_per_ip.increment(),
        }
    }

    pub(super) fn write(&self, page: &mut Page) {
        // Read in this order, a connection that closes meanwhile is not counted as minus one.
        let closed = self.closed.get();
        let opened = self.opened.get();
        page.gauge(
            "ottla_connections",
            "Client connections open now.",
            opened.saturating_sub(closed),
        );
        page.counter(
            "ottla_connections_opened_total",
            "Client connections accepted.",
            opened,
        );
        page.family(
            "ottla_connections_refused_total",
            Type::Counter,
            "Client connections closed before anything was read, by limit.",
        )
        .sample(&[("limit", "max.connections")], self.too_many.get())
        .sample(
            &[("limit", "max.connections.per.ip")],
            self.too_many_per_ip.get(),
        );
        page.counter(
            "ottla_connections_malformed_total",
            "Client connections closed for a request that could not be read.",
            self.malformed.get(),
        );
    }
}

impl MemoryMetrics {
    /// A request waits until others give memory back.
    pub fn waited(&self) {
        self.waits.increment();
    }

    pub(super) fn write(&self, page: &mut Page) {
        page.counter(
            "ottla_request_memory_waits_total",
            "Requests that waited until others gave memory back.",
            self.waits.get(),
        );
    }
}
