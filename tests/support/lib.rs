//! What the suites and the benches share: brokers as real processes, other people's tools, and a
//! test runner that can say why a case does not run.
//!
//! A broker is a process with a port here; of Ottla's code only the client is used, by [`client`].

mod archive;
pub mod broker;
pub mod client;
pub mod cluster;
pub mod compat;
pub mod document;
pub mod folders;
pub mod foreign;
pub mod java;
pub mod ports;
pub mod probe;
pub mod process;
pub mod scrape;
pub mod suite;
pub mod tool;
pub mod transactional;
pub mod trial;
pub mod wait;

pub use broker::{Broker, Kind, Settings};
pub use cluster::Cluster;
pub use suite::{Need, Suite};
pub use tool::{Finished, Tool};
