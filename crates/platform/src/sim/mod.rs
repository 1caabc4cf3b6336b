//! A simulated disk: a file system in memory that loses what was not synced.
//!
//! Not a test module, because other crates' tests and the cluster simulator use it. In reading
//! order: one file's bytes and what of them is durable, the tree of names, the disk,
//! an open file.

mod disk;
mod file;
mod inode;
#[cfg(test)]
mod tests;
mod tree;

pub use disk::{SimDisk, SimFaults};
