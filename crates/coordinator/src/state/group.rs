//! One group as the log knows it.

use std::collections::BTreeMap;

use crate::record::{GroupMetadataValue, OffsetCommitKey, OffsetCommitValue};

/// A group's last written membership, and its offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub(super) metadata: Option<GroupMetadataValue>,
    pub(super) offsets: BTreeMap<String, BTreeMap<i32, OffsetCommitValue>>,
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

    /// The key of every offset.
    pub fn offset_keys<'a>(
        &'a self,
        group_id: &'a str,
    ) -> impl Iterator<Item = OffsetCommitKey> + 'a {
        self.offsets.iter().flat_map(move |(topic, partitions)| {
            partitions.keys().map(move |partition| OffsetCommitKey {
                group_id: group_id.to_owned(),
                topic: topic.clone(),
                partition: *partition,
            })
        })
    }
}
