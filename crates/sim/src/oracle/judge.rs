//! All promises, one after the other.

use super::{
    acked_never_lost, everything_progresses_after_heal, hw_monotone, nothing_twice,
    offsets_gapless, raft_log_matching, reads_stay, replicas_agree,
};
use crate::history::{Broken, History};

type Promise = (&'static str, fn(&History) -> Vec<String>);

/// What holds always.
const FORM: &[Promise] = &[
    ("offsets_gapless", offsets_gapless::check),
    ("raft_log_matching", raft_log_matching::check),
    (
        "everything_progresses_after_heal",
        everything_progresses_after_heal::check,
    ),
];

/// What holds as long as no disk loses what it was told not to wait for.
const CONTENT: &[Promise] = &[
    ("acked_never_lost", acked_never_lost::check),
    ("replicas_agree", replicas_agree::check),
    ("hw_monotone", hw_monotone::check),
    ("reads_stay", reads_stay::check),
    ("nothing_twice", nothing_twice::check),
];

/// What the run did not keep; `keeps_all`: whether it had to keep all that it had.
pub fn judge(history: &History, keeps_all: bool) -> Vec<Broken> {
    let content = CONTENT.iter().filter(|_| keeps_all);
    let broken = FORM.iter().chain(content).flat_map(|(promise, check)| {
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
        assert_eq!(judge(&good_run(), true), []);
    }

    #[test]
    fn what_is_broken_is_named() {
        let mut run = good_run();
        run.events.push(acknowledged(9, 1));
        assert_eq!(judge(&run, true)[0].promise, "acked_never_lost");
        assert_eq!(judge(&run, false), []);
    }
}
