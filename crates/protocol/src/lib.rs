//! The wire: what Kafka's clients and this broker say to each other, byte for byte.
//!
//! Everything here is pure: bytes in, values out. No sockets, no clock, no files.
//! In reading order:
//!
//! - [`types`]: identifiers that cross the wire and the whole code base;
//! - [`error`]: Kafka's error codes;
//! - [`limits`]: every bound on what a peer can make us do;
//! - [`frame`]: cutting a byte stream into frames;
//! - [`wire`]: the primitive encodings, with checked reads;
//! - [`fields`]: the fields of records in the logs of our state machines, owned;
//! - [`shape`]: the bounded walk that a body must survive before anything is allocated for it;
//! - [`messages`]: the message types, Kafka's and the few that kafka-protocol lacks;
//! - [`api`]: the one table of APIs and versions served;
//! - [`header`], [`request`], [`response`]: a frame to a request, a response to a frame;
//! - [`fetch`]: the Fetch response, written as a head and slices of the log;
//! - [`records`]: record batches;
//! - [`exchange`]: the client's side of the same;
//! - [`records`]: record batches, what makes one acceptable, codecs with limits;
//! - [`compatibility`]: the table of served APIs as a document.

pub mod api;
pub mod compatibility;
pub mod error;
pub mod exchange;
pub mod fetch;
pub mod fields;
pub mod frame;
pub mod header;
pub mod limits;
pub mod messages;
mod outgoing;
pub mod records;
pub mod request;
pub mod response;
pub mod shape;
pub mod types;
pub mod wire;
#[cfg(test)]
mod wire_vectors;

pub use error::ErrorCode;
pub use types::{NodeId, TopicId};
