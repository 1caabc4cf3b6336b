//! `OffsetCommitKey` (0, 1) and `OffsetCommitValue`.
//!
//! | key field | type |
//! |---|---|
//! | group, topic | string |
//! | partition | int32 |
//!
//! | value field | type | versions |
//! |---|---|---|
//! | offset | int64 | all |
//! | leaderEpoch | int32 | 3 and later |
//! | metadata | string | all |
//! | commitTimestamp | int64 | all |
//! | expireTimestamp | int64 | 1 |
//! | topicId | uuid, tag 0 | 4 and later |
//!
//! An offset that says when to expire is written in version 1, which has room for neither leader
//! epoch nor topic id: such a value holds −1 and zero there.

use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter, tag_bytes};
use ottla_protocol::types::TopicId;

const TOPIC_ID_TAG: u32 = 0;

/// Whose offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OffsetCommitKey {
    /// The group that committed it.
    pub group_id: String,
    /// The topic that it is an offset of.
    pub topic: String,
    /// The partition that it is an offset of.
    pub partition: i32,
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    /// The next record that the group wants.
    pub offset: i64,
    /// The leader epoch of the last record that it had; −1 if it did not say.
    pub leader_epoch: i32,
    /// What the group keeps with it.
    pub metadata: String,
    /// When it was committed.
    pub commit_timestamp_ms: i64,
    /// When it expires, if the request said so.
    pub expire_timestamp_ms: Option<i64>,
    /// The topic's identity at that time; zero if it was not known.
    pub topic_id: TopicId,
}

impl OffsetCommitKey {
    pub(super) fn size_bytes_max(&self) -> usize {
        10 + self.group_id.len() + self.topic.len()
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.old_string(&self.group_id);
        to.old_string(&self.topic);
        to.i32(self.partition);
    }

    pub(super) fn read(from: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            group_id: from.old_string()?,
            topic: from.old_string()?,
            partition: from.i32()?,
        })
    }
}

impl OffsetCommitValue {
    pub(super) fn size_bytes_max(&self) -> usize {
        60 + self.metadata.len()
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        match self.expire_timestamp_ms {
            Some(expire_timestamp_ms) => self.write_version_1(expire_timestamp_ms, to),
            None => self.write_version_4(to),
        }
    }

    fn write_version_1(&self, expire_timestamp_ms: i64, to: &mut FieldWriter) {
        to.i16(1);
        to.i64(self.offset);
        to.old_string(&self.metadata);
        to.i64(self.commit_timestamp_ms);
        to.i64(expire_timestamp_ms);
    }

    fn write_version_4(&self, to: &mut FieldWriter) {
        to.i16(4);
        to.i64(self.offset);
        to.i32(self.leader_epoch);
        to.string(&self.metadata);
        to.i64(self.commit_timestamp_ms);
        if self.topic_id.is_zero() {
            to.tags(&[]);
        } else {
            to.tags(&[(TOPIC_ID_TAG, tag_bytes(|to| to.uuid(self.topic_id.0)))]);
        }
    }

    pub(super) fn read(
        version: i16,
        from: &mut FieldReader<'_>,
    ) -> Result<Option<Self>, FieldError> {
        if !(0..=4).contains(&version) {
            return Ok(None);
        }
        let flexible = version >= 4;
        let mut value = Self {
            offset: from.i64()?,
            leader_epoch: if version >= 3 { from.i32()? } else { -1 },
            metadata: if flexible {
                from.string()?
            } else {
                from.old_string()?
            },
            commit_timestamp_ms: from.i64()?,
            expire_timestamp_ms: None,
            topic_id: TopicId::ZERO,
        };
        if version == 1 {
            value.expire_timestamp_ms = Some(from.i64()?).filter(|expire| *expire != -1);
        }
        if flexible {
            from.tags(|tag, from| {
                if tag == TOPIC_ID_TAG {
                    value.topic_id = TopicId(from.uuid()?);
                }
                Ok(())
            })?;
        }
        Ok(Some(value))
    }
}
