//! Whether everything that was there at the start has been read.

use std::collections::BTreeMap;

use ottla_client::TopicPartition;

/// The partitions not read to their end, and where that is.
#[derive(Debug)]
pub(super) struct Ends {
    left: BTreeMap<TopicPartition, i64>,
}

impl Ends {
    /// Partitions with the offset behind their last record, and the offset where reading begins.
    pub(super) fn new(partitions: impl IntoIterator<Item = (TopicPartition, i64, i64)>) -> Self {
        let left = partitions.into_iter().filter(|(_, start, end)| start < end);
        Ends {
            left: left.map(|(partition, _, end)| (partition, end)).collect(),
        }
    }

    /// A partition has been read up to `next_offset`.
    pub(super) fn reached(&mut self, partition: &TopicPartition, next_offset: i64) {
        if self
            .left
            .get(partition)
            .is_some_and(|&end| next_offset >= end)
        {
            self.left.remove(partition);
        }
    }

    /// The end of a partition that is not reached.
    pub(super) fn of(&self, partition: &TopicPartition) -> Option<i64> {
        self.left.get(partition).copied()
    }

    /// Whether all ends are reached.
    pub(super) fn are_reached(&self) -> bool {
        self.left.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_partitions_are_read_from_the_start_and_others_when_their_end_is_reached() {
        let (one, two) = (TopicPartition::new("t", 1), TopicPartition::new("t", 2));
        let mut ends = Ends::new([(one.clone(), 5, 5), (two.clone(), 0, 3)]);
        assert_eq!((ends.of(&one), ends.of(&two)), (None, Some(3)));
        ends.reached(&two, 2);
        assert!(!ends.are_reached());
        ends.reached(&two, 4);
        assert!(ends.are_reached());
    }
}
