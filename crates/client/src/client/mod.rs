//! The cluster as one thing to talk to. In reading order:
//!
//! - [`handle`]: the client itself: whom to ask, and asking;
//! - [`metadata`]: the cached view of the cluster and its renewal;
//! - [`retry`]: trying again;
//! - [`pool`]: the connections.

mod handle;
mod metadata;
mod pool;
mod retry;

#[cfg(test)]
mod tests;

pub use handle::Client;
pub use metadata::IfMissing;
