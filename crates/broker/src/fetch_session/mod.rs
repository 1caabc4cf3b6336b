//! Incremental fetch sessions (KIP-227): what a consumer asked for last time, remembered, so that it
//! names only what changed and is told only what changed.
//!
//! Pure: the clock, randomness and the topics' names are arguments. In reading order:
//!
//! - [`session`]: the partitions of one session and what its consumer was last told;
//! - [`cache`]: the bounded set of sessions, and how a request begins and ends in it.

mod cache;
mod session;

pub use cache::{Begun, Context, FetchSessionCache, SessionReply, SessionRequest};
pub use session::{PartitionKey, PartitionRequest, Target, Told, TopicKey};
