//! The whole cluster in one deterministic process: three nodes as they are, of which only the doors
//! to the operating system are other ones, under a network and disks that fail, and clients that
//! remember what they were told.
//!
//! One seed decides everything. In reading order:
//!
//! - [`history`]: what clients saw, in order, and what the disks held at the end;
//! - [`oracle`]: what must hold of it, one file for each promise;
//! - `world`, there only under `--cfg ottla_sim`: the nodes, the clients, what goes wrong, a run.
//!
//! `cargo xtask sim` builds and runs it; a build without that flag has the oracle and its tests.

pub mod history;
pub mod oracle;
#[cfg(ottla_sim)]
pub mod world;
