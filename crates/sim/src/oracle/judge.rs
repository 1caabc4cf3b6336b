//! All promises, one after the other.

use super::{
    acked_never_lost, commits_stay, everything_progresses_after_heal, group_one_owner, hw_monotone,
    newest_stays, no_aborted_read, no_duplicate, no_stuck_lso, nothing_damaged, nothing_invented,
    nothing_twice, nothing_unseen, offsets_gapless, raft_log_matching, reads_stay, replicas_agree,
    txn_atomic,
};
use crate::history::{Broken, History};

type Check = fn(&History) -> Vec<String>;

const PROMISES: &[(&str, Check)] = &[
    ("acked_never_lost", acked_never_lost::check),
    ("offsets_gapless", offsets_gapless::check),
    ("replicas_agree", replicas_agree::where_replicas_differ),
    ("raft_log_matching", raft_log_matching::check),
    ("hw_monotone", hw_monotone::check),
    ("reads_stay", reads_stay::check),
    ("nothing_twice", nothing_twice::check),
    ("nothing_invented", nothing_invented::check),
    ("nothing_damaged", nothing_damaged::check),
    ("nothing_unseen", nothing_unseen::check),
    ("commits_stay", commits_stay::check),
    ("group_one_owner", group_one_owner::check),
    ("newest_stays", newest_stays::check),
    ("no_aborted_read", no_aborted_read::check),
    ("txn_atomic", txn_atomic::check),
    ("no_duplicate", no_duplicate::check),
    ("no_stuck_lso", no_stuck_lso::check),
    (
        "everything_progresses_after_heal",
        everything_progresses_after_heal::check,
    ),
];

/// What the run did not keep.
pub fn judge(history: &History) -> Vec<Broken> {
    let broken = PROMISES.iter().flat_map(|(promise, check)| {
        let seen = check(history).into_iter();
        seen.map(|seen| Broken { promise, seen })
    });
    broken.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{acknowledged, good_run};

    #[test]
    fn a_good_run_keeps_all_promises() {
        assert_eq!(judge(&good_run()), []);
    }

    #[test]
    fn what_is_broken_is_named() {
        let mut run = good_run();
        run.events.push(acknowledged(9, 1));
        assert_eq!(judge(&run)[0].promise, "acked_never_lost");
    }
}
