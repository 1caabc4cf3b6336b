//! The log of a partition has a record at each offset from 0 to its end.

use super::Findings;
use crate::history::{History, Partition};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("offset gaps");
    if !history.is_read {
        return findings;
    }
    let ends = history.ends.iter().zip(history.final_logs());
    for (partition, (end, log)) in (0..).map(Partition).zip(ends) {
        let mut due = 0;
        let found = log.iter().map(|(offset, _)| *offset);
        for offset in found.chain([*end]) {
            if offset > due {
                findings.add(|| format!("{partition}: nothing at {due}, the next is at {offset}"));
            }
            due = due.max(offset + 1);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{good_run, replace_last_read};

    #[test]
    fn a_hole_is_seen_in_the_middle_and_before_the_end() {
        let mut run = good_run();
        replace_last_read(&mut run, 1, None);
        assert_eq!(check(&run).count(), 1);
        replace_last_read(&mut run, 3, None);
        assert_eq!(check(&run).count(), 2);
    }
}
