//! OffsetCommit: a group, or a consumer without one, says how far it is.

use ottla_protocol::ErrorCode;
use ottla_protocol::fields::OLD_STRING_BYTES_MAX;
use ottla_protocol::types::TopicId;
use ottla_statemachine::{Outbox, Timestamp};

use super::Turn;
use crate::live::{Live, LiveGroup, Phase};
use crate::machine::{Groups, Reply};
use crate::record::{OffsetCommitKey, OffsetCommitValue, Record};
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
                if allowed.is_ok() {
                    self.renew_session(&mut turn);
                }
                turn.put(live);
                allowed
            }
            None => self.check_without_group(),
        };
        let reply = allowed.and_then(|()| {
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
        } else if self.version >= GROUP_ID_NOT_FOUND_VERSION_MIN {
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
            return Err(ErrorCode::UnknownMemberId);
        }
        group.validate_member(&self.member_id, self.instance_id.as_deref())?;
        if self.generation != group.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if group.phase == Phase::CompletingRebalance {
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
                    records.push(record(key, value)?);
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
