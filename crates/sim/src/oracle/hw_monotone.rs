//! High watermarks do not go back: not for one reader from fetch to fetch, and not for whoever asks
//! for the latest offset after somebody, anywhere, was told of a later one or had a record
//! acknowledged there.

use std::collections::BTreeMap;

use crate::history::{Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let mut fetched: BTreeMap<&str, i64> = BTreeMap::new();
    let mut known: BTreeMap<&str, i64> = BTreeMap::new();
    let mut asked: BTreeMap<u64, i64> = BTreeMap::new();
    for event in &history.events {
        match event {
            Event::HighWatermark { partition, offset } => {
                let before = fetched.entry(partition).or_default();
                if offset < before {
                    broken.push(format!(
                        "{partition}: a reader was told {offset} after {before}"
                    ));
                }
                *before = *offset;
                raise(&mut known, partition, *offset);
            }
            Event::Acknowledged {
                partition,
                offset: Some(offset),
                ..
            } => raise(&mut known, partition, offset + 1),
            Event::Asks {
                partition,
                question,
            } => {
                let floor = known.get(partition.as_str()).copied().unwrap_or(0);
                asked.insert(*question, floor);
            }
            Event::Told {
                partition,
                question,
                offset,
            } => {
                let floor = asked.remove(question).unwrap_or(0);
                if *offset < floor {
                    broken.push(format!(
                        "{partition}: {offset} was told as the latest offset, {floor} was known before the question"
                    ));
                }
                raise(&mut known, partition, *offset);
            }
            Event::Acknowledged { offset: None, .. }
            | Event::Read { .. }
            | Event::ReadFailed { .. } => {}
        }
    }
    broken
}

fn raise<'a>(known: &mut BTreeMap<&'a str, i64>, partition: &'a str, offset: i64) {
    let before = known.entry(partition).or_default();
    *before = offset.max(*before);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{PARTITION, acknowledged};

    fn fetched(offset: i64) -> Event {
        let partition = PARTITION.to_owned();
        Event::HighWatermark { partition, offset }
    }

    fn asks(question: u64) -> Event {
        Event::Asks {
            partition: PARTITION.to_owned(),
            question,
        }
    }

    fn told(question: u64, offset: i64) -> Event {
        Event::Told {
            partition: PARTITION.to_owned(),
            question,
            offset,
        }
    }

    fn broken(events: &[Event]) -> usize {
        let run = History {
            events: events.to_vec(),
            ..History::default()
        };
        check(&run).len()
    }

    #[test]
    fn what_goes_back_from_fetch_to_fetch_is_seen() {
        assert_eq!(broken(&[fetched(1), fetched(1), fetched(5)]), 0);
        assert_eq!(broken(&[fetched(5), fetched(4)]), 1);
    }

    #[test]
    fn an_answer_that_is_older_than_its_question_is_seen() {
        assert_eq!(broken(&[acknowledged(1, 4), asks(0), told(0, 5)]), 0);
        assert_eq!(broken(&[acknowledged(1, 4), asks(0), told(0, 4)]), 1);
        assert_eq!(broken(&[asks(0), told(0, 7), asks(1), told(1, 6)]), 1);
    }

    #[test]
    fn what_was_acknowledged_after_the_question_need_not_be_in_the_answer() {
        assert_eq!(broken(&[asks(0), acknowledged(1, 4), told(0, 0)]), 0);
    }
}
