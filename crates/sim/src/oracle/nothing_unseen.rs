//! A reader has seen every record that was acknowledged before the place up to which it has read,
//! unless somebody has deleted it; each once, and in the order of offsets.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Client, Event, History};

type Reads<'a> = BTreeMap<(Client, &'a str), BTreeSet<i64>>;

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let mut reads = Reads::new();
    for event in &history.events {
        if let Event::Read {
            reader,
            partition,
            offset,
            ..
        } = event
        {
            let seen = reads.entry((*reader, partition)).or_default();
            if let Some(last) = seen.last().filter(|last| *last >= offset) {
                broken.push(format!(
                    "{partition}: reader {reader} was given offset {offset} after {last}"
                ));
            }
            seen.insert(*offset);
        }
    }
    for ((reader, partition), end) in &history.read_to {
        let seen = reads.get(&(*reader, partition.as_str()));
        let is_seen = |offset| seen.is_some_and(|seen| seen.contains(offset));
        let trimmed = history.trimmed(partition);
        for event in &history.events {
            let Event::Acknowledged {
                partition: to,
                value,
                offset: Some(offset),
            } = event
            else {
                continue;
            };
            let is_due = to == partition && (trimmed..*end).contains(offset);
            if is_due && !is_seen(offset) {
                broken.push(format!(
                    "{partition}: reader {reader} has read up to {end} and has not seen value {value} at offset {offset}"
                ));
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{PARTITION, acknowledged, good_run, read};

    #[test]
    fn a_record_that_a_reader_never_saw_is_seen() {
        let mut run = good_run();
        let end = run.read_to.get_mut(&(0, PARTITION.to_owned())).unwrap();
        *end = 4;
        assert_eq!(check(&run), [""; 0]);
        run.events.push(acknowledged(13, 3));
        assert_eq!(check(&run).len(), 1);
    }

    #[test]
    fn a_reader_that_goes_back_is_seen() {
        let mut run = good_run();
        run.events.push(read(1, 11));
        assert_eq!(check(&run).len(), 1);
    }
}
