//! The checker: which promises a history breaks. Pure. One file for each promise, and one for those about
//! transactions, with their tests on planted histories.

mod corrupt;
mod died;
mod duplicate;
mod findings;
mod gaps;
mod inconsistent;
mod lost;
mod nonmonotonic;
mod reorder;
mod stale;
mod stuck;
#[cfg(test)]
mod testing;
mod transactions;
mod unseen;

use crate::history::History;

pub(crate) use findings::Findings;
pub(crate) use stuck::STUCK_AFTER;

/// What is amiss, by promise. Empty: nothing.
pub(crate) fn judge(history: &History) -> Vec<Findings> {
    const PROMISES: [fn(&History) -> Findings; 15] = [
        lost::check,
        duplicate::check,
        reorder::check,
        gaps::check,
        inconsistent::check,
        nonmonotonic::check,
        unseen::check,
        stale::check,
        stuck::check,
        corrupt::check,
        died::check,
        transactions::half,
        transactions::lost,
        transactions::twice,
        transactions::aborted,
    ];
    let all = PROMISES.iter().map(|check| check(history));
    all.filter(|findings| findings.count() > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_as_it_should_be_has_nothing_amiss() {
        let findings = judge(&testing::good_run());
        assert!(findings.is_empty(), "{findings:?}");
    }
}
