//! Who asks for the latest offset is told no less than what anybody knew before the question: by an
//! acknowledgement, by reading, or by an earlier answer.

use std::collections::BTreeMap;

use super::Findings;
use crate::fault::BROKERS;
use crate::history::{Event, History, Partition, asked_of};

/// The end of a partition, as an event told it.
#[derive(Clone, Copy, Default)]
struct Known {
    end: i64,
    by: usize,
}

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("stale reads");
    let mut known: BTreeMap<Partition, Known> = BTreeMap::new();
    // By question: the event, and what was known then.
    let mut open: BTreeMap<u64, (usize, Known)> = BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        let (partition, end) = match *event {
            Event::Acknowledged {
                partition, offset, ..
            }
            | Event::Read {
                partition, offset, ..
            } => (partition, offset + 1),
            Event::Told {
                partition,
                question,
                offset,
            } => {
                let (asked, least) = open.remove(&question).unwrap_or_default();
                if offset < least.end {
                    findings.add(|| {
                        let broker = asked_of(question, BROKERS) + 1;
                        let (end, knew) = (least.end, history.moment(least.by));
                        let (asked, told) = (history.moment(asked), history.circumstances(index));
                        format!(
                            "{partition}: {end} was known as the end {knew}, broker {broker} was asked \
                             {asked} and told {offset} {told}"
                        )
                    });
                }
                (partition, offset)
            }
            Event::Asked {
                partition,
                question,
            } => {
                let least = known.get(&partition).copied().unwrap_or_default();
                open.insert(question, (index, least));
                continue;
            }
            Event::AcknowledgedSomewhere { .. } => continue,
        };
        let before = known.entry(partition).or_default();
        if end > before.end {
            *before = Known { end, by: index };
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{PARTITION, good_run};

    fn exchange(question: u64, offset: i64) -> [Event; 2] {
        let partition = PARTITION;
        [
            Event::Asked {
                partition,
                question,
            },
            Event::Told {
                partition,
                question,
                offset,
            },
        ]
    }

    #[test]
    fn an_answer_older_than_what_was_acknowledged_before_the_question_is_seen() {
        let mut run = good_run();
        run.events.extend(exchange(0, 4));
        assert_eq!(check(&run).count(), 0);
        run.events.extend(exchange(1, 3));
        assert_eq!(check(&run).count(), 1);
    }

    #[test]
    fn what_is_acknowledged_while_the_question_is_open_may_be_missing() {
        let mut run = good_run();
        let [asked, told] = exchange(0, 0);
        run.events.insert(0, asked);
        run.events.push(told);
        assert_eq!(check(&run).count(), 0);
    }

    #[test]
    fn an_answer_older_than_an_earlier_answer_is_seen() {
        let mut run = good_run();
        run.events.extend(exchange(0, 9));
        run.events.extend(exchange(1, 8));
        assert_eq!(check(&run).count(), 1);
    }
}
