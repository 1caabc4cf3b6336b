//! The network as a door.
//!
//! - [`options`]: how a listener's connections queue;
//! - [`tcp`]: what accepts, what connects; in the simulator, `simulated`;
//! - [`vectored`]: writing many slices with few system calls.

mod options;
#[cfg(ottla_sim)]
mod simulated;
#[cfg(not(ottla_sim))]
mod tcp;
mod vectored;

pub use options::ListenOptions;
#[cfg(ottla_sim)]
pub use simulated::{Listener, Reserved, Socket, connect, poll_readable};
#[cfg(not(ottla_sim))]
pub use tcp::{Listener, Reserved, Socket, connect, poll_readable};
pub use vectored::write_all;
