//! The Kafka wire protocol, without IO: framing, requests, responses, record batches.

pub mod records;
