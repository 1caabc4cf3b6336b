//! Open and lately completed transactions: what the last stable offset depends on.

/// A transaction whose marker stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletedTransaction {
    /// Producer id.
    pub producer_id: i64,
    /// Offset of its first record.
    pub first_offset: i64,
    /// Offset of its marker.
    pub marker_offset: i64,
}

/// A transaction of which readers of committed data drop the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Producer id.
    pub producer_id: i64,
    /// Offset of its first record.
    pub first_offset: i64,
}
