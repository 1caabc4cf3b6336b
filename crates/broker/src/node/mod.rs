//! A node: its parts, started and stopped in order.
//!
//! - [`start`]: from a configuration to a node that serves;
//! - [`founding`]: whose directory it is, and making the cluster know this broker;
//! - [`strays`]: logs that nobody has any more;
//! - [`stop`]: from a node that serves to logs that are closed;
//! - [`gauges`]: what the parts tell at a scrape.

mod founding;
mod gauges;
mod start;
mod stop;
mod strays;

pub use start::{Node, NodeOptions, StartError};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
