//! A transaction is read whole or not at all: in both accounts or in none, and if its producer was told that it is
//! committed, in both. What the first account has is copied.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, History, Value};

/// Where transactions write, and where the first is copied to.
const ACCOUNTS: [&str; 2] = ["bank-0", "bank-1"];
const COPY: &str = "copy-0";

pub(super) fn check(history: &History) -> Vec<String> {
    let mut read: BTreeMap<&str, BTreeSet<Value>> = BTreeMap::new();
    let mut committed = BTreeSet::new();
    let mut is_complete = false;
    for event in &history.events {
        match event {
            Event::Audited {
                partition,
                transaction,
            } => _ = read.entry(partition).or_default().insert(*transaction),
            Event::Ends {
                transaction,
                commits: true,
            } => _ = committed.insert(*transaction),
            Event::AuditEnds => is_complete = true,
            _ => {}
        }
    }
    // What is not read to its end says nothing of what is missing.
    if !is_complete {
        return Vec::new();
    }
    let of = |partition: &str| read.get(partition).cloned().unwrap_or_default();
    let [first, second] = ACCOUNTS.map(of);
    let torn = first.symmetric_difference(&second);
    let torn = torn.map(|it| format!("{it} is in one account only"));
    let lost = committed.difference(&first);
    let lost = lost.map(|it| format!("{it} was committed, and is not there"));
    let copy = of(COPY);
    let uncopied = first.symmetric_difference(&copy);
    let uncopied = uncopied.map(|it| format!("{it} is in an account or in its copy only"));
    torn.chain(lost).chain(uncopied).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{audited, ends, seen};

    fn broken(partitions: &[&str], is_complete: bool) -> usize {
        let mut events = vec![ends(5, true)];
        events.extend(partitions.iter().map(|partition| audited(partition, 5)));
        events.extend(is_complete.then_some(Event::AuditEnds));
        check(&seen(&events)).len()
    }

    #[test]
    fn a_transaction_that_is_torn_lost_or_not_copied_is_seen() {
        assert_eq!(broken(&["bank-0", "bank-1", "copy-0"], true), 0);
        assert_eq!(broken(&["bank-0", "copy-0"], true), 1);
        assert_eq!(broken(&[], true), 1);
        assert_eq!(broken(&["bank-0", "bank-1"], true), 1);
        assert_eq!(broken(&["bank-0"], false), 0);
    }
}
