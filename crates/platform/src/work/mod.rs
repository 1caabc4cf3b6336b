//! Threads as a door: work that blocks, workers with a thread of their own, and tasks that must not
//! wait behind others.
//!
//! Everything here has two forms of the same shape. [`threads`] is the real one. The simulator has
//! one thread for all nodes: there what would block another thread is a task that takes a seeded
//! time, and what runs in it is the same code.

#[cfg(not(ottla_sim))]
mod threads;
#[cfg(not(ottla_sim))]
use threads as form;

#[cfg(ottla_sim)]
mod tasks;
#[cfg(ottla_sim)]
use tasks as form;

mod next;

pub use form::{Bell, HAS_THREADS, OwnThread, Worker, blocking, may_wait_here};
pub use next::Next;
