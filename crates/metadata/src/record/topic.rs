//! `TopicRecord` (2).
//!
//! | field | type |
//! |---|---|
//! | Name | string |
//! | TopicId | uuid |

use ottla_protocol::fields::{FieldReader, FieldWriter};
use ottla_protocol::types::TopicId;

use super::DecodeError;
use super::frame::schema;

/// A new topic, still without partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    /// The topic's name, checked before the record was written.
    pub name: String,
    /// Its identity.
    pub topic_id: TopicId,
}

schema!(TopicRecord, key 2, reads 0..=0, writes 0);

impl TopicRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        30 + self.name.len()
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.string(&self.name);
        to.uuid(self.topic_id.0);
        to.tags(&[]);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            name: from.string()?,
            topic_id: TopicId(from.uuid()?),
        };
        from.skip_tags()?;
        Ok(record)
    }
}
