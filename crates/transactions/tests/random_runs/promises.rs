//! What must hold of the log, record by record, and of what clients were told.

use std::collections::BTreeMap;

use ottla_transactions::operations::{Decided, Producer};
use ottla_transactions::record::Record;
use ottla_transactions::state::{Phase, Transaction};

/// What became of transactions, by the log.
#[derive(Default)]
pub(crate) struct Promises {
    last: BTreeMap<String, Transaction>,
    /// By where the log has the decision: whether it is to commit.
    decided: BTreeMap<usize, bool>,
    looked_at: usize,
}

impl Promises {
    /// Looks at what is new in the log. When a leader is lost, what was not committed is gone from it.
    pub(crate) fn look(&mut self, records: &[Record]) {
        if records.len() < self.looked_at {
            self.last.clear();
            self.looked_at = 0;
        }
        for record in &records[self.looked_at..] {
            let id = &record.transactional_id;
            let Some(value) = &record.value else {
                let last = self.last.remove(id);
                assert!(
                    last.is_some_and(|it| it.phase.is_at_rest()),
                    "an id was forgotten in use"
                );
                continue;
            };
            self.follows(self.last.get(id), &value.transaction);
            self.last.insert(id.clone(), value.transaction.clone());
        }
        self.looked_at = records.len();
    }

    fn follows(&self, before: Option<&Transaction>, after: &Transaction) {
        use Phase::{CompleteAbort, CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit};
        let Some(before) = before else {
            assert_eq!(after.phase, Empty);
            return;
        };
        let next: &[_] = match before.phase {
            Empty | CompleteCommit | CompleteAbort => &[Empty, Ongoing, PrepareAbort],
            Ongoing => &[Ongoing, PrepareCommit, PrepareAbort],
            PrepareCommit => &[CompleteCommit],
            PrepareAbort => &[CompleteAbort],
        };
        let may = next.contains(&after.phase);
        assert!(may, "{before:?} became {after:?}");
        let same = before.producer_id == after.producer_id;
        assert!(
            !same || after.producer_epoch >= before.producer_epoch,
            "an epoch came again"
        );
        if after.phase == Ongoing {
            assert!(!after.partitions.is_empty() && after.started_ms >= 0);
        }
        if after.phase.is_prepared() {
            assert_eq!(after.partitions, before.partitions, "partitions were lost");
        }
    }

    /// What is given out to be marked is in the log, and is decided one way only.
    pub(crate) fn given(&mut self, committed: &[Record], decided: &Decided) {
        let is_it = |record: &Record| {
            let value = record.value.as_ref();
            record.transactional_id == decided.transactional_id
                && value.is_some_and(|value| {
                    let transaction = &value.transaction;
                    transaction.phase.is_prepared() && producer(transaction) == decided.producer
                })
        };
        let key = committed.iter().rposition(is_it);
        let key = key.unwrap_or_else(|| panic!("{decided:?} was given out before the log had it"));
        let before = self.decided.insert(key, decided.commits);
        assert!(
            before.is_none_or(|before| before == decided.commits),
            "{decided:?} was decided both ways"
        );
    }
}

fn producer(transaction: &Transaction) -> Producer {
    Producer {
        id: transaction.producer_id,
        epoch: transaction.producer_epoch,
    }
}
