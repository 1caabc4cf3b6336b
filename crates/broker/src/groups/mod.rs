//! Consumer groups on this node.
//!
//! - [`lag`]: how far they are behind, for the metrics;
//! - [`records`]: the machine's records as that partition holds them;
//! - [`shards`]: the machines of the partitions that are here, and how they are asked.

mod lag;
mod records;
mod shards;

pub use lag::{Lag, LagMeter, Lags};
pub use shards::{GroupShards, start};
