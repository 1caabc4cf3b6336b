//! A simulated disk: a file system in memory that loses what was not synced. Under `ottla_sim` also
//! the simulator's clock, how a host fares, and what is left to chance.
//!
//! Not a test module, because other crates' tests and the cluster simulator use it. In reading
//! order: one file's bytes and what of them is durable, the tree of names, the disk,
//! an open file.

#[cfg(ottla_sim)]
mod chance;
#[cfg(ottla_sim)]
mod clock;
#[cfg(ottla_sim)]
mod conditions;
mod disk;
mod file;
mod inode;
#[cfg(test)]
mod tests;
mod tree;

#[cfg(ottla_sim)]
pub use chance::{chance, set_seed};
#[cfg(ottla_sim)]
pub use clock::SimClock;
#[cfg(ottla_sim)]
pub use conditions::Conditions;
pub use disk::{SimDisk, SimFaults};
