//! What a group has committed is told to whoever asks afterwards: that, or something that was
//! committed since, or tried to.

use std::collections::BTreeMap;

use crate::history::{Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let mut tried: BTreeMap<&str, i64> = BTreeMap::new();
    let mut done: BTreeMap<&str, i64> = BTreeMap::new();
    let mut asked: BTreeMap<u64, i64> = BTreeMap::new();
    for event in &history.events {
        match event {
            Event::Commits { partition, offset } => _ = tried.insert(partition, *offset),
            Event::Committed { partition, offset } => _ = done.insert(partition, *offset),
            Event::AsksCommitted {
                partition,
                question,
            } => {
                let floor = done.get(partition.as_str()).copied().unwrap_or(-1);
                asked.insert(*question, floor);
            }
            Event::ToldCommitted {
                partition,
                question,
                offset,
            } => {
                let floor = asked.remove(question).unwrap_or(-1);
                let ceiling = tried.get(partition.as_str()).copied().unwrap_or(-1);
                let offset = offset.unwrap_or(-1);
                if offset < floor || offset > ceiling {
                    broken.push(format!(
                        "{partition}: {offset} was told as committed, {floor} had been before the question, and nothing beyond {ceiling}"
                    ));
                }
            }
            _ => {}
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{PARTITION, seen};

    fn commits(offset: i64) -> Event {
        let partition = PARTITION.to_owned();
        Event::Commits { partition, offset }
    }

    fn committed(offset: i64) -> Event {
        let partition = PARTITION.to_owned();
        Event::Committed { partition, offset }
    }

    fn asks() -> Event {
        Event::AsksCommitted {
            partition: PARTITION.to_owned(),
            question: 1,
        }
    }

    fn told(offset: Option<i64>) -> Event {
        Event::ToldCommitted {
            partition: PARTITION.to_owned(),
            question: 1,
            offset,
        }
    }

    fn broken(events: &[Event]) -> usize {
        check(&seen(events)).len()
    }

    #[test]
    fn an_offset_that_is_lost_or_old_is_seen() {
        let before = [commits(4), committed(4), commits(7), committed(7), asks()];
        let with = |offset| [&before[..], &[told(offset)]].concat();
        assert_eq!(broken(&with(Some(7))), 0);
        assert_eq!(broken(&with(Some(4))), 1);
        assert_eq!(broken(&with(None)), 1);
    }

    #[test]
    fn what_was_tried_may_be_told_and_what_was_not_may_not() {
        let before = [commits(4), committed(4), commits(7), asks()];
        let with = |offset| [&before[..], &[told(offset)]].concat();
        assert_eq!(broken(&with(Some(7))), 0);
        assert_eq!(broken(&with(Some(4))), 0);
        assert_eq!(broken(&with(Some(8))), 1);
    }
}
