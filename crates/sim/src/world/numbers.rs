//! Which records a log may have in another order, or twice.
//!
//! A log that has lost what a producer sent there has lost its numbers with it, and takes whatever number of that
//! producer comes first. What comes behind it then is refused, the producer begins anew under the next epoch, and
//! what it had under way may be there already. So it is with all that a writer had under way when a machine lost
//! what it had not synced, and with what it sends until the partition has acknowledged something of it again; and
//! with what it sends while any of that is still under way.

use std::collections::BTreeSet;

use super::shared::PARTITIONS;
use crate::history::{Client, Value, writer_of};

/// What is known of the numbers of producers.
#[derive(Default)]
pub(super) struct Numbers {
    has_lost: bool,
    /// Who is known to which partition since the last loss.
    known: BTreeSet<(Client, i32)>,
    /// Records under way that a log may take out of their turn.
    unnumbered: BTreeSet<Value>,
}

impl Numbers {
    /// A machine may have lost what it said it had, while these were under way.
    pub(super) fn lost(&mut self, under_way: &BTreeSet<Value>) {
        self.has_lost = true;
        self.known.clear();
        self.unnumbered.extend(under_way);
    }

    /// A record is about to be written to a partition, or to any; whether it may come in another order, or twice.
    pub(super) fn sends(&mut self, partition: Option<i32>, value: Value) -> bool {
        let writer = writer_of(value);
        let mut partitions = match partition {
            Some(partition) => partition..partition + 1,
            None => 0..PARTITIONS,
        };
        let knows = |partition| self.known.contains(&(writer, partition));
        let is_known = !self.has_lost || partitions.all(knows);
        let is_beside = self
            .unnumbered
            .iter()
            .any(|other| writer_of(*other) == writer);
        if !is_known {
            self.unnumbered.insert(value);
        }
        !is_known || is_beside
    }

    /// It is known what became of a record.
    pub(super) fn settled(&mut self, value: Value) {
        self.unnumbered.remove(&value);
    }

    /// A record was acknowledged that was sent since the last loss.
    pub(super) fn acknowledged(&mut self, partition: i32, value: Value) {
        self.known.insert((writer_of(value), partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::first_value;

    #[test]
    fn without_a_loss_all_numbers_count() {
        let mut numbers = Numbers::default();
        assert!(!numbers.sends(Some(0), 1) && !numbers.sends(None, 2));
    }

    #[test]
    fn after_a_loss_a_writer_is_known_again_by_what_is_acknowledged_of_it() {
        let (mut numbers, other) = (Numbers::default(), first_value(1));
        numbers.lost(&BTreeSet::from([1]));
        assert!(numbers.sends(Some(0), 2));
        numbers.acknowledged(0, other);
        assert!(
            numbers.sends(Some(0), 3),
            "another writer says nothing of this one"
        );
        numbers.acknowledged(0, 2);
        numbers.settled(2);
        assert!(numbers.sends(Some(0), 4), "1 and 3 are still under way");
        numbers.settled(1);
        numbers.settled(3);
        assert!(!numbers.sends(Some(0), 5));
        assert!(numbers.sends(None, 6), "it is not known everywhere");
    }
}
