//! Fetch: from a session's partitions to slices of their logs.
//!
//! - [`handle`]: one request, from its session to its reply;
//! - [`request`]: what is asked, as the session cache wants it;
//! - [`read`]: one round of reading, under the limits of the request;
//! - [`nearest`]: which replica a consumer is to read from;
//! - [`response`]: what was read, as the client wants it.

mod handle;
mod nearest;
mod read;
mod request;
mod response;

pub(crate) use handle::handle;
