//! In each generation of a group a partition has one owner at most; generations do not go back; and
//! once somebody owns partitions in a generation, commits of earlier ones are refused.

use std::collections::BTreeMap;

use crate::history::{Client, Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut broken = Vec::new();
    let mut newest = -1;
    let mut owners: BTreeMap<(i32, i32), Client> = BTreeMap::new();
    let mut joining: BTreeMap<u64, i32> = BTreeMap::new();
    let mut committing: BTreeMap<u64, (i32, i32)> = BTreeMap::new();
    for event in &history.events {
        match event {
            Event::Joins { question, .. } => _ = joining.insert(*question, newest),
            Event::Owns {
                member,
                question,
                generation,
                partitions,
            } => {
                let before = joining.remove(question).unwrap_or(-1);
                if *generation < before {
                    broken.push(format!(
                        "member {member} joined generation {generation} when there had been {before}"
                    ));
                }
                for partition in partitions {
                    let owner = owners.entry((*generation, *partition)).or_insert(*member);
                    if owner != member {
                        broken.push(format!(
                            "members {owner} and {member} both own partition {partition} in generation {generation}"
                        ));
                    }
                }
                newest = newest.max(*generation);
            }
            Event::CommitsAs {
                question,
                generation,
            } => _ = committing.insert(*question, (*generation, newest)),
            Event::CommittedAs { question } => {
                let (generation, known) = committing.remove(question).unwrap_or((0, 0));
                if generation < known {
                    broken.push(format!(
                        "a commit of generation {generation} was taken when there had been {known}"
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
    use crate::oracle::testing::seen;

    fn joins(question: u64) -> Event {
        Event::Joins {
            member: 1,
            question,
        }
    }

    fn owns(member: Client, question: u64, generation: i32, partitions: &[i32]) -> Event {
        Event::Owns {
            member,
            question,
            generation,
            partitions: partitions.to_vec(),
        }
    }

    fn commits(question: u64, generation: i32) -> Event {
        Event::CommitsAs {
            question,
            generation,
        }
    }

    fn broken(events: &[Event]) -> usize {
        check(&seen(events)).len()
    }

    #[test]
    fn two_owners_in_a_generation_are_seen() {
        assert_eq!(broken(&[owns(1, 0, 1, &[0]), owns(2, 1, 1, &[1, 2])]), 0);
        assert_eq!(broken(&[owns(1, 0, 1, &[0]), owns(2, 1, 2, &[0])]), 0);
        assert_eq!(broken(&[owns(1, 0, 1, &[0]), owns(2, 1, 1, &[0])]), 1);
    }

    #[test]
    fn a_generation_that_goes_back_is_seen() {
        assert_eq!(
            broken(&[owns(1, 0, 5, &[]), joins(1), owns(1, 1, 5, &[])]),
            0
        );
        assert_eq!(
            broken(&[owns(1, 0, 5, &[]), joins(1), owns(1, 1, 4, &[])]),
            1
        );
        assert_eq!(
            broken(&[joins(1), owns(2, 0, 5, &[]), owns(1, 1, 4, &[])]),
            0
        );
    }

    #[test]
    fn a_late_commit_that_is_taken_is_seen() {
        let taken = Event::CommittedAs { question: 9 };
        let before = [commits(9, 4), owns(1, 0, 5, &[0]), taken.clone()];
        assert_eq!(broken(&before), 0);
        let after = [owns(1, 0, 5, &[0]), commits(9, 4), taken];
        assert_eq!(broken(&after), 1);
    }
}
