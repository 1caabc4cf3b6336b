//! The cluster's metadata on this node: the state machine that decides it, on the log that holds it.
//!
//! - [`handle`]: how the rest of the node asks for changes;
//! - [`log`]: the metadata partition's records, read and written;
//! - [`task`]: the one task that owns the state machine.

mod handle;
mod log;
mod task;

pub use handle::{Answer, MetadataHandle};
pub use log::MetadataLogError;
pub use task::{Following, MetadataRunner};
