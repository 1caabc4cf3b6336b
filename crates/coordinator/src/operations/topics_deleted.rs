//! Topics are gone: the offsets of their partitions go too.

use std::collections::BTreeSet;

use ottla_protocol::types::TopicId;
use ottla_statemachine::Outbox;

use super::offset_fetch::is_of;
use crate::machine::{Groups, Reply};
use crate::record::{OffsetCommitKey, Record};
use crate::state::{Group, State};

/// Topics that are no more.
#[derive(Clone, Debug)]
pub struct TopicsDeleted {
    /// Which.
    pub topics: Vec<DeletedTopic>,
}

/// A topic that is no more. Offsets that were committed for another topic of that name stay.
#[derive(Clone, Debug)]
pub struct DeletedTopic {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub topic_id: TopicId,
}

impl TopicsDeleted {
    /// Removes as many offsets as fit the batch, and says whether that was all.
    pub(crate) fn decide(self, hard: &State, out: &mut Outbox<Groups>) {
        let complete = hard
            .groups()
            .all(|(group_id, group)| self.forget(group_id, group, out));
        out.reply(Reply::TopicsDeleted { complete });
    }

    fn forget(&self, group_id: &str, group: &Group, out: &mut Outbox<Groups>) -> bool {
        for topic in &self.topics {
            let committed = group.offsets().get(&topic.name).into_iter().flatten();
            let committed = committed.map(|(&partition, value)| (partition, value));
            let pending = group.pending_of(&topic.name);
            let pending = pending.map(|(partition, offset)| (partition, &offset.value));
            let of_it = committed.chain(pending);
            let of_it = of_it.filter(|(_, value)| is_of(value, topic.topic_id));
            let partitions: BTreeSet<i32> = of_it.map(|(partition, _)| partition).collect();
            for partition in partitions {
                let record = Record::OffsetCommit {
                    key: OffsetCommitKey {
                        group_id: group_id.to_owned(),
                        topic: topic.name.clone(),
                        partition,
                    },
                    value: None,
                };
                if !out.fits(std::slice::from_ref(&record)) {
                    return false;
                }
                out.record(record);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::OffsetCommit;
    use crate::testing::*;
    use uuid::Uuid;

    fn id(number: u128) -> TopicId {
        TopicId(Uuid::from_u128(number))
    }

    fn deleted(bench: &mut Bench, name: &str, number: u128) -> bool {
        let topics = vec![DeletedTopic {
            name: name.into(),
            topic_id: id(number),
        }];
        match bench.ask(Input::TopicsDeleted(TopicsDeleted { topics })) {
            Reply::TopicsDeleted { complete } => complete,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_offsets_of_a_deleted_topic_go_in_every_group() {
        let mut bench = Bench::new();
        for group_id in ["g", "h"] {
            let asked = OffsetCommit {
                group_id: group_id.into(),
                ..commit(5)
            };
            bench.commit(asked).unwrap();
        }
        assert!(deleted(&mut bench, "u", 1));
        assert_eq!(bench.offset(0), 5);
        assert!(deleted(&mut bench, "t", 1));
        let mut groups = bench.rig.hard().groups();
        assert!(groups.all(|(_, group)| group.offsets().is_empty()));
    }

    #[test]
    fn offsets_of_a_later_topic_of_that_name_stay() {
        let mut bench = Bench::new();
        let mut asked = commit(5);
        asked.topics[0].topic_id = id(2);
        bench.commit(asked).unwrap();
        assert!(deleted(&mut bench, "t", 1));
        assert_eq!(bench.offset(0), 5);
        assert!(deleted(&mut bench, "t", 2));
        assert_eq!(bench.offset(0), -1);
    }

    #[test]
    fn more_than_a_batch_holds_goes_in_parts() {
        let mut bench = Bench::with_records_max(4);
        bench.commit(commit_many(4)).unwrap();
        bench
            .commit(OffsetCommit {
                group_id: "h".into(),
                ..commit_many(3)
            })
            .unwrap();
        assert!(!deleted(&mut bench, "t", 1));
        assert!(deleted(&mut bench, "t", 1));
    }
}
