//! What must hold of every run. Each promise is a file with a `check` that returns what breaks it.

mod acked_never_lost;
mod commits_stay;
mod everything_progresses_after_heal;
mod group_one_owner;
mod hw_monotone;
mod judge;
mod newest_stays;
mod no_aborted_read;
mod no_duplicate;
mod no_stuck_lso;
mod nothing_damaged;
mod nothing_invented;
mod nothing_twice;
mod nothing_unseen;
mod offsets_gapless;
mod raft_log_matching;
mod reads_stay;
pub(crate) mod replicas_agree;
#[cfg(test)]
mod testing;
mod txn_atomic;

pub use judge::judge;
