//! What the log remembers of idempotent producers, so that a batch sent twice is stored once.

/// Batches remembered per producer: as many as clients keep in flight.
pub const BATCHES_KEPT: usize = 5;

/// What is remembered of one producer id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Producer id.
    pub producer_id: i64,
    /// Newest epoch seen.
    pub epoch: i16,
    /// Epoch of the newest transaction coordinator seen, or −1.
    pub coordinator_epoch: i32,
    /// Timestamp of its newest batch, for expiry.
    pub last_timestamp: i64,
    /// Where its open transaction begins.
    pub transaction_start: Option<i64>,
    /// Newest batches of this epoch, oldest first, at most [`BATCHES_KEPT`].
    pub batches: Vec<ProducerBatch>,
}

/// One remembered batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerBatch {
    /// Sequence of its last record.
    pub last_sequence: i32,
    /// Kafka offset of its last record.
    pub last_offset: i64,
    /// Records less one.
    pub offset_delta: i32,
    /// Largest timestamp.
    pub timestamp: i64,
}
