//! The network as a door.
//!
//! - [`tcp`]: what accepts, what connects;
//! - [`vectored`]: writing many slices with few system calls.

mod tcp;
mod vectored;

pub use tcp::{ListenOptions, Listener, Reserved, Socket, connect};
pub use vectored::write_all;
