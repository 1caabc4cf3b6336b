//! Every bound on what a peer can make this code do, by name.
//!
//! They bound memory and time per frame, not per connection or process: how many frames are in flight is the
//! network layer's business.

/// The largest frame taken unless configured otherwise (`socket.request.max.bytes`).
pub const FRAME_BYTES_MAX_DEFAULT: usize = 100 * 1024 * 1024;

/// Array elements and unknown tagged fields in one body, all nesting levels together. Bounds the time of a walk.
///
/// A fetch of 200,000 partitions with their topics is a quarter of it.
pub const ELEMENTS_MAX: u32 = 1 << 20;

/// Memory that the structures of one decoded body may take, beside the frame they point into.
///
/// 100 MiB of one-byte elements would be up to 20 GB of structures; this is what stands before it. An honest
/// request of this size names about half a million partitions.
pub const DECODED_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// The longest client id that is kept. Longer ones are legal and are cut here: they are only shown and counted.
pub const CLIENT_ID_BYTES_MAX: usize = 1024;

/// Unknown tagged fields in a request header. Kafka defines none; a peer from the future may have a few.
pub const HEADER_TAGGED_FIELDS_MAX: u32 = 64;
