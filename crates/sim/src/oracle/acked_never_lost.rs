//! A record that was acknowledged is in every replica's log, at the offset that was told, unless
//! somebody has deleted the records there.

use crate::history::{Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for (partition, replicas) in &history.replicas {
        let trimmed = history.trimmed(partition);
        for replica in replicas {
            let records = replica.records();
            let is_there = |value| records.values().any(|found| *found == value);
            for event in &history.events {
                let Event::Acknowledged {
                    partition: to,
                    value,
                    offset,
                } = event
                else {
                    continue;
                };
                if to != partition {
                    continue;
                }
                let is_kept = match offset {
                    Some(offset) if *offset < trimmed => continue,
                    Some(offset) => records.get(offset) == Some(value),
                    None => is_there(*value),
                };
                if !is_kept {
                    let found = offset.and_then(|offset| records.get(&offset));
                    broken.push(format!(
                        "{partition}: value {value} was acknowledged at offset {offset:?}, where broker {} has {found:?}",
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
    use crate::oracle::testing::{acknowledged, entry, good_run, replica};

    #[test]
    fn a_lost_record_is_seen() {
        let mut run = good_run();
        replica(&mut run, 1).entries.remove(&3);
        assert_eq!(check(&run).len(), 1);
    }

    #[test]
    fn a_record_at_another_offset_is_seen() {
        let mut run = good_run();
        run.events.push(acknowledged(13, 4));
        assert_eq!(check(&run).len(), 3);
    }

    #[test]
    fn a_record_without_an_offset_is_looked_for() {
        let mut run = good_run();
        let told_nothing = |value| Event::Acknowledged {
            partition: "t-0".to_owned(),
            value,
            offset: None,
        };
        run.events.push(told_nothing(11));
        assert_eq!(check(&run), [""; 0]);
        let replaced = entry(1, 0, &[10, 99]);
        replica(&mut run, 0).entries.insert(2, replaced);
        assert_eq!(check(&run).len(), 2);
    }
}
