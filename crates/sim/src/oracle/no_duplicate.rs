//! A record of a transaction is read once in each partition by whoever reads what is committed.

use std::collections::BTreeSet;

use crate::history::{Event, History};

pub(super) fn check(history: &History) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut broken = Vec::new();
    for event in &history.events {
        if let Event::Audited {
            partition,
            transaction,
        } = event
            && !seen.insert((partition, transaction))
        {
            broken.push(format!("{partition}: {transaction} was read twice"));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::{audited, seen};

    #[test]
    fn a_record_that_is_read_twice_is_seen() {
        let [first, second] = ["bank-0", "bank-1"].map(|partition| audited(partition, 5));
        assert_eq!(check(&seen(&[first.clone(), second])), [""; 0]);
        assert_eq!(check(&seen(&[first.clone(), first])).len(), 1);
    }
}
