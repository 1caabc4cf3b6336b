//! High watermarks and log starts do not go back: not the high watermark for one reader from fetch
//! to fetch, and neither for whoever asks for an end of a log after somebody, anywhere, was told of a
//! later one, had a record acknowledged or had records deleted.

use std::collections::BTreeMap;

use crate::history::{Bound, Client, Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let mut fetched: BTreeMap<(Client, &str), i64> = BTreeMap::new();
    let mut known = Known::default();
    let mut asked: BTreeMap<u64, i64> = BTreeMap::new();
    for event in &history.events {
        match event {
            Event::HighWatermark {
                reader,
                partition,
                offset,
            } => {
                let before = fetched.entry((*reader, partition)).or_default();
                if offset < before {
                    broken.push(format!(
                        "{partition}: a reader was told {offset} after {before}"
                    ));
                }
                *before = *offset;
                known.raise(partition, Bound::End, *offset);
            }
            Event::Acknowledged {
                partition,
                offset: Some(offset),
                ..
            } => known.raise(partition, Bound::End, offset + 1),
            Event::Trimmed { partition, offset } => known.raise(partition, Bound::Start, *offset),
            Event::Asks {
                partition,
                bound,
                question,
            } => _ = asked.insert(*question, known.of(partition, *bound)),
            Event::Told {
                partition,
                bound,
                question,
                offset,
            } => {
                let floor = asked.remove(question).unwrap_or(0);
                if *offset < floor {
                    broken.push(format!(
                        "{partition}: {offset} was told as its {bound:?}, {floor} was known before the question"
                    ));
                }
                known.raise(partition, *bound, *offset);
            }
            _ => {}
        }
    }
    broken
}

/// What somebody was told before.
#[derive(Default)]
struct Known<'a>(BTreeMap<(&'a str, Bound), i64>);

impl<'a> Known<'a> {
    fn raise(&mut self, partition: &'a str, bound: Bound, offset: i64) {
        let before = self.0.entry((partition, bound)).or_default();
        *before = offset.max(*before);
    }

    fn of(&self, partition: &'a str, bound: Bound) -> i64 {
        self.0.get(&(partition, bound)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{PARTITION, acknowledged, seen};

    fn fetched(offset: i64) -> Event {
        Event::HighWatermark {
            reader: 0,
            partition: PARTITION.to_owned(),
            offset,
        }
    }

    fn asks(question: u64, bound: Bound) -> Event {
        Event::Asks {
            partition: PARTITION.to_owned(),
            bound,
            question,
        }
    }

    fn told(question: u64, bound: Bound, offset: i64) -> Event {
        Event::Told {
            partition: PARTITION.to_owned(),
            bound,
            question,
            offset,
        }
    }

    fn broken(events: &[Event]) -> usize {
        check(&seen(events)).len()
    }

    #[test]
    fn what_goes_back_from_fetch_to_fetch_is_seen() {
        assert_eq!(broken(&[fetched(1), fetched(1), fetched(5)]), 0);
        assert_eq!(broken(&[fetched(5), fetched(4)]), 1);
    }

    #[test]
    fn two_readers_are_two() {
        let mut late = fetched(4);
        if let Event::HighWatermark { reader, .. } = &mut late {
            *reader = 1;
        }
        assert_eq!(broken(&[fetched(5), late]), 0);
    }

    #[test]
    fn an_answer_that_is_older_than_its_question_is_seen() {
        let (asks, told) = (
            |n| asks(n, Bound::End),
            |n, offset| told(n, Bound::End, offset),
        );
        assert_eq!(broken(&[acknowledged(1, 4), asks(0), told(0, 5)]), 0);
        assert_eq!(broken(&[acknowledged(1, 4), asks(0), told(0, 4)]), 1);
        assert_eq!(broken(&[asks(0), told(0, 7), asks(1), told(1, 6)]), 1);
    }

    #[test]
    fn what_was_acknowledged_after_the_question_need_not_be_in_the_answer() {
        let (asks, told) = (asks(0, Bound::End), told(0, Bound::End, 0));
        assert_eq!(broken(&[asks, acknowledged(1, 4), told]), 0);
    }

    #[test]
    fn a_log_start_that_goes_back_is_seen() {
        let trimmed = Event::Trimmed {
            partition: PARTITION.to_owned(),
            offset: 3,
        };
        let (asks, told) = (asks(0, Bound::Start), |offset| {
            told(0, Bound::Start, offset)
        });
        assert_eq!(broken(&[trimmed.clone(), asks.clone(), told(3)]), 0);
        assert_eq!(broken(&[trimmed, asks, told(2)]), 1);
    }
}
