//! A record that was acknowledged is in the log at the end, at the offset that was told.

use std::collections::BTreeSet;

use super::Findings;
use crate::history::{Event, History, Identity};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("lost writes");
    if !history.is_read {
        return findings;
    }
    let logs = history.final_logs();
    let mut somewhere = Vec::new();
    for (index, event) in history.events.iter().enumerate() {
        match *event {
            Event::Acknowledged {
                partition,
                record,
                offset,
            } => {
                let log = &logs[partition.index()];
                let found = log.binary_search_by_key(&offset, |(offset, _)| *offset);
                let found = found.ok().map(|at| log[at].1);
                if found != Some(record) {
                    findings.add(|| {
                        let found = found.map_or("nothing".to_owned(), |found| found.to_string());
                        let during = history.circumstances(index);
                        format!("{partition}: {record} was acknowledged at {offset}, where the log has {found} ({during})")
                    });
                }
            }
            Event::AcknowledgedSomewhere { partition, record } => {
                somewhere.push((index, partition, record));
            }
            Event::Read { .. } | Event::Asked { .. } | Event::Told { .. } => {}
        }
    }
    if somewhere.is_empty() {
        return findings;
    }
    let found: Vec<BTreeSet<Identity>> = logs
        .iter()
        .map(|log| log.iter().map(|(_, record)| *record).collect())
        .collect();
    for (index, partition, record) in somewhere {
        if !found[partition.index()].contains(&record) {
            findings.add(|| {
                let during = history.circumstances(index);
                format!("{partition}: {record} was acknowledged and is not in the log ({during})")
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{PARTITION, good_run, record, replace_last_read};

    #[test]
    fn an_acknowledged_record_that_is_gone_is_seen() {
        let mut run = good_run();
        replace_last_read(&mut run, 3, None);
        assert_eq!(check(&run).count(), 1);
    }

    #[test]
    fn an_acknowledged_record_at_another_offset_is_seen() {
        let mut run = good_run();
        replace_last_read(&mut run, 3, Some(record(2)));
        replace_last_read(&mut run, 2, Some(record(3)));
        assert_eq!(check(&run).count(), 2);
    }

    #[test]
    fn a_record_acknowledged_without_an_offset_is_looked_for() {
        let mut run = good_run();
        let told = |record| Event::AcknowledgedSomewhere {
            partition: PARTITION,
            record,
        };
        run.events.push(told(record(1)));
        assert_eq!(check(&run).count(), 0);
        run.events.push(told(Identity::new(0, 2)));
        assert_eq!(check(&run).count(), 1);
    }
}
