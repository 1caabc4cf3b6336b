//! The node: from sockets to partitions and back.
//!
//! In reading order:
//!
//! - [`config`]: what the node is told; [`settings`]: what a topic is told; [`limits`]: every other bound;
//! - [`node`]: starting and stopping, in order;
//! - [`net`]: sockets to requests, replies to sockets;
//! - [`dispatch`], [`context`], [`authorize`], [`handlers`]: what becomes of a request;
//! - [`errors`], [`features`], [`response_errors`]: which of Kafka's codes says what went wrong;
//! - [`fetch_session`], [`purgatory`], [`producer_ids`]: what handlers rest on;
//! - [`shard`]: a replicated state machine on the partition that holds its log;
//! - [`images`], [`metadata_runner`], [`partitions`], [`defaults`]: the cluster as it is, how it changes, what of it is
//!   here, and what topics get here where they do not say;
//! - [`groups`], [`transactions`]: consumer groups, transactions;
//! - [`chores`]: what is done by the clock;
//! - [`metrics`], [`http`], [`loggers`]: what the node tells of itself.

pub mod authorize;
pub mod chores;
pub mod config;
pub mod context;
pub mod defaults;
pub mod dispatch;
mod errors;
mod features;
pub mod fetch_session;
pub mod groups;
pub mod handlers;
pub mod http;
pub mod images;
mod leader;
pub mod limits;
pub mod loggers;
pub mod metadata_runner;
pub mod metrics;
pub mod net;
pub mod node;
pub mod partitions;
mod preferred;
pub mod producer_ids;
pub mod purgatory;
mod response_errors;
pub mod settings;
pub mod shard;
pub mod transactions;
