//! Part of Ottla.

pub mod config;
pub mod http;
pub mod metrics;
