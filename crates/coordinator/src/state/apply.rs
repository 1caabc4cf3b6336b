//! Folding records.
//!
//! An offset makes its group, if there is none: so simple consumers have groups without a record
//! of their own. Only the tombstone of a group ends it; if offsets are left (another kind of group
//! took over the name, or compaction has not come by), they stay.

use ottla_statemachine::Offset;

use super::{PendingOffset, State};
use crate::record::{OffsetCommitKey, Record};

impl State {
    /// Takes one record of the log, which stands at `at`.
    pub fn apply(&mut self, at: Offset, record: &Record) {
        match record {
            Record::OffsetCommit {
                key,
                value: Some(value),
            } => {
                let group = self.groups.entry(key.group_id.clone()).or_default();
                group.commit(&key.topic, key.partition, at, value.clone());
            }
            Record::OffsetCommit { key, value: None } => self.forget(key),
            Record::TransactionalOffset {
                producer,
                key,
                value,
            } => {
                let pending = PendingOffset {
                    at,
                    value: value.clone(),
                };
                let group = self.groups.entry(key.group_id.clone()).or_default();
                group.add_pending(&key.topic, key.partition, producer.id, pending);
                self.producers.commit(*producer, &key.group_id);
            }
            Record::EndOfTransaction { producer, marker } => {
                let groups = self.producers.end(*producer, marker.coordinator_epoch, at);
                for group_id in groups {
                    self.end_transaction(&group_id, producer.id, marker.commits);
                }
            }
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

    /// What the transaction has of a group is committed, unless a later record was before it; or it is forgotten.
    fn end_transaction(&mut self, group_id: &str, producer_id: i64, commits: bool) {
        let Some(group) = self.groups.get_mut(group_id) else {
            return;
        };
        for (topic, partition, PendingOffset { at, value }) in group.take_pending(producer_id) {
            if commits {
                group.commit(&topic, partition, at, value);
            }
        }
    }

    fn forget(&mut self, key: &OffsetCommitKey) {
        let Some(group) = self.groups.get_mut(&key.group_id) else {
            return;
        };
        group.drop_pending(&key.topic, key.partition, |_| true);
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
        if group.is_bare() {
            self.groups.remove(group_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::types::TopicId;

    use super::*;
    use ottla_protocol::records::EndMarker;

    use crate::record::{GroupMetadataValue, OffsetCommitValue, TransactionalProducer};

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
        for (record, at) in records.iter().zip(0..) {
            state.apply(Offset(at), record);
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
        state.apply(Offset(2), &group(None));
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

    fn pending(producer_id: i64, partition: i32, offset: i64) -> Record {
        let producer = TransactionalProducer {
            id: producer_id,
            epoch: 0,
        };
        crate::record::in_transaction(commit(partition, offset), producer)
    }

    fn end(producer_id: i64, commits: bool) -> Record {
        Record::EndOfTransaction {
            producer: TransactionalProducer {
                id: producer_id,
                epoch: 0,
            },
            marker: EndMarker {
                commits,
                coordinator_epoch: 1,
            },
        }
    }

    fn offset_after(records: &[Record]) -> Option<i64> {
        let state = fold(records);
        let group = state.group("g")?;
        group.offset("t", 0).map(|value| value.offset)
    }

    #[test]
    fn offsets_of_a_transaction_count_when_it_is_committed() {
        assert_eq!(offset_after(&[commit(0, 1), pending(7, 0, 2)]), Some(1));
        let ended = |commits| offset_after(&[commit(0, 1), pending(7, 0, 2), end(7, commits)]);
        assert_eq!((ended(true), ended(false)), (Some(2), Some(1)));
        assert_eq!(offset_after(&[pending(7, 0, 2), end(8, true)]), None);
    }

    #[test]
    fn the_last_record_counts_whenever_its_transaction_ended() {
        let late = [pending(7, 0, 2), commit(0, 3), end(7, true)];
        assert_eq!(offset_after(&late), Some(3));
        let crossed = [
            pending(7, 0, 2),
            pending(8, 0, 3),
            end(8, true),
            end(7, true),
        ];
        assert_eq!(offset_after(&crossed), Some(3));
        let in_turn = [
            pending(7, 0, 2),
            pending(8, 0, 3),
            end(7, true),
            end(8, true),
        ];
        assert_eq!(offset_after(&in_turn), Some(3));
        let aborted = [
            pending(7, 0, 2),
            pending(8, 0, 3),
            end(8, false),
            end(7, true),
        ];
        assert_eq!(offset_after(&aborted), Some(2));
    }

    #[test]
    fn a_group_is_there_while_a_transaction_has_offsets_of_it() {
        let open = fold(&[pending(7, 0, 2), group(None)]);
        assert!(open.group("g").unwrap().is_pending("t", 0));
        let forgotten = fold(&[pending(7, 0, 2), forget(0), group(None), end(7, true)]);
        assert!(forgotten.group("g").is_none());
    }
}
