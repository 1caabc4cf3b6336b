//! Which leader epoch wrote which offsets, and which Raft term which indexes.

/// The first Kafka offset of a leader epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochStart {
    /// Leader epoch.
    pub epoch: i32,
    /// Offset of its first record.
    pub start_offset: i64,
}

/// Answer to OffsetForLeaderEpoch. Both −1 if nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// Largest epoch known that is not above the one asked for.
    pub epoch: i32,
    /// Offset after its last record.
    pub end_offset: i64,
}
