//! Nobody who reads what is committed reads a record of a transaction that was aborted, or was never begun.

use std::collections::BTreeSet;

use crate::history::{Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut begun = BTreeSet::new();
    let mut aborted = BTreeSet::new();
    for event in &history.events {
        match event {
            Event::Begins { transaction } => _ = begun.insert(*transaction),
            Event::Ends {
                transaction,
                commits: false,
            } => _ = aborted.insert(*transaction),
            _ => {}
        }
    }
    let read = history.events.iter().filter_map(|event| match event {
        Event::Audited {
            partition,
            transaction,
        } => Some((partition, transaction)),
        _ => None,
    });
    let wrong = read.filter(|(_, it)| aborted.contains(it) || !begun.contains(it));
    wrong
        .map(|(partition, it)| format!("{partition}: {it} was read, which is aborted or nobody's"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{audited, begins, ends, seen};

    #[test]
    fn a_record_that_was_aborted_or_never_written_is_seen() {
        let read = audited("bank-0", 5);
        let good = [begins(5), ends(5, true), read.clone()];
        assert_eq!(check(&seen(&good)), [""; 0]);
        let unknown = [begins(5), read.clone()];
        assert_eq!(check(&seen(&unknown)), [""; 0]);
        let aborted = [begins(5), read.clone(), ends(5, false)];
        assert_eq!(check(&seen(&aborted)).len(), 1);
        assert_eq!(check(&seen(&[read])).len(), 1);
    }
}
