//! Consumer groups on this node.
//!
//! - [`lag`]: how far they are behind, for the metrics;
//! - [`placement`]: which partition of `__consumer_offsets` holds a group;
//! - [`records`]: the machine's records as that partition holds them;
//! - [`shards`]: the machines of the partitions that are here, and how they are asked.

mod lag;
mod placement;
mod records;
mod shards;

pub use lag::{Lag, Lags};
pub use placement::{OFFSETS_TOPIC, partition_of};
pub use shards::{Following, GroupShards};
