//! Handlers of the APIs about configurations: of topics, brokers, groups and log lines.
//!
//! - `resource`: what has configurations, and who may see or change them;
//! - [`describe_configs`], `entries`: what they are;
//! - [`alter_configs`], [`incremental_alter_configs`], `alteration`: how they change;
//! - [`list_config_resources`]: what has any.

pub mod alter_configs;
mod alteration;
pub mod describe_configs;
mod entries;
pub mod incremental_alter_configs;
pub mod list_config_resources;
mod resource;

#[cfg(test)]
mod tests;
