//! The shapes of every request and response on a Kafka 4.4 broker's listener, named as Kafka names the messages.
//!
//! Made by `build.rs` from `facts/messages.tsv`.

#![allow(
    missing_docs,
    non_upper_case_globals,
    reason = "made from a table, named as Kafka names the messages"
)]

use super::{Element, Field, Kind, Shape, Struct, Versions};

include!(concat!(env!("OUT_DIR"), "/shapes.rs"));

/// A message of [`ALL`].
#[cfg(test)]
pub(crate) struct TableRow {
    pub(crate) api_key: i16,
    pub(crate) is_request: bool,
    pub(crate) versions: Versions,
    pub(crate) shape: &'static Shape,
}
