//! Once nothing is broken any more, each partition takes records and each reader gets them, within a time.

use std::time::Duration;

use super::Findings;
use crate::history::{History, Partition, Reader};

/// The time.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(60);

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("stuck");
    let is_late =
        |took: &Option<u64>| took.is_none_or(|ms| u128::from(ms) > STUCK_AFTER.as_millis());
    for recovery in &history.recoveries {
        let after = &recovery.after;
        for (partition, took) in (0..).map(Partition).zip(&recovery.writes) {
            if is_late(took) {
                findings.add(|| {
                    format!("{partition}: no record acknowledged ({took:?} ms) after {after}")
                });
            }
        }
        for (reader, partitions) in (0..).map(Reader).zip(&recovery.reads) {
            for (partition, took) in (0..).map(Partition).zip(partitions) {
                if is_late(took) {
                    findings.add(|| {
                        format!("{partition}: {reader} got nothing ({took:?} ms) after {after}")
                    });
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::good_run;

    #[test]
    fn a_partition_that_takes_nothing_and_a_reader_that_gets_nothing_are_seen() {
        let mut run = good_run();
        run.recoveries[0].writes[0] = None;
        run.recoveries[0].reads[0][0] = Some(60_001);
        assert_eq!(check(&run).count(), 2);
    }
}
