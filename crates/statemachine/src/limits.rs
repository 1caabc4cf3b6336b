//! The bounds of one running state machine, in one place.

/// How large the batch of one step may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most records in one step.
    pub records_max: usize,
    /// Most bytes of records in one step, by [`StateMachine::size_bytes`](crate::StateMachine::size_bytes).
    pub size_bytes_max: usize,
}

/// The bounds of a [`Runner`](crate::Runner).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bound of one step.
    pub batch: BatchLimits,
    /// Most askers without an answer: those a machine keeps waiting and those whose reply is
    /// parked until the commit.
    pub pending_max: usize,
    /// Most records that are applied but not committed.
    pub uncommitted_records_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: BatchLimits {
                records_max: 20_000,
                size_bytes_max: 8 << 20,
            },
            pending_max: 10_000,
            uncommitted_records_max: 100_000,
        }
    }
}
