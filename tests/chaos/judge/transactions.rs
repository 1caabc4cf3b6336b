//! Transactions: what is committed is read in all partitions that it wrote to, once; what is aborted in none, at no
//! time; and what nobody knows the end of in all or in none.

use super::Findings;
use crate::history::{History, Transfer};

/// One that wrote here and not there.
pub(super) fn half(history: &History) -> Findings {
    let mut findings = Findings::of("half transactions");
    for (number, transfer, found) in in_the_end(history) {
        let missing = transfer.partitions.iter().any(|it| found[*it] == 0);
        if missing && found.iter().any(|times| *times > 0) {
            findings.add(|| told(number, transfer, &found));
        }
    }
    findings
}

/// One that was committed and is not there.
pub(super) fn lost(history: &History) -> Findings {
    let mut findings = Findings::of("lost transactions");
    for (number, transfer, found) in in_the_end(history) {
        if transfer.is_committed && found.iter().all(|times| *times == 0) {
            findings.add(|| told(number, transfer, &found));
        }
    }
    findings
}

/// One that is there twice.
pub(super) fn twice(history: &History) -> Findings {
    let mut findings = Findings::of("transactions that are there twice");
    for (number, transfer, found) in in_the_end(history) {
        if found.iter().any(|times| *times > 1) {
            findings.add(|| told(number, transfer, &found));
        }
    }
    findings
}

/// One that was aborted and was read, at any time.
pub(super) fn aborted(history: &History) -> Findings {
    let mut findings = Findings::of("aborted reads");
    let reads = history.committed_reads.iter();
    for number in reads.chain(history.bank.iter().flatten()) {
        let transfer = history.transfers.get(*number);
        if transfer.is_none_or(|it| it.is_aborted) {
            findings.add(|| format!("transaction {number} was read: {transfer:?}"));
        }
    }
    findings
}

/// Each transaction, and how often the last reader found it, by partition.
fn in_the_end(history: &History) -> Vec<(usize, &Transfer, Vec<usize>)> {
    if history.bank.is_empty() {
        return Vec::new();
    }
    let mut found = vec![vec![0; history.bank.len()]; history.transfers.len()];
    for (partition, numbers) in history.bank.iter().enumerate() {
        for number in numbers {
            if let Some(found) = found.get_mut(*number) {
                found[partition] += 1;
            }
        }
    }
    let transfers = history.transfers.iter().enumerate().zip(found);
    let all = transfers.map(|((number, transfer), found)| (number, transfer, found));
    all.collect()
}

fn told(number: usize, transfer: &Transfer, found: &[usize]) -> String {
    format!("transaction {number} is found {found:?} times: {transfer:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::good_run;

    fn transfer(partitions: &[usize], is_committed: bool, is_aborted: bool) -> Transfer {
        Transfer {
            partitions: partitions.to_vec(),
            is_committed,
            is_aborted,
        }
    }

    /// A committed one, an aborted one, and two of which nobody knows.
    fn run() -> History {
        History {
            transfers: vec![
                transfer(&[0, 1], true, false),
                transfer(&[0, 2], false, true),
                transfer(&[1, 2], false, false),
                transfer(&[0, 1], false, false),
            ],
            bank: vec![vec![0], vec![0, 2], vec![2]],
            committed_reads: vec![0, 0, 2],
            ..good_run()
        }
    }

    fn counts(history: &History) -> [u64; 4] {
        [half, lost, twice, aborted].map(|check| check(history).count())
    }

    #[test]
    fn whole_ones_or_none_are_as_it_should_be() {
        assert_eq!(counts(&run()), [0; 4]);
    }

    #[test]
    fn what_is_amiss_is_seen() {
        let mut half = run();
        half.bank[2].clear();
        assert_eq!(counts(&half), [1, 0, 0, 0]);
        let mut lost = run();
        lost.bank[0].clear();
        lost.bank[1] = vec![2];
        assert_eq!(counts(&lost), [0, 1, 0, 0]);
        let mut twice = run();
        twice.bank[1].push(0);
        assert_eq!(counts(&twice), [0, 0, 1, 0]);
        let mut aborted = run();
        aborted.committed_reads.push(1);
        assert_eq!(counts(&aborted), [0, 0, 0, 1]);
        aborted.bank[0].push(1);
        aborted.bank[2].push(1);
        assert_eq!(counts(&aborted), [0, 0, 0, 3]);
    }

    #[test]
    fn of_a_bank_that_could_not_be_read_nothing_is_said() {
        let mut unread = run();
        unread.bank.clear();
        assert_eq!(counts(&unread), [0; 4]);
    }
}
