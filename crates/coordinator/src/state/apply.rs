//! Folding records.
//!
//! An offset makes its group, if there is none: so simple consumers have groups without a record
//! of their own. Only the tombstone of a group ends it; if offsets are left (another kind of group
//! took over the name, or compaction has not come by), they stay.

use super::State;
use crate::record::{OffsetCommitKey, OffsetCommitValue, Record};

impl State {
    /// Takes one record of the log.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::OffsetCommit {
                key,
                value: Some(value),
            } => self.commit(key, value),
            Record::OffsetCommit { key, value: None } => self.forget(key),
            Record::GroupMetadata {
                group_id,
                value: Some(value),
            } => {
                let group = self.groups.entry(group_id.clone()).or_default();
                group.metadata = Some(value.clone());
            }
            Record::GroupMetadata {
                group_id,
                value: None,
            } => self.end(group_id),
        }
    }

    fn commit(&mut self, key: &OffsetCommitKey, value: &OffsetCommitValue) {
        if !self.groups.contains_key(&key.group_id) {
            self.groups.insert(key.group_id.clone(), Default::default());
        }
        let group = self
            .groups
            .get_mut(&key.group_id)
            .expect("it was just made");
        match group.offsets.get_mut(&key.topic) {
            Some(partitions) => {
                partitions.insert(key.partition, value.clone());
            }
            None => {
                let partitions = [(key.partition, value.clone())].into();
                group.offsets.insert(key.topic.clone(), partitions);
            }
        }
    }

    fn forget(&mut self, key: &OffsetCommitKey) {
        let Some(group) = self.groups.get_mut(&key.group_id) else {
            return;
        };
        let Some(partitions) = group.offsets.get_mut(&key.topic) else {
            return;
        };
        partitions.remove(&key.partition);
        if partitions.is_empty() {
            group.offsets.remove(&key.topic);
        }
    }

    fn end(&mut self, group_id: &str) {
        let Some(group) = self.groups.get_mut(group_id) else {
            return;
        };
        group.metadata = None;
        if group.offsets.is_empty() {
            self.groups.remove(group_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::types::TopicId;

    use super::*;
    use crate::record::GroupMetadataValue;

    fn key(partition: i32) -> OffsetCommitKey {
        OffsetCommitKey {
            group_id: "g".into(),
            topic: "t".into(),
            partition,
        }
    }

    fn commit(partition: i32, offset: i64) -> Record {
        let value = OffsetCommitValue {
            offset,
            leader_epoch: -1,
            metadata: String::new(),
            commit_timestamp_ms: 0,
            expire_timestamp_ms: None,
            topic_id: TopicId::ZERO,
        };
        Record::OffsetCommit {
            key: key(partition),
            value: Some(value),
        }
    }

    fn forget(partition: i32) -> Record {
        Record::OffsetCommit {
            key: key(partition),
            value: None,
        }
    }

    fn group(value: Option<GroupMetadataValue>) -> Record {
        Record::GroupMetadata {
            group_id: "g".into(),
            value,
        }
    }

    fn fold(records: &[Record]) -> State {
        let mut state = State::default();
        for record in records {
            state.apply(record);
        }
        state
    }

    #[test]
    fn the_last_offset_of_a_partition_stands() {
        let state = fold(&[commit(0, 1), commit(1, 5), commit(0, 2)]);
        let group = state.group("g").unwrap();
        assert_eq!(group.offset("t", 0).unwrap().offset, 2);
        assert_eq!(group.offset("t", 1).unwrap().offset, 5);
        assert_eq!(group.offset("t", 2), None);
        assert_eq!(group.metadata(), None);
    }

    #[test]
    fn a_group_outlives_its_last_offset_until_its_tombstone() {
        let mut state = fold(&[commit(0, 1), forget(0)]);
        assert!(state.group("g").unwrap().offsets().is_empty());
        state.apply(&group(None));
        assert_eq!(state, State::default());
    }

    #[test]
    fn offsets_outlive_the_tombstone_of_their_group() {
        let state = fold(&[
            group(Some(GroupMetadataValue::default())),
            commit(0, 1),
            group(None),
        ]);
        let group = state.group("g").unwrap();
        assert_eq!(group.metadata(), None);
        assert_eq!(group.offset("t", 0).unwrap().offset, 1);
    }

    #[test]
    fn tombstones_of_what_is_not_there_change_nothing() {
        assert_eq!(fold(&[forget(0), group(None)]), State::default());
        let state = fold(&[commit(0, 1), forget(3)]);
        assert!(state.group("g").unwrap().offset("t", 0).is_some());
    }
}
