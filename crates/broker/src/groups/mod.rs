//! Consumer groups on this node.
//!
//! - [`placement`]: which partition of `__consumer_offsets` holds a group;
//! - [`records`]: the machine's records as that partition holds them;
//! - [`shards`]: the machines of the partitions that are here, and how they are asked.

mod placement;
mod records;
mod shards;

pub use placement::{OFFSETS_TOPIC, partition_of};
pub use shards::{Following, GroupShards};
