//! `ConfigRecord` (4).
//!
//! | field | type |
//! |---|---|
//! | ResourceType | int8: 2 topic, 4 broker, 16 client metrics, 32 group |
//! | ResourceName | string |
//! | Name | string |
//! | Value | nullable string, null deletes |

use ottla_protocol::fields::{FieldReader, FieldWriter};

use super::DecodeError;
use super::frame::schema;

/// One configuration key of one resource, set or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRecord {
    /// Kafka's number for the kind of resource.
    pub resource_type: i8,
    /// The resource's name.
    pub resource_name: String,
    /// The key.
    pub name: String,
    /// The value as the user wrote it; `None` takes the key away.
    pub value: Option<String>,
}

schema!(ConfigRecord, key 4, reads 0..=0, writes 0);

impl ConfigRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        30 + self.resource_name.len() + self.name.len() + self.value.as_ref().map_or(0, String::len)
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i8(self.resource_type);
        to.string(&self.resource_name);
        to.string(&self.name);
        to.nullable_string(self.value.as_deref());
        to.tags(&[]);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            resource_type: from.i8()?,
            resource_name: from.string()?,
            name: from.string()?,
            value: from.nullable_string()?,
        };
        from.skip_tags()?;
        Ok(record)
    }
}
