//! `RemoveTopicRecord` (9).
//!
//! | field | type |
//! |---|---|
//! | TopicId | uuid |

use ottla_protocol::fields::{FieldReader, FieldWriter};
use ottla_protocol::types::TopicId;

use super::DecodeError;
use super::frame::schema;

/// The end of a topic, of its partitions and of its configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveTopicRecord {
    /// The topic.
    pub topic_id: TopicId,
}

schema!(RemoveTopicRecord, key 9, reads 0..=0, writes 0);

impl RemoveTopicRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        24
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.uuid(self.topic_id.0);
        to.tags(&[]);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            topic_id: TopicId(from.uuid()?),
        };
        from.skip_tags()?;
        Ok(record)
    }
}
