//! What clients do, each on a host of its own.
//!
//! - [`begin`](mod@begin): who is there;
//! - [`reach`]: how they reach the cluster;
//! - [`writer`], [`reader`]: records, in and out;
//! - [`prober`]: asks where logs begin and end;
//! - [`trimmer`]: deletes records from the front;
//! - [`committer`]: commits a group's offsets, and asks for them;
//! - [`keeper`]: keeps values by key, in a topic that is compacted;
//! - [`member`]: shares partitions with the others of a group;
//! - [`topics`]: makes and deletes topics;
//! - [`mover`]: has replicas move, and the metadata's voters change.

mod bank;
mod begin;
mod committer;
mod keeper;
mod member;
mod mover;
mod prober;
mod reach;
mod reader;
mod topics;
mod trimmer;
mod writer;

pub(super) use begin::begin;
pub(super) use reader::value_of;
