//! What becomes of a proposal when the leader appends it.

/// Where a batch stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Kafka offset of its first record.
    pub base_offset: i64,
    /// Kafka offset after its last record: committed once the high watermark is at least this.
    pub next_offset: i64,
    /// The log append time if the batch got one, else −1; of a duplicate, as in Kafka, the largest
    /// timestamp of the original, whoever set it.
    pub log_append_time_ms: i64,
}

/// What the leader's append did. Whatever it is, one frame was appended at the given index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The batch stands in the log.
    Accepted(Placed),
    /// The batch stands in the log already, at this place; a void frame was appended. Succeeds
    /// when the high watermark covers the *original*.
    Duplicate(Placed),
    /// The batch was refused; a void frame was appended.
    Rejected(Rejection),
}

/// Why a batch is refused at append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The producer has been replaced by one with a newer epoch.
    #[error("producer {producer_id} sent epoch {found}, the log has seen {current}")]
    StaleProducerEpoch {
        /// Producer id.
        producer_id: i64,
        /// Newest epoch in the log.
        current: i16,
        /// Epoch of the batch.
        found: i16,
    },
    /// Sequence numbers skip or repeat beyond the last five batches.
    #[error("producer {producer_id} sent sequence {found}, expected {expected}")]
    OutOfOrderSequence {
        /// Producer id.
        producer_id: i64,
        /// Sequence that would follow the last batch.
        expected: i32,
        /// First sequence of the batch.
        found: i32,
    },
    /// Records outside a transaction from a producer that has one open.
    #[error("producer {producer_id} has a transaction open since offset {first_offset}")]
    TransactionOpen {
        /// Producer id.
        producer_id: i64,
        /// Where the transaction begins.
        first_offset: i64,
    },
    /// A marker from a transaction coordinator that has been replaced.
    #[error("coordinator epoch {found} is older than {current}")]
    StaleCoordinatorEpoch {
        /// Newest coordinator epoch seen for this producer.
        current: i32,
        /// Epoch of the marker.
        found: i32,
    },
    /// The proposal's [`Condition`] does not hold.
    #[error("the log is not where the proposal expected it to be")]
    ConditionFailed,
}

/// What must hold when a proposal is appended; else it is [`Rejection::ConditionFailed`].
/// A source that sends one after the other with the offsets it expects is cut off at the first
/// that fails, because the following ones expect offsets that never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Condition {
    /// Raft term of the append.
    pub term: Option<i32>,
    /// Base offset the batch must get. Who knows it knows all of the log, and has judged producers for itself.
    pub base_offset: Option<i64>,
    /// The batch's producer has an epoch for each transaction (KIP-890): its first sequence is 0, and a marker's epoch
    /// is newer than that of the transaction that it ends.
    pub epoch_per_transaction: bool,
}

/// Why a frame from the leader is not appended. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FollowerReject {
    /// The index is not the next one.
    #[error("frame for index {found}, expected {expected}")]
    WrongIndex {
        /// Next index of this log.
        expected: u64,
        /// Index of the frame.
        found: u64,
    },
    /// Terms go back, or one begins without the blank that opens it.
    #[error("frame with leader epoch {found} after {expected}")]
    WrongTerm {
        /// The last one in the log; −1 if there is none.
        expected: i32,
        /// In the header.
        found: i32,
    },
    /// The base offset is not the log's end.
    #[error("frame with base offset {found}, expected {expected}")]
    WrongOffset {
        /// Log end offset.
        expected: i64,
        /// In the header.
        found: i64,
    },
    /// Checksum, length or private bytes are wrong.
    #[error("the frame is damaged")]
    Damaged,
}

/// No room: the proposal must not be made. Clears by itself once space is freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log directory is full")]
pub struct DiskFull;
