//! In each partition the records of one producer stand in the order in which it sent them.

use std::collections::BTreeMap;

use super::Findings;
use crate::history::{History, Identity, Partition};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("reordered");
    for (partition, log) in (0..).map(Partition).zip(history.final_logs()) {
        let mut last: BTreeMap<usize, Identity> = BTreeMap::new();
        for (offset, record) in log {
            let before = last.insert(record.producer(), record);
            if let Some(before) = before
                && record < before
            {
                findings
                    .add(|| format!("{partition} at {offset}: {record} stands behind {before}"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{good_run, record, replace_last_read};

    #[test]
    fn records_of_one_producer_that_changed_places_are_seen() {
        let mut run = good_run();
        replace_last_read(&mut run, 1, Some(record(3)));
        replace_last_read(&mut run, 3, Some(record(1)));
        assert_eq!(check(&run).count(), 1);
    }
}
