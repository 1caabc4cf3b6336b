//! A node: its parts, started and stopped in order.
//!
//! - [`start`]: from a configuration to a node that serves;
//! - [`doors`]: the ports that it takes;
//! - [`seeking`]: from the brokers it was told of to its cluster;
//! - [`answerers`]: who answers which questions of other brokers;
//! - [`store`]: its log directory, its peers, and the metadata's log;
//! - [`meeting`]: whom it meets;
//! - [`founding`]: whose directory it is, and making the cluster know this broker;
//! - [`strays`]: logs that nobody has any more;
//! - [`handing_over`]: the partitions that a node that stops leads, given to others;
//! - [`stop`]: from a node that serves to logs that are closed;
//! - [`gauges`]: what the parts tell at a scrape.

mod answerers;
mod doors;
mod founding;
mod gauges;
mod handing_over;
mod meeting;
mod seeking;
mod start;
mod stop;
mod store;
mod strays;

pub use meeting::Meeting;
pub use start::{Node, NodeOptions, StartError};

#[cfg(test)]
mod cluster_tests;
#[cfg(test)]
mod failing_disk_tests;
#[cfg(test)]
mod quorum_tests;
#[cfg(test)]
pub(crate) mod test_cluster;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod throttle_tests;
