//! Of a log that is compacted, every replica comes to the same: of each key the value that was acknowledged last,
//! or one of which nobody was told what became of it; what was replaced or deleted before does not come back.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, History, Value};

/// What a key may be: `None` is deleted.
type Allowed = BTreeMap<u64, BTreeSet<Option<Value>>>;

pub(super) fn check(history: &History) -> Vec<String> {
    let allowed = allowed(history);
    let mut broken = Vec::new();
    for table in &history.tables {
        let broker = table.broker;
        if table.end < history.kept_to {
            let (end, wanted) = (table.end, history.kept_to);
            broken.push(format!(
                "broker {broker} has offsets up to {end}, committed are those up to {wanted}"
            ));
            continue;
        }
        for (key, allowed) in &allowed {
            let found = table.values.get(key).copied();
            if !allowed.contains(&found) {
                broken.push(format!(
                    "broker {broker} has {found:?} for key {key}, where {allowed:?} may be"
                ));
            }
        }
        let strange = table.values.keys().filter(|key| !allowed.contains_key(key));
        broken.extend(
            strange.map(|key| format!("broker {broker} has key {key}, which nobody wrote")),
        );
    }
    broken
}

fn allowed(history: &History) -> Allowed {
    let mut open: BTreeMap<Value, (u64, Option<Value>)> = BTreeMap::new();
    let mut last: BTreeMap<u64, Option<Value>> = BTreeMap::new();
    for event in &history.events {
        match event {
            Event::Keeps {
                key,
                version,
                deletes,
            } => {
                last.entry(*key).or_insert(None);
                open.insert(*version, (*key, (!deletes).then_some(*version)));
            }
            Event::Kept { version } => {
                if let Some((key, value)) = open.remove(version) {
                    last.insert(key, value);
                }
            }
            _ => {}
        }
    }
    let mut allowed: Allowed = BTreeMap::new();
    for (key, value) in last.into_iter().chain(open.into_values()) {
        allowed.entry(key).or_default().insert(value);
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Table;
    use crate::oracle::testing::seen;

    fn keeps(key: u64, version: Value, deletes: bool) -> Event {
        Event::Keeps {
            key,
            version,
            deletes,
        }
    }

    fn run(values: &[(u64, Value)]) -> Vec<String> {
        let kept = |version| Event::Kept { version };
        let events = [
            keeps(1, 10, false),
            kept(10),
            keeps(1, 11, false),
            kept(11),
            keeps(2, 12, false),
            kept(12),
            keeps(2, 13, true),
            kept(13),
            keeps(3, 14, false),
        ];
        let mut history = seen(&events);
        history.kept_to = 5;
        history.tables.push(Table {
            broker: 1,
            values: values.iter().copied().collect(),
            end: 5,
            records: 3,
        });
        check(&history)
    }

    #[test]
    fn what_is_not_known_may_be_there_or_not() {
        assert_eq!(run(&[(1, 11)]), [""; 0]);
        assert_eq!(run(&[(1, 11), (3, 14)]), [""; 0]);
    }

    #[test]
    fn what_is_lost_or_comes_back_is_seen() {
        assert_eq!(run(&[]).len(), 1);
        assert_eq!(run(&[(1, 10)]).len(), 1);
        assert_eq!(run(&[(1, 11), (2, 12)]).len(), 1);
        assert_eq!(run(&[(1, 11), (4, 9)]).len(), 1);
    }

    #[test]
    fn a_replica_that_lacks_what_is_committed_is_seen() {
        let mut history = seen(&[]);
        history.kept_to = 5;
        history.tables.push(Table::default());
        assert_eq!(check(&history).len(), 1);
    }
}
