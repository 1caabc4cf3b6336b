//! How a node is configured: sources in, a checked `Config` out.
//!
//! Reading order: `source` (flags, environment, file), `properties` (the file's syntax),
//! `key` and `keys` (what is obeyed), `kafka` (what is not), `settings` (who wins),
//! `listeners`, `build`, `print`.

mod address;
mod build;
mod environment;
mod error;
mod kafka;
mod key;
pub mod keys;
mod listeners;
mod nearest;
mod print;
pub mod properties;
mod report;
mod settings;
mod source;
mod typed;

#[cfg(test)]
mod tests;

pub use address::{AddressError, HostPort};
pub use build::Built;
pub use error::{ConfigError, ListenerFault, Problem, Why};
pub(crate) use kafka::is_setting;
pub use key::{Check, Fault, Key, Kind, Value};
pub use listeners::Listener;
pub use settings::KeyView;
pub use source::{Flags, PropertiesFile, Source, Sources};
pub use typed::{
    Config, FetchLimits, Flush, InternalTopic, LagLimits, LogDefaults, NetworkLimits,
    ProducerLimits, ReplicaSelector, TopicDefaults,
};
