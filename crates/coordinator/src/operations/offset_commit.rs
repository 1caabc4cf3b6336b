//! OffsetCommit: a group, or a consumer without one, says how far it is. TxnOffsetCommit: how far it will be, if a
//! transaction is committed; the generation and the member fence those who do not consume any more (KIP-447).

use ottla_protocol::ErrorCode;
use ottla_protocol::fields::OLD_STRING_BYTES_MAX;
use ottla_protocol::types::TopicId;
use ottla_statemachine::{Outbox, Timestamp};

use super::Turn;
use crate::live::{Live, LiveGroup, Phase};
use crate::machine::{Groups, Reply};
use crate::record::{
    OffsetCommitKey, OffsetCommitValue, Record, TransactionalProducer, in_transaction,
};
use crate::state::State;

/// From this version on an unknown group is an error of its own.
const GROUP_ID_NOT_FOUND_VERSION_MIN: i16 = 9;
/// What a request says that leaves the retention of its offsets to the broker.
const DEFAULT_RETENTION_TIME: i64 = -1;

/// Offsets to commit.
#[derive(Clone, Debug)]
pub struct OffsetCommit {
    /// The request's version.
    pub version: i16,
    /// Which group.
    pub group_id: String,
    /// The generation that the committer is in; −1 if it is in none.
    pub generation: i32,
    /// Who commits; empty if it is no member.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
    /// Who writes, if the offsets are part of a transaction.
    pub transaction: Option<TransactionalProducer>,
    /// How long to keep the offsets; −1, and from version 5 on, as long as the broker says.
    pub retention_time_ms: i64,
    /// The offsets.
    pub topics: Vec<CommitTopic>,
}

/// Offsets of one topic, which exists.
#[derive(Clone, Debug)]
pub struct CommitTopic {
    /// Its name.
    pub name: String,
    /// Its identity; zero if it is not known.
    pub topic_id: TopicId,
    /// Its partitions.
    pub partitions: Vec<CommitPartition>,
}

/// The offset of one partition.
#[derive(Clone, Debug)]
pub struct CommitPartition {
    /// Which partition.
    pub partition: i32,
    /// The next record that the group wants.
    pub offset: i64,
    /// The leader epoch of the last record that it had; −1 if it does not say.
    pub leader_epoch: i32,
    /// What to keep with it.
    pub metadata: Option<String>,
}

/// What became of the offsets of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedTopic {
    /// Its name.
    pub name: String,
    /// Its identity, as it was asked.
    pub topic_id: TopicId,
    /// Its partitions.
    pub partitions: Vec<PartitionResult>,
}

/// What became of one partition's offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionResult {
    /// Which partition.
    pub partition: i32,
    /// Whether it was done.
    pub error: ErrorCode,
}

