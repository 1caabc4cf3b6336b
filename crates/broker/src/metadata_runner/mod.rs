//! The cluster's metadata on this node: the state machine that decides it, on the log that holds it.
//!
//! - [`handle`]: how the rest of the node asks for changes;
//! - [`answering`]: how other brokers do;
//! - [`overseer`]: who is in service and who holds the metadata, as its leader sees it;
//! - [`quorum`]: who holds the metadata and how far, as its leader sees it;
//! - [`settler`]: replicas that have moved, as their leaders see it;
//! - [`records`]: the machine's records as the log holds them;
//! - [`following`]: what becomes of each new image.

mod answering;
mod following;
mod handle;
mod overseer;
mod quorum;
mod records;
mod settler;

pub use answering::Answering;
pub use following::{Following, Planner};
pub use handle::{Answer, MetadataHandle, Route};
pub use overseer::Overseer;
pub use quorum::{QuorumView, QuorumWatch, ReplicaView};
pub use settler::Settler;

/// The metadata's Raft group; partitions have higher ones.
pub const METADATA_GROUP_ID: u64 = 0;
/// The metadata log's topic, as Kafka's tools know it.
pub const METADATA_TOPIC: &str = "__cluster_metadata";
/// The endpoint under which a broker registers where it listens for brokers. No listener of clients
/// has this name: theirs are in upper case.
pub const PEER_LISTENER: &str = "peer";
