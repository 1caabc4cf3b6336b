//! No record is in the logs twice, whether it was acknowledged or not.

use std::collections::BTreeMap;

use super::Findings;
use crate::history::{History, Identity, Partition};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("duplicates");
    let mut seen: BTreeMap<Identity, (Partition, i64)> = BTreeMap::new();
    for (partition, log) in (0..).map(Partition).zip(history.final_logs()) {
        for (offset, record) in log {
            if let Some((elsewhere, before)) = seen.insert(record, (partition, offset)) {
                findings.add(|| {
                    format!("{partition} at {offset}: {record} is in {elsewhere} at {before} too")
                });
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
    fn a_record_at_two_offsets_is_seen() {
        let mut run = good_run();
        replace_last_read(&mut run, 2, Some(record(0)));
        assert_eq!(check(&run).count(), 1);
    }
}
