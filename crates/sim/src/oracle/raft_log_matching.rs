//! If two logs have an entry of the same index and term, it is the same entry, and so are all before
//! it: but what compaction has written anew, which is in the same term still.

use crate::history::{History, Replica, is_compacted};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, replicas) in history.replicas.iter().chain(&history.internal) {
        for (number, one) in replicas.iter().enumerate() {
            for other in &replicas[number + 1..] {
                if let Some(index) = mismatch(one, other, is_compacted(partition)) {
                    let (one, other) = (one.broker, other.broker);
                    broken.push(format!(
                        "{partition}: brokers {one} and {other} differ at index {index}, and have the same term there or later"
                    ));
                }
            }
        }
    }
    broken
}

/// The first index at or below the last one of a common term where the two differ.
fn mismatch(one: &Replica, other: &Replica, compacted: bool) -> Option<u64> {
    let common = |(index, entry): (&u64, &crate::history::Entry)| {
        let twin = other.entries.get(index)?;
        (twin.term == entry.term).then_some(*index)
    };
    let last = one.entries.iter().filter_map(common).next_back()?;
    let shared = one.entries.range(..=last);
    let mut both =
        shared.filter_map(|(index, entry)| Some((index, entry, other.entries.get(index)?)));
    both.find(|(_, entry, twin)| !compacted && entry.bytes != twin.bytes || entry.term != twin.term)
        .map(|(index, ..)| *index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{entry, good_run, replica};

    #[test]
    fn tails_of_different_terms_may_differ() {
        let mut run = good_run();
        let deposed = entry(1, 3, &[99]);
        replica(&mut run, 1).entries.insert(4, deposed);
        assert_eq!(check(&run), [""; 0]);
    }

    #[test]
    fn other_bytes_of_the_same_term_are_seen() {
        let mut run = good_run();
        let impostor = entry(2, 3, &[99]);
        replica(&mut run, 1).entries.insert(4, impostor);
        assert_eq!(check(&run).len(), 2);
    }

    #[test]
    fn another_term_below_a_common_one_is_seen() {
        let mut run = good_run();
        replica(&mut run, 2).entries.get_mut(&2).unwrap().term = 0;
        assert_eq!(check(&run).len(), 2);
    }

    #[test]
    fn logs_that_only_brokers_write_are_held_to_it_too() {
        let mut run = good_run();
        run.internal = std::mem::take(&mut run.replicas);
        let replicas = run.internal.values_mut().next().unwrap();
        replicas[0].entries.get_mut(&1).unwrap().bytes.push(0);
        assert_eq!(check(&run).len(), 2);
    }
}
