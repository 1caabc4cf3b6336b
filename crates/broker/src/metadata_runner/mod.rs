//! The cluster's metadata on this node: the state machine that decides it, on the log that holds it.
//!
//! - [`handle`]: how the rest of the node asks for changes;
//! - [`records`]: the machine's records as the log holds them;
//! - [`following`]: what becomes of each new image.

mod following;
mod handle;
mod records;

pub use following::Following;
pub use handle::{Answer, MetadataHandle};
