//! Part of Ottla.

pub mod config;
pub mod metrics;
