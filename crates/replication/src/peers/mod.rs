//! Raft between brokers: openraft's calls to a peer, over the transport, and what a peer does with
//! them.
//!
//! - [`wire`]: requests and replies as bytes;
//! - [`network`]: what openraft calls;
//! - [`service`]: what a broker does with the calls of others.

mod network;
mod service;
mod wire;

pub(crate) use network::Network;
pub(crate) use service::answer;
pub(crate) use wire::{decode_frames, encode_frames};
