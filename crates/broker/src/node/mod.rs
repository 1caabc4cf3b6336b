//! A node: its parts, started and stopped in order.
//!
//! - [`start`]: from a configuration to a node that serves;
//! - [`founding`]: whose directory it is, and making the cluster know this broker;
//! - [`stop`]: from a node that serves to logs that are closed;
//! - [`gauges`]: what the parts tell at a scrape.

mod founding;
mod gauges;
mod start;
mod stop;

pub use start::{Node, NodeOptions, StartError};

#[cfg(test)]
pub(crate) mod testing;
