//! A boundary: everything that is known at one point between two frames, so that a log can begin
//! there. Kept at each segment's start, at a clean log's end, and sent to replicas that are too
//! far behind.

use bytes::Bytes;

use crate::LogId;
use crate::epochs::EpochStart;
use crate::producers::Producer;
use crate::transactions::CompletedTransaction;

/// The state of a log just before a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Boundary {
    /// The last frame before the boundary; `None` at a partition's birth.
    pub last: Option<LogId>,
    /// Kafka offset of the next record.
    pub next_offset: i64,
    /// Kafka offset below which records are deleted.
    pub log_start_offset: i64,
    /// The newest membership before the boundary, and where it was decided.
    pub membership: Option<(LogId, Bytes)>,
    /// Kafka's leader epochs, ascending.
    pub epochs: Vec<EpochStart>,
    /// Each Raft term with its first index, ascending.
    pub terms: Vec<LogId>,
    /// Producers known, ascending by id.
    pub producers: Vec<Producer>,
    /// Transactions that ended so lately that their marker may not be committed yet.
    pub completed: Vec<CompletedTransaction>,
}

/// Bytes that are not a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a boundary: checksum, version or lengths are wrong")]
pub struct BadBoundary;

impl Boundary {
    /// Raft index of the first frame after the boundary.
    pub fn next_index(&self) -> u64 {
        self.last.map_or(0, |id| id.index + 1)
    }

    /// The bytes of the boundary, with version and checksum.
    pub fn encode(&self) -> Bytes {
        todo!()
    }

    /// Reads what [`Boundary::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are damaged or of another version.
    pub fn decode(_bytes: &[u8]) -> Result<Boundary, BadBoundary> {
        todo!()
    }
}
