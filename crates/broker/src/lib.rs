//! The node.

pub mod authorize;
pub mod config;
pub mod fetch_session;
pub mod limits;
pub mod metrics;
pub mod net;
