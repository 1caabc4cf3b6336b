//! What one broker knows and does about the others on behalf of all its groups.
//!
//! Liveness is a matter of nodes, not of groups: an idle group costs nothing. Each broker sends
//! each other a beat; what comes back in time says that both directions work. With its beats it
//! says which groups it leads, so that every broker knows the leader of every group, and a group
//! whose leader is gone, or says that it leads no more, is given a new one by its replicas.
//!
//! - [`registry`]: the groups that have a replica here;
//! - [`attention`]: which of them are to be looked at;
//! - [`leaders`]: who leads which group, of all groups;
//! - [`claims`]: which groups this broker leads, and what others have yet to be told of it;
//! - [`beat`]: a beat as bytes;
//! - [`liveness`]: who is alive, a pure judge of echoes;
//! - [`elections`]: who should stand for election when, a pure planner;
//! - [`members`]: who should have a group's log and vote, a pure planner;
//! - [`mending`]: what is damaged in a log, from who has it;
//! - [`seals`]: telling followers the last that is committed;
//! - [`service`]: what is done with the requests of others;
//! - [`looking`]: the task that looks after the groups;
//! - [`supervisor`]: this broker among the others, and the beats.

mod attention;
mod beat;
mod claims;
mod compacted;
mod elections;
mod in_sync;
mod leaders;
mod liveness;
mod looking;
mod members;
mod mending;
mod registry;
mod seals;
mod service;
mod supervisor;
#[cfg(test)]
mod tests;

pub(crate) use attention::Bell;
pub use leaders::{Leader, Leaders};
pub use members::ReplicaKey;
pub(crate) use members::{Members, Step, is_other};
pub use registry::Held;
pub(crate) use registry::Replica;
pub use supervisor::{Cluster, ClusterOptions, Timing};
