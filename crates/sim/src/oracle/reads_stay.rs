//! What a reader saw stays as it was, on every replica, and nothing fails to be read for good.

use crate::history::{Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    for event in &history.events {
        if let Event::ReadFailed { reason } = event {
            broken.push(reason.clone());
        }
    }
    for (partition, replicas) in &history.replicas {
        let trimmed = history.trimmed(partition);
        for replica in replicas {
            let records = replica.records();
            for event in &history.events {
                let Event::Read {
                    partition: of,
                    offset,
                    value,
                    ..
                } = event
                else {
                    continue;
                };
                let found = records.get(offset);
                let is_gone = found.is_none() && *offset < trimmed;
                if of == partition && found != Some(value) && !is_gone {
                    broken.push(format!(
                        "{partition}: value {value} was read at offset {offset}, where broker {} has {found:?}",
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
    use crate::oracle::testing::{good_run, read};

    #[test]
    fn a_record_that_was_read_and_is_gone_is_seen() {
        let mut run = good_run();
        assert_eq!(check(&run), [""; 0]);
        run.events.push(read(1, 99));
        assert_eq!(check(&run).len(), 3);
    }

    #[test]
    fn a_reader_that_was_sent_away_is_seen() {
        let mut run = good_run();
        let reason = "t-0 does not have offset 7".to_owned();
        run.events.push(Event::ReadFailed { reason });
        assert_eq!(check(&run).len(), 1);
    }
}
