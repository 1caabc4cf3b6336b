//! The network layer: from accepted sockets to requests in order, from replies to bytes in order.
//!
//! It knows frames, not what requests mean: that is behind [`Service`]. In reading order:
//!
//! - [`service`], [`reply`]: what is served, and what comes back;
//! - [`listener`]: accepting connections within the configured limits;
//! - [`connection`]: the task of one connection;
//! - [`frames`], [`outbox`], [`memory`]: its parts: reading, writing, back-pressure;
//! - [`admission`], [`registry`]: who may connect, who is connected;
//! - [`end`]: how connections end, and the line that is logged about it.

mod admission;
mod connection;
mod end;
mod frames;
mod listener;
mod memory;
mod outbox;
mod registry;
mod reply;
mod service;

pub use listener::{Listening, Network};
pub use memory::RequestMemory;
pub use reply::{Answer, Reply};
pub use service::{Peer, Service};

#[cfg(test)]
mod tests;
