//! Ids for idempotent producers, from blocks that the cluster's metadata hands out.
//!
//! An id is given once. A block whose rest is lost with this process is never used again: there are
//! enough of them.

use std::ops::Range;

use ottla_protocol::ErrorCode;
use parking_lot::Mutex;

use crate::metadata_runner::MetadataHandle;

/// The ids that this node may give.
#[derive(Default)]
pub struct ProducerIds {
    /// Held for a look.
    block: Mutex<Range<i64>>,
    /// Held while a block is asked for, so that one request serves all who wait. Taken before
    /// `block`.
    refill: tokio::sync::Mutex<()>,
}

impl ProducerIds {
    /// An id, if the block has one left.
    pub fn take_at_hand(&self) -> Option<i64> {
        self.block.lock().next()
    }

    /// An id, from a new block if need be.
    pub async fn take(&self, metadata: &MetadataHandle) -> Result<i64, ErrorCode> {
        let _refilling = self.refill.lock().await;
        if let Some(id) = self.take_at_hand() {
            return Ok(id);
        }
        let block = metadata.allocate_producer_ids().await?;
        let mut current = self.block.lock();
        *current = block;
        // What Kafka says while it cannot get a block; producers try again.
        current.next().ok_or(ErrorCode::CoordinatorLoadInProgress)
    }
}
