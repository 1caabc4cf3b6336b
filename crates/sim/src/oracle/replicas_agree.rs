//! What is committed is the same bytes on every replica.

use std::collections::BTreeMap;

use crate::history::{History, Replica};

pub(crate) fn where_replicas_differ(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, replicas) in &history.replicas {
        let committed = history.committed.get(partition).copied().unwrap_or(0);
        let Some((first, others)) = replicas.split_first() else {
            continue;
        };
        for replica in replicas {
            if replica.end() < committed {
                broken.push(format!(
                    "{partition}: broker {} has offsets up to {}, committed are those up to {committed}",
                    replica.broker,
                    replica.end()
                ));
            }
        }
        for replica in others {
            // each may have purged what was deleted, and none has to
            let start = first.start().max(replica.start());
            let wanted = committed_of(first, start, committed);
            let found = committed_of(replica, start, committed);
            let differs = wanted
                .iter()
                .find(|(at, bytes)| found.get(at) != Some(bytes));
            if let Some((offset, _)) = differs {
                broken.push(format!(
                    "{partition}: brokers {} and {} have different bytes at offset {offset}",
                    first.broker, replica.broker
                ));
            }
        }
    }
    broken
}

/// The batches from an offset on whose records are all committed, by their first offset.
fn committed_of(replica: &Replica, start: i64, committed: i64) -> BTreeMap<i64, &[u8]> {
    let entries = replica
        .entries
        .values()
        .filter(|it| it.offsets.start >= start);
    let whole = entries.filter(|it| !it.offsets.is_empty() && it.offsets.end <= committed);
    whole.map(|it| (it.offsets.start, &it.bytes[..])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{entry, good_run, replica};

    #[test]
    fn other_bytes_are_seen_if_they_are_committed() {
        let mut run = good_run();
        let changed = entry(2, 3, &[99]);
        replica(&mut run, 1).entries.insert(4, changed);
        assert_eq!(where_replicas_differ(&run), [""; 0]);
        replica(&mut run, 1).entries.get_mut(&3).unwrap().bytes[0] ^= 1;
        assert_eq!(where_replicas_differ(&run).len(), 1);
    }

    #[test]
    fn a_replica_that_lacks_what_is_committed_is_seen() {
        let mut run = good_run();
        replica(&mut run, 0).entries.retain(|index, _| *index < 3);
        assert!(!where_replicas_differ(&run).is_empty());
    }
}