impl OffsetCommit {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Groups>,
    ) {
        let allowed = match Turn::take(hard, live, &self.group_id, now, out) {
            Some(mut turn) => {
                let allowed = self.check(&turn.group);
                if allowed.is_ok() && self.transaction.is_none() {
                    self.renew_session(&mut turn);
                }
                turn.put(live);
                allowed
            }
            None => self.check_without_group(),
        };
        let reply = allowed.and_then(|()| {
            if let Some(producer) = self.transaction {
                hard.producers().check(producer)?;
            }
            let (records, topics) = self.commit(hard, now)?;
            if !out.fits(&records) {
                return Err(ErrorCode::UnknownServerError);
            }
            out.extend(records);
            Ok(topics)
        });
        out.reply(Reply::OffsetCommit(reply));
    }

    /// Who is in no generation makes a group by committing.
    fn check_without_group(&self) -> Result<(), ErrorCode> {
        if self.generation < 0 {
            Ok(())
        } else if self.transaction.is_none() && self.version >= GROUP_ID_NOT_FOUND_VERSION_MIN {
            Err(ErrorCode::GroupIdNotFound)
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    fn check(&self, group: &LiveGroup) -> Result<(), ErrorCode> {
        if self.generation < 0 && group.phase == Phase::Empty {
            return Ok(());
        }
        let is_anonymous =
            self.generation < 0 && self.member_id.is_empty() && self.instance_id.is_none();
        if is_anonymous {
            // Old clients do not say for whom they commit in a transaction.
            return match self.transaction {
                Some(_) => Ok(()),
                None => Err(ErrorCode::UnknownMemberId),
            };
        }
        group.validate_member(&self.member_id, self.instance_id.as_deref())?;
        if self.generation != group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if group.phase == Phase::CompletingRebalance && self.transaction.is_none() {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// A member that commits is there.
    fn renew_session(&self, turn: &mut Turn<'_>) {
        match turn.group.phase {
            Phase::Stable | Phase::PreparingRebalance { .. } => turn.renew_session(&self.member_id),
            Phase::Empty | Phase::CompletingRebalance => {}
        }
    }

    fn commit(
        self,
        hard: &State,
        now: Timestamp,
    ) -> Result<(Vec<Record>, Vec<CommittedTopic>), ErrorCode> {
        let expire_timestamp_ms = (self.retention_time_ms != DEFAULT_RETENTION_TIME)
            .then(|| now.plus_ms(self.retention_time_ms).0.max(0));
        let metadata_units_max = hard.config().offset_metadata_max_bytes;
        let mut records = Vec::new();
        let mut topics = Vec::new();
        for topic in self.topics {
            let mut results = Vec::new();
            for partition in topic.partitions {
                let metadata = partition.metadata.unwrap_or_default();
                let error = if metadata.encode_utf16().count() > metadata_units_max {
                    ErrorCode::OffsetMetadataTooLarge
                } else {
                    let key = OffsetCommitKey {
                        group_id: self.group_id.clone(),
                        topic: topic.name.clone(),
                        partition: partition.partition,
                    };
                    let value = OffsetCommitValue {
                        offset: partition.offset,
                        leader_epoch: partition.leader_epoch,
                        metadata,
                        commit_timestamp_ms: now.0,
                        expire_timestamp_ms,
                        topic_id: topic.topic_id,
                    };
                    let record = record(key, value)?;
                    records.push(match self.transaction {
                        Some(producer) => in_transaction(record, producer),
                        None => record,
                    });
                    ErrorCode::None
                };
                results.push(PartitionResult {
                    partition: partition.partition,
                    error,
                });
            }
            topics.push(CommittedTopic {
                name: topic.name,
                topic_id: topic.topic_id,
                partitions: results,
            });
        }
        Ok((records, topics))
    }
}

/// The record, with what its version has room for.
fn record(key: OffsetCommitKey, mut value: OffsetCommitValue) -> Result<Record, ErrorCode> {
    let expires = value.expire_timestamp_ms.is_some();
    if expires {
        value.leader_epoch = -1;
        value.topic_id = TopicId::ZERO;
    }
    let too_long = key.group_id.len() > OLD_STRING_BYTES_MAX
        || key.topic.len() > OLD_STRING_BYTES_MAX
        || (expires && value.metadata.len() > OLD_STRING_BYTES_MAX);
    if too_long {
        return Err(ErrorCode::UnknownServerError);
    }
    Ok(Record::OffsetCommit {
        key,
        value: Some(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::JoinGroup;
    use crate::testing::*;
    use uuid::Uuid;

    #[test]
    fn a_consumer_without_a_group_makes_one_by_committing() {
        let mut bench = Bench::new();
        assert_eq!(bench.commit(commit(5)), Ok(vec![ErrorCode::None]));
        assert_eq!((bench.offset(0), bench.state()), (5, "Empty"));
        bench.fail_over();
        assert_eq!(bench.offset(0), 5);
        let nameless = OffsetCommit {
            group_id: String::new(),
            ..commit(6)
        };
        assert_eq!(bench.commit(nameless), Ok(vec![ErrorCode::None]));
    }

    #[test]
    fn a_generation_of_no_group_is_an_error_that_depends_on_the_version() {
        let mut bench = Bench::new();
        let new = commit_as("m", 3, 5);
        assert_eq!(bench.commit(new.clone()), Err(ErrorCode::GroupIdNotFound));
        let old = OffsetCommit { version: 8, ..new };
        assert_eq!(bench.commit(old), Err(ErrorCode::IllegalGeneration));
        assert_eq!(bench.records(), 0);
    }

    #[test]
    fn only_members_of_the_generation_commit_while_there_are_any() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        let member = members[0].as_str();
        assert_eq!(bench.commit(commit(5)), Err(ErrorCode::UnknownMemberId));
        let stranger = commit_as("m", generation, 5);
        assert_eq!(bench.commit(stranger), Err(ErrorCode::UnknownMemberId));
        for stale in [generation - 1, -1] {
            let stale = commit_as(member, stale, 5);
            assert_eq!(bench.commit(stale), Err(ErrorCode::IllegalGeneration));
        }
        let ours = commit_as(member, generation, 5);
        assert_eq!(bench.commit(ours.clone()), Ok(vec![ErrorCode::None]));
        bench.send(Input::JoinGroup(JoinGroup {
            version: 3,
            ..join()
        }));
        assert_eq!(bench.state(), "PreparingRebalance");
        assert_eq!(bench.commit(ours), Ok(vec![ErrorCode::None]));
        bench.send(Input::JoinGroup(rejoin(member)));
        assert_eq!(bench.state(), "CompletingRebalance");
        let ours = commit_as(member, generation + 1, 6);
        assert_eq!(bench.commit(ours), Err(ErrorCode::RebalanceInProgress));
        assert_eq!(bench.offset(0), 5);
    }

    #[test]
    fn a_member_that_left_commits_no_more_but_anyone_without_a_generation_does() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        bench.leave(&[(&members[0], None)]);
        let late = commit_as(&members[0], generation, 5);
        assert_eq!(bench.commit(late), Err(ErrorCode::UnknownMemberId));
        assert_eq!(bench.commit(commit(6)), Ok(vec![ErrorCode::None]));
    }

    #[test]
    fn a_commit_keeps_a_session() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        for offset in 0..3 {
            bench.advance_ms(i64::from(SESSION_MS) - 1);
            let ours = commit_as(&members[0], generation, offset);
            assert_eq!(bench.commit(ours), Ok(vec![ErrorCode::None]));
        }
    }

    #[test]
    fn metadata_is_measured_as_kafka_measures_it() {
        let mut bench = Bench::new();
        let mut asked = commit_many(3);
        let texts = [
            Some("\u{e4}".repeat(4_096)),
            Some("\u{1f980}".repeat(2_049)),
            None,
        ];
        for (partition, text) in asked.topics[0].partitions.iter_mut().zip(texts) {
            partition.metadata = text;
        }
        let told = bench.commit(asked).unwrap();
        assert_eq!(
            told,
            [
                ErrorCode::None,
                ErrorCode::OffsetMetadataTooLarge,
                ErrorCode::None
            ]
        );
        assert_eq!(
            (bench.offset(0), bench.offset(1), bench.offset(2)),
            (7, -1, 7)
        );
    }

    #[test]
    fn what_is_written_is_what_was_said_as_far_as_the_version_goes() {
        let mut bench = Bench::new();
        bench.advance_ms(1_234);
        let mut asked = commit(5);
        asked.topics[0].topic_id = TopicId(Uuid::from_u128(9));
        asked.topics[0].partitions[0].leader_epoch = 3;
        asked.topics[0].partitions[0].metadata = Some("md".into());
        bench.commit(asked.clone()).unwrap();
        let written = |bench: &Bench| match bench.last_record() {
            Record::OffsetCommit {
                value: Some(value), ..
            } => value,
            other => panic!("{other:?}"),
        };
        let expected = OffsetCommitValue {
            offset: 5,
            leader_epoch: 3,
            metadata: "md".into(),
            commit_timestamp_ms: 1_234,
            expire_timestamp_ms: None,
            topic_id: TopicId(Uuid::from_u128(9)),
        };
        assert_eq!(written(&bench), expected);
        asked.retention_time_ms = 1_000;
        bench.commit(asked).unwrap();
        let expected = OffsetCommitValue {
            leader_epoch: -1,
            topic_id: TopicId::ZERO,
            expire_timestamp_ms: Some(2_234),
            ..expected
        };
        assert_eq!(written(&bench), expected);
    }

    #[test]
    fn more_than_a_batch_holds_is_an_error_and_commits_nothing() {
        let mut bench = Bench::with_records_max(4);
        assert_eq!(
            bench.commit(commit_many(5)),
            Err(ErrorCode::UnknownServerError)
        );
        assert_eq!(bench.state(), "Dead");
        assert_eq!(bench.commit(commit_many(4)).map(|told| told.len()), Ok(4));
    }

    #[test]
    fn a_name_too_long_for_the_log_is_an_error() {
        let mut bench = Bench::new();
        let long = OffsetCommit {
            group_id: "g".repeat(32_768),
            ..commit(1)
        };
        assert_eq!(bench.commit(long), Err(ErrorCode::UnknownServerError));
    }
}
