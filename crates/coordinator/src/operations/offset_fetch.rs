//! OffsetFetch: how far a group is, of the partitions asked for or of all.
//!
//! What is read may not be committed yet; the answer waits for that, as all answers do, and so is
//! stable in any case; unless an open transaction has an offset for the partition, which who asks for
//! stable ones is told as an error. Member ids and epochs are checked for other types of groups only.

use ottla_protocol::ErrorCode;
use ottla_protocol::types::TopicId;

use crate::record::OffsetCommitValue;
use crate::state::{Group, State};

/// What stands for an offset where there is none.
const INVALID_OFFSET: i64 = -1;

/// A question for offsets.
#[derive(Clone, Debug)]
pub struct OffsetFetch {
    /// Which group.
    pub group_id: String,
    /// Who asks, if a member of a group of another type does.
    pub member_id: Option<String>,
    /// The epoch of that member; −1.
    pub member_epoch: i32,
    /// Whether it is an error that an open transaction has an offset (KIP-447).
    pub require_stable: bool,
    /// The partitions; `None` for all that have an offset.
    pub topics: Option<Vec<FetchTopic>>,
}

/// The partitions of one topic.
#[derive(Clone, Debug)]
pub struct FetchTopic {
    /// Its name.
    pub name: String,
    /// Its identity; zero if it is not known. Offsets of another topic of that name are not shown.
    pub topic_id: TopicId,
    /// Its partitions.
    pub partitions: Vec<i32>,
}

/// The offsets of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedTopic {
    /// Its name.
    pub name: String,
    /// Its identity, as it was asked; if all were asked for, as it was committed.
    pub topic_id: TopicId,
    /// Its partitions.
    pub partitions: Vec<FetchedPartition>,
}

/// The offset of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPartition {
    /// Which partition.
    pub partition: i32,
    /// The next record that the group wants; −1 if it has said nothing.
    pub offset: i64,
    /// The leader epoch of the last record that it had; −1 if it has not said.
    pub leader_epoch: i32,
    /// What it keeps with it.
    pub metadata: String,
    /// Whether it is known.
    pub error: ErrorCode,
}

impl OffsetFetch {
    pub(crate) fn decide(self, hard: &State) -> Result<Vec<FetchedTopic>, ErrorCode> {
        let group = hard.group(&self.group_id);
        Ok(match (self.topics, group) {
            (Some(topics), group) => {
                let topics = topics.into_iter();
                topics
                    .map(|topic| fetch_topic(topic, group, self.require_stable))
                    .collect()
            }
            (None, Some(group)) => fetch_all(group, self.require_stable),
            (None, None) => Vec::new(),
        })
    }
}

fn fetch_topic(topic: FetchTopic, group: Option<&Group>, require_stable: bool) -> FetchedTopic {
    let partitions = topic.partitions.iter().map(|&partition| {
        if require_stable && group.is_some_and(|group| group.is_pending(&topic.name, partition)) {
            return unstable(partition);
        }
        let value = group.and_then(|group| group.offset(&topic.name, partition));
        let value = value.filter(|value| is_of(value, topic.topic_id));
        fetched(partition, value)
    });
    FetchedTopic {
        partitions: partitions.collect(),
        name: topic.name,
        topic_id: topic.topic_id,
    }
}

/// Whether an offset is one of this topic, as far as anyone knows.
pub(super) fn is_of(value: &OffsetCommitValue, topic_id: TopicId) -> bool {
    value.topic_id.is_zero() || topic_id.is_zero() || value.topic_id == topic_id
}

fn fetch_all(group: &Group, require_stable: bool) -> Vec<FetchedTopic> {
    let topics = group.offsets().iter().map(|(name, partitions)| {
        let mut ids = partitions.values().map(|value| value.topic_id);
        FetchedTopic {
            name: name.clone(),
            topic_id: ids.find(|id| !id.is_zero()).unwrap_or(TopicId::ZERO),
            partitions: partitions
                .iter()
                .map(|(&partition, value)| match require_stable {
                    true if group.is_pending(name, partition) => unstable(partition),
                    _ => fetched(partition, Some(value)),
                })
                .collect(),
        }
    });
    topics.collect()
}

