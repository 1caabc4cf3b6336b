//! What a worker does after a round.

use std::time::Duration;

/// What a worker does after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Waits for its bell, or for this time if there is one.
    Rest(Option<Duration>),
    /// Ends.
    End,
}
