//! OffsetDelete: an operator removes offsets of topics that the group does not read.

use ottla_protocol::ErrorCode;
use ottla_statemachine::Outbox;

use super::PartitionResult;
use crate::live::{Live, Phase};
use crate::machine::{Groups, Reply};
use crate::record::{OffsetCommitKey, Record};
use crate::state::{Group, State};

/// Offsets to delete.
#[derive(Clone, Debug)]
pub struct OffsetDelete {
    /// Which group.
    pub group_id: String,
    /// The partitions.
    pub topics: Vec<TopicPartitions>,
}

/// The partitions of one topic.
#[derive(Clone, Debug)]
pub struct TopicPartitions {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: Vec<i32>,
}

/// What became of the offsets of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicResults {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: Vec<PartitionResult>,
}

impl OffsetDelete {
    pub(crate) fn decide(self, hard: &State, live: &Live, out: &mut Outbox<Groups>) {
        let reply = self.check(hard, live).and_then(|group| {
            let records = self.tombstones(group, live);
            if !out.fits(&records) {
                return Err(ErrorCode::UnknownServerError);
            }
            out.extend(records);
            Ok(self.results(live))
        });
        out.reply(Reply::OffsetDelete(reply));
    }

    fn check<'a>(&self, hard: &'a State, live: &Live) -> Result<&'a Group, ErrorCode> {
        if self.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let group = hard
            .group(&self.group_id)
            .ok_or(ErrorCode::GroupIdNotFound)?;
        match live.group(&self.group_id) {
            Some(live) if live.phase != Phase::Empty && !live.are_consumers() => {
                Err(ErrorCode::NonEmptyGroup)
            }
            _ => Ok(group),
        }
    }

    fn tombstones(&self, group: &Group, live: &Live) -> Vec<Record> {
        let topics = self.topics.iter();
        let partitions = topics
            .filter(|topic| !self.is_subscribed_to(topic, live))
            .flat_map(|topic| {
                topic
                    .partitions
                    .iter()
                    .map(|&partition| (&topic.name, partition))
            });
        partitions
            .filter(|(topic, partition)| {
                group.offset(topic, *partition).is_some() || group.is_pending(topic, *partition)
            })
            .map(|(topic, partition)| Record::OffsetCommit {
                key: OffsetCommitKey {
                    group_id: self.group_id.clone(),
                    topic: topic.clone(),
                    partition,
                },
                value: None,
            })
            .collect()
    }

    fn results(&self, live: &Live) -> Vec<TopicResults> {
        let topics = self.topics.iter().map(|topic| {
            let error = if self.is_subscribed_to(topic, live) {
                ErrorCode::GroupSubscribedToTopic
            } else {
                ErrorCode::None
            };
            let partitions = topic.partitions.iter();
            let partitions = partitions.map(|&partition| PartitionResult { partition, error });
            TopicResults {
                name: topic.name.clone(),
                partitions: partitions.collect(),
            }
        });
        topics.collect()
    }

    /// A group in which nothing goes on reads nothing.
    fn is_subscribed_to(&self, topic: &TopicPartitions, live: &Live) -> bool {
        let group = live.group(&self.group_id);
        group.is_some_and(|group| group.is_subscribed_to(&topic.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::{CommitTopic, JoinGroup, Protocol};
    use crate::testing::*;

    fn deleted(bench: &mut Bench, group_id: &str) -> Result<Vec<ErrorCode>, ErrorCode> {
        let of = |name: &str, partitions: &[i32]| TopicPartitions {
            name: name.into(),
            partitions: partitions.to_vec(),
        };
        let delete = OffsetDelete {
            group_id: group_id.into(),
            topics: vec![of("t", &[0]), of("u", &[0, 9])],
        };
        match bench.ask(Input::OffsetDelete(delete)) {
            Reply::OffsetDelete(reply) => reply.map(|topics| {
                let partitions = topics.into_iter().flat_map(|topic| topic.partitions);
                partitions.map(|partition| partition.error).collect()
            }),
            other => panic!("{other:?}"),
        }
    }

    fn commit_both(bench: &mut Bench, member_id: &str, generation: i32) {
        let mut asked = commit_as(member_id, generation, 7);
        let other = CommitTopic {
            name: "u".into(),
            ..asked.topics[0].clone()
        };
        asked.topics.push(other);
        bench.commit(asked).unwrap();
    }

    fn left(bench: &Bench) -> Vec<&str> {
        let group = bench.rig.hard().group(GROUP).unwrap();
        group.offsets().keys().map(String::as_str).collect()
    }

    #[test]
    fn an_empty_group_loses_what_it_is_asked_to() {
        let mut bench = Bench::new();
        assert_eq!(deleted(&mut bench, ""), Err(ErrorCode::InvalidGroupId));
        assert_eq!(deleted(&mut bench, GROUP), Err(ErrorCode::GroupIdNotFound));
        commit_both(&mut bench, "", -1);
        assert_eq!(deleted(&mut bench, GROUP), Ok(vec![ErrorCode::None; 3]));
        assert_eq!(left(&bench), [""; 0]);
        assert_eq!(bench.state(), "Empty");
    }

    #[test]
    fn offsets_of_topics_that_consumers_read_stay() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        commit_both(&mut bench, &members[0], generation);
        let subscribed = ErrorCode::GroupSubscribedToTopic;
        let told = deleted(&mut bench, GROUP);
        assert_eq!(told, Ok(vec![subscribed, ErrorCode::None, ErrorCode::None]));
        assert_eq!(left(&bench), ["t"]);
        bench.fail_over();
        assert_eq!(deleted(&mut bench, GROUP).unwrap()[0], subscribed);
    }

    #[test]
    fn of_consumers_that_cannot_be_read_every_offset_stays() {
        let mut bench = Bench::new();
        let mut odd = JoinGroup {
            version: 3,
            ..join()
        };
        odd.protocols = vec![Protocol {
            name: "range".into(),
            metadata: vec![9].into(),
        }];
        let asker = bench.send(Input::JoinGroup(odd));
        bench.advance_ms(INITIAL_DELAY_MS);
        let member_id = bench.joined(asker).member_id;
        bench.sync_all(std::slice::from_ref(&member_id), 1);
        commit_both(&mut bench, &member_id, 1);
        let told = deleted(&mut bench, GROUP);
        assert_eq!(told, Ok(vec![ErrorCode::GroupSubscribedToTopic; 3]));
    }

    #[test]
    fn a_group_of_anything_but_consumers_must_be_empty() {
        let mut bench = Bench::new();
        let mut connect = JoinGroup {
            version: 3,
            ..join()
        };
        connect.protocol_type = "connect".into();
        let asker = bench.send(Input::JoinGroup(connect));
        bench.advance_ms(INITIAL_DELAY_MS);
        assert_eq!(deleted(&mut bench, GROUP), Err(ErrorCode::NonEmptyGroup));
        let member_id = bench.joined(asker).member_id;
        bench.leave(&[(&member_id, None)]);
        assert_eq!(deleted(&mut bench, GROUP), Ok(vec![ErrorCode::None; 3]));
    }
}
