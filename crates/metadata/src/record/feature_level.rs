//! `FeatureLevelRecord` (12).
//!
//! | field | type |
//! |---|---|
//! | Name | string |
//! | FeatureLevel | int16 |

use ottla_protocol::fields::{FieldReader, FieldWriter};

use super::DecodeError;
use super::frame::schema;

/// The level of a feature that the cluster has agreed on; level 0 switches it off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    /// Kafka's name of the feature.
    pub name: String,
    /// The level.
    pub level: i16,
}

schema!(FeatureLevelRecord, key 12, reads 0..=0, writes 0);

impl FeatureLevelRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        16 + self.name.len()
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.string(&self.name);
        to.i16(self.level);
        to.tags(&[]);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            name: from.string()?,
            level: from.i16()?,
        };
        from.skip_tags()?;
        Ok(record)
    }
}
