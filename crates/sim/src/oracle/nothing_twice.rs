//! An idempotent producer's record is in the log once, however often it was sent.

use std::collections::BTreeMap;

use crate::history::{History, writer_of};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, replicas) in &history.replicas {
        for replica in replicas {
            let mut seen = BTreeMap::new();
            for (offset, value) in replica.records() {
                let is_numbered = !history.repeating.contains(&writer_of(value))
                    && !history.unnumbered.contains(&value);
                if !is_numbered {
                    continue;
                }
                if let Some(before) = seen.insert(value, offset) {
                    broken.push(format!(
                        "{partition}: broker {} has value {value} at offsets {before} and {offset}",
                        replica.broker
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
    use crate::oracle::testing::{entry, good_run, replica};

    #[test]
    fn a_record_that_is_there_twice_is_seen() {
        let mut run = good_run();
        assert_eq!(check(&run), [""; 0]);
        let again = entry(2, 3, &[12]);
        replica(&mut run, 0).entries.insert(4, again);
        assert_eq!(check(&run).len(), 1);
        run.unnumbered.insert(12);
        assert_eq!(check(&run), [""; 0], "its number was lost");
    }
}
