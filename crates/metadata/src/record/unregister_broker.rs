//! `UnregisterBrokerRecord` (1).
//!
//! | field | type |
//! |---|---|
//! | BrokerId | int32 |
//! | BrokerEpoch | int64 |

use ottla_protocol::fields::{FieldReader, FieldWriter};
use ottla_protocol::types::NodeId;

use super::DecodeError;
use super::frame::schema;

/// A broker that will not come back under this registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnregisterBrokerRecord {
    /// Who.
    pub broker_id: NodeId,
    /// The registration that ends; a later one is left alone.
    pub broker_epoch: i64,
}

schema!(UnregisterBrokerRecord, key 1, reads 0..=0, writes 0);

impl UnregisterBrokerRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        20
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i32(self.broker_id.0);
        to.i64(self.broker_epoch);
        to.tags(&[]);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            broker_id: NodeId(from.i32()?),
            broker_epoch: from.i64()?,
        };
        from.skip_tags()?;
        Ok(record)
    }
}
