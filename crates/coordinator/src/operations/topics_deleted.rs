//! Topics are gone: the offsets of their partitions go too.

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
            let Some(partitions) = group.offsets().get(&topic.name) else {
                continue;
            };
            for (&partition, value) in partitions {
                if !is_of(value, topic.topic_id) {
                    continue;
                }
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