/// Nobody knows yet what it will be.
fn unstable(partition: i32) -> FetchedPartition {
    FetchedPartition {
        error: ErrorCode::UnstableOffsetCommit,
        ..fetched(partition, None)
    }
}

fn fetched(partition: i32, value: Option<&OffsetCommitValue>) -> FetchedPartition {
    FetchedPartition {
        partition,
        offset: value.map_or(INVALID_OFFSET, |value| value.offset),
        leader_epoch: value.map_or(-1, |value| value.leader_epoch),
        metadata: value
            .map(|value| value.metadata.clone())
            .unwrap_or_default(),
        error: ErrorCode::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Input, Reply};
    use crate::operations::{CommitTopic, OffsetCommit};
    use crate::testing::*;
    use uuid::Uuid;

    fn fetched(bench: &mut Bench, topics: Option<Vec<FetchTopic>>) -> Vec<FetchedTopic> {
        match bench.ask(Input::OffsetFetch(fetch(topics))) {
            Reply::OffsetFetch(Ok(topics)) => topics,
            other => panic!("{other:?}"),
        }
    }

    fn of(name: &str, topic_id: u128, partitions: &[i32]) -> FetchTopic {
        FetchTopic {
            name: name.into(),
            topic_id: TopicId(Uuid::from_u128(topic_id)),
            partitions: partitions.to_vec(),
        }
    }

    fn commit_for(topic_id: u128) -> OffsetCommit {
        let mut asked = commit_many(2);
        asked.topics[0].topic_id = TopicId(Uuid::from_u128(topic_id));
        asked.topics[0].partitions[0].leader_epoch = 4;
        asked.topics[0].partitions[0].metadata = Some("md".into());
        asked
    }

    #[test]
    fn offsets_are_told_and_where_there_is_none_minus_one() {
        let mut bench = Bench::new();
        bench.commit(commit_for(0)).unwrap();
        let told = fetched(
            &mut bench,
            Some(vec![of("t", 0, &[0, 5]), of("u", 0, &[0])]),
        );
        let known = FetchedPartition {
            partition: 0,
            offset: 7,
            leader_epoch: 4,
            metadata: "md".into(),
            error: ErrorCode::None,
        };
        let unknown = |partition| FetchedPartition {
            partition,
            offset: -1,
            leader_epoch: -1,
            metadata: String::new(),
            error: ErrorCode::None,
        };
        assert_eq!(told[0].partitions, [known, unknown(5)]);
        assert_eq!(
            (told[1].name.as_str(), &told[1].partitions[..]),
            ("u", &[unknown(0)][..])
        );
    }

    #[test]
    fn all_offsets_are_told_if_nobody_says_which() {
        let mut bench = Bench::new();
        assert_eq!(fetched(&mut bench, None), []);
        let mut asked = commit_for(3);
        let other = CommitTopic {
            name: "u".into(),
            ..asked.topics[0].clone()
        };
        asked.topics.push(other);
        bench.commit(asked).unwrap();
        let told = fetched(&mut bench, None);
        let names: Vec<_> = told.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(names, ["t", "u"]);
        assert_eq!(told[0].partitions.len(), 2);
        assert_eq!(told[0].topic_id, TopicId(Uuid::from_u128(3)));
    }

    #[test]
    fn offsets_of_a_topic_that_only_has_the_same_name_are_not_told() {
        for (committed, asked, offset) in [(3, 3, 7), (3, 0, 7), (0, 3, 7), (3, 4, -1)] {
            let mut bench = Bench::new();
            bench.commit(commit_for(committed)).unwrap();
            let told = fetched(&mut bench, Some(vec![of("t", asked, &[0])]));
            assert_eq!(told[0].partitions[0].offset, offset, "{committed} {asked}");
        }
    }
}
