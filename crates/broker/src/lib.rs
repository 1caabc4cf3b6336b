//! Part of Ottla.

pub mod config;
