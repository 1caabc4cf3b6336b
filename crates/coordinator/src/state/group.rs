//! One group as the log knows it.

use std::collections::{BTreeMap, BTreeSet};

use ottla_statemachine::Offset;

use crate::record::{GroupMetadataValue, OffsetCommitKey, OffsetCommitValue};

/// A group's last written membership, and its offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub(super) metadata: Option<GroupMetadataValue>,
    pub(super) offsets: BTreeMap<String, BTreeMap<i32, OffsetCommitValue>>,
    /// By topic, partition and producer.
    pub(super) pending: BTreeMap<String, BTreeMap<i32, BTreeMap<i64, PendingOffset>>>,
}

/// An offset of an open transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingOffset {
    /// Where its record stands: of what is committed for a partition, the last record counts, whenever its transaction
    /// ended.
    pub at: Offset,
    /// What will be committed, if the transaction is.
    pub value: OffsetCommitValue,
}

impl Group {
    /// The membership; `None` if nobody ever joined: the group is there for its offsets.
    pub fn metadata(&self) -> Option<&GroupMetadataValue> {
        self.metadata.as_ref()
    }

    /// The offsets, by topic and partition. No topic is without any.
    pub fn offsets(&self) -> &BTreeMap<String, BTreeMap<i32, OffsetCommitValue>> {
        &self.offsets
    }

    /// The offset of one partition.
    pub fn offset(&self, topic: &str, partition: i32) -> Option<&OffsetCommitValue> {
        self.offsets.get(topic)?.get(&partition)
    }

    /// Whether an open transaction has an offset of a partition.
    pub fn is_pending(&self, topic: &str, partition: i32) -> bool {
        let partitions = self.pending.get(topic);
        partitions.is_some_and(|partitions| partitions.contains_key(&partition))
    }

    /// Whether an open transaction has any offset.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The offsets that open transactions have of a topic, with their partitions.
    pub fn pending_of(&self, topic: &str) -> impl Iterator<Item = (i32, &PendingOffset)> {
        let partitions = self.pending.get(topic).into_iter().flatten();
        partitions.flat_map(|(&partition, pending)| pending.values().map(move |it| (partition, it)))
    }

    /// The key of every offset, of those of open transactions too.
    pub fn offset_keys(&self, group_id: &str) -> BTreeSet<OffsetCommitKey> {
        let committed = self.offsets.iter();
        let committed = committed.flat_map(|(topic, it)| it.keys().map(move |key| (topic, *key)));
        let pending = self.pending.iter();
        let pending = pending.flat_map(|(topic, it)| it.keys().map(move |key| (topic, *key)));
        let keys = committed
            .chain(pending)
            .map(|(topic, partition)| OffsetCommitKey {
                group_id: group_id.to_owned(),
                topic: topic.clone(),
                partition,
            });
        keys.collect()
    }

    /// Whether it is nothing but a name.
    pub(super) fn is_bare(&self) -> bool {
        self.metadata.is_none() && self.offsets.is_empty() && self.pending.is_empty()
    }

    /// Takes an offset that is committed with a record that stands at `at`.
    pub(super) fn commit(
        &mut self,
        topic: &str,
        partition: i32,
        at: Offset,
        value: OffsetCommitValue,
    ) {
        // What was written before it can change nothing any more.
        self.drop_pending(topic, partition, |pending| pending.at < at);
        match self.offsets.get_mut(topic) {
            Some(partitions) => _ = partitions.insert(partition, value),
            None => {
                let partitions = [(partition, value)].into();
                self.offsets.insert(topic.to_owned(), partitions);
            }
        }
    }

    /// Takes an offset of an open transaction.
    pub(super) fn add_pending(
        &mut self,
        topic: &str,
        partition: i32,
        producer_id: i64,
        offset: PendingOffset,
    ) {
        let partitions = self.pending.entry(topic.to_owned()).or_default();
        let pending = partitions.entry(partition).or_default();
        pending.insert(producer_id, offset);
    }

    /// Forgets offsets of open transactions.
    pub(super) fn drop_pending(
        &mut self,
        topic: &str,
        partition: i32,
        is_dropped: impl Fn(&PendingOffset) -> bool,
    ) {
        let Some(partitions) = self.pending.get_mut(topic) else {
            return;
        };
        let Some(pending) = partitions.get_mut(&partition) else {
            return;
        };
        pending.retain(|_, offset| !is_dropped(offset));
        if pending.is_empty() {
            partitions.remove(&partition);
        }
        if partitions.is_empty() {
            self.pending.remove(topic);
        }
    }

    /// Takes out the offsets of one transaction.
    pub(super) fn take_pending(&mut self, producer_id: i64) -> Vec<(String, i32, PendingOffset)> {
        let mut taken = Vec::new();
        self.pending.retain(|topic, partitions| {
            partitions.retain(|&partition, pending| {
                let offset = pending.remove(&producer_id);
                taken.extend(offset.map(|offset| (topic.clone(), partition, offset)));
                !pending.is_empty()
            });
            !partitions.is_empty()
        });
        taken
    }
}
