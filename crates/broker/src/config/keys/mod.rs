//! The settings that this broker obeys, by area. Every one of them reaches code that acts on it.

mod groups;
mod log;
mod network;
mod node;
mod table;
mod topics;
mod transactions;

pub use table::{all, find};
