//! A log's entries follow one another: Raft indexes and Kafka offsets have no gaps, and each record
//! has its own offset. Where compaction removes something, a gap of Raft's own stands for it.

use crate::history::{History, Replica, is_compacted};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, replicas) in history.replicas.iter().chain(&history.internal) {
        for replica in replicas {
            if let Some(gap) = gap_in(replica, is_compacted(partition)) {
                broken.push(format!("{partition} on broker {}: {gap}", replica.broker));
            }
        }
    }
    broken
}

fn gap_in(replica: &Replica, compacted: bool) -> Option<String> {
    let mut before: Option<(u64, i64)> = None;
    for (index, entry) in &replica.entries {
        let offsets = &entry.offsets;
        if entry.indexes != 1 && !compacted {
            return Some(format!("a gap at index {index}"));
        }
        if let Some((next_index, end)) = before {
            if *index != next_index {
                return Some(format!("index {index} is where {next_index} has to be"));
            }
            if offsets.start != end {
                let start = offsets.start;
                return Some(format!("offset {start} at index {index} follows {end}"));
            }
        }
        let told: Vec<i64> = entry.records.iter().map(|(offset, _)| *offset).collect();
        let all: Vec<i64> = offsets.clone().collect();
        let is_right = match compacted {
            true => told.is_sorted() && told.iter().all(|offset| all.contains(offset)),
            false => told.is_empty() || told == all,
        };
        if !is_right {
            return Some(format!("a batch of {offsets:?} has records at {told:?}"));
        }
        before = Some((*index + entry.indexes, offsets.end));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{entry, good_run, replica};

    fn check_with(change: impl FnOnce(&mut Replica)) -> usize {
        let mut run = good_run();
        change(replica(&mut run, 2));
        check(&run).len()
    }

    #[test]
    fn gaps_and_overlaps_are_seen() {
        assert_eq!(check_with(|_| ()), 0);
        assert_eq!(check_with(|it| drop(it.entries.remove(&2))), 1);
        assert_eq!(
            check_with(|it| drop(it.entries.insert(3, entry(2, 3, &[12])))),
            1
        );
        assert_eq!(
            check_with(|it| drop(it.entries.insert(3, entry(2, 1, &[12])))),
            1
        );
    }

    #[test]
    fn a_record_outside_of_its_batch_is_seen() {
        let strange = |it: &mut Replica| it.entries.get_mut(&3).unwrap().records[0].0 = 7;
        assert_eq!(check_with(strange), 1);
    }
}
