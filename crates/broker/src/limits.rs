//! Every bound of the node that is not a setting, by name.
//!
//! Settings live in `config`; what a single frame may make the decoder do is bounded in
//! `ottla_protocol::limits`. A number that bounds a queue, a cache or a wait in this crate stands here.

use std::time::Duration;

/// Requests of one connection whose replies are still due. Only produces overlap, so this bounds the
/// produces that one client may have under way; the next one waits in the socket.
pub const IN_FLIGHT_PER_CONNECTION_MAX: usize = 64;

/// Reply bytes of one connection that wait for its socket before its next request is looked at. What
/// a fetch sends are slices of the log, so this bounds encoded heads, not memory for records.
pub const UNSENT_REPLY_BYTES_MAX: usize = 1 << 20;

/// Slices handed to the socket in one call; what Linux takes at most is 1,024.
pub const SLICES_PER_WRITE_MAX: usize = 64;

/// A frame larger than this is read into a buffer of its own, of its exact size.
pub const SHARED_READ_BYTES_MAX: usize = 64 * 1024;

/// How long a peer may stop in the middle of a frame. Its bytes are reserved by then, and others may
/// be waiting for them.
pub const STALLED_FRAME_MAX: Duration = Duration::from_secs(30);

/// How long replies that are due may take to leave at shutdown.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long an accept loop rests after the system refused it a socket (no descriptors left).
pub const ACCEPT_REST: Duration = Duration::from_millis(100);
