//! One socket to one broker. In reading order:
//!
//! - `handle`: the handle: versions agreed, typed requests, timeouts;
//! - `versions`: which version of each API both sides speak;
//! - `link`: frames in order over one stream, and the two tasks that move them;
//! - `waiting`: the requests without a response;
//! - `dial`: opening the socket.

mod dial;
mod handle;
mod link;
mod versions;
mod waiting;

#[cfg(test)]
mod tests;

pub use handle::{Connection, ConnectionOptions, Pending};
pub use versions::Versions;
