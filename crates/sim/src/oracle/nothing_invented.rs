//! Every record was sent, and to the partition in which it is. What one writer sends is in the order
//! in which it was sent, if the writer numbers its records; but for what was under way when machines
//! lost power without having synced, and what was sent then until the log had taken a record.

use std::collections::BTreeMap;

use crate::history::{Event, History, Value, writer_of};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let mut sent: BTreeMap<Value, Option<&str>> = BTreeMap::new();
    for event in &history.events {
        if let Event::Sends { partition, value } = event {
            sent.insert(*value, partition.as_deref());
        }
    }
    for (partition, replicas) in &history.replicas {
        for replica in replicas {
            let broker = replica.broker;
            let mut last = BTreeMap::new();
            for (offset, value) in replica.records() {
                match sent.get(&value) {
                    None => broken.push(format!(
                        "{partition}: nobody sent what broker {broker} has at offset {offset}, value {value}"
                    )),
                    Some(Some(to)) if to != partition => broken.push(format!(
                        "{partition}: value {value} at offset {offset} of broker {broker} was sent to {to}"
                    )),
                    Some(_) => {}
                }
                if history.unnumbered.contains(&value) {
                    continue;
                }
                let writer = writer_of(value);
                let before = last.insert(writer, value);
                if before > Some(value) && !history.repeating.contains(&writer) {
                    broken.push(format!(
                        "{partition}: broker {broker} has value {value} of writer {writer} behind {before:?}"
                    ));
                }
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{PARTITION, entry, good_run, replica};

    #[test]
    fn a_record_from_nowhere_is_seen() {
        let mut run = good_run();
        assert_eq!(check(&run), [""; 0]);
        replica(&mut run, 1).entries.insert(4, entry(2, 3, &[99]));
        assert_eq!(check(&run).len(), 1);
    }

    #[test]
    fn a_record_in_another_partition_is_seen() {
        let mut run = good_run();
        let strayed = run.replicas.remove(PARTITION).unwrap();
        run.replicas.insert("t-1".to_owned(), strayed);
        assert_eq!(check(&run).len(), 3 * 4);
    }

    #[test]
    fn records_that_overtook_others_are_seen() {
        let mut run = good_run();
        replica(&mut run, 0)
            .entries
            .insert(2, entry(1, 0, &[11, 10]));
        assert_eq!(check(&run).len(), 1);
        run.unnumbered.insert(10);
        assert_eq!(check(&run), [""; 0]);
    }
}
