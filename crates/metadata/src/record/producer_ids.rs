//! `ProducerIdsRecord` (15).
//!
//! | field | type |
//! |---|---|
//! | BrokerId | int32 |
//! | BrokerEpoch | int64 |
//! | NextProducerId | int64 |

use ottla_protocol::fields::{FieldReader, FieldWriter};
use ottla_protocol::types::NodeId;

use super::DecodeError;
use super::frame::schema;

/// A block of producer ids was handed out: all below `next_producer_id` are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    /// Who got the block.
    pub broker_id: NodeId,
    /// Under which registration.
    pub broker_epoch: i64,
    /// The first id of the next block.
    pub next_producer_id: i64,
}

schema!(ProducerIdsRecord, key 15, reads 0..=0, writes 0);

impl ProducerIdsRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        28
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i32(self.broker_id.0);
        to.i64(self.broker_epoch);
        to.i64(self.next_producer_id);
        to.tags(&[]);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            broker_id: NodeId(from.i32()?),
            broker_epoch: from.i64()?,
            next_producer_id: from.i64()?,
        };
        from.skip_tags()?;
        Ok(record)
    }
}
