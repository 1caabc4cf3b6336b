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
