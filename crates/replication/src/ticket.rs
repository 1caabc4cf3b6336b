//! The promise of an append: who proposes gets a ticket, and each ticket is answered once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ottla_storage::{DiskFull, Rejection};
use tokio::sync::oneshot;

/// Where records went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the batch's first record; the original's for a duplicate.
    pub base_offset: i64,
    /// Broker's timestamp under log append time, ms since the epoch; −1 under create time. Of a
    /// duplicate the original's largest timestamp under either.
    pub log_append_time_ms: i64,
    /// Log start offset at that time.
    pub log_start_offset: i64,
}

/// Why records were not appended, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// This broker does not lead the partition.
    #[error("not the leader")]
    NotLeader,
    /// The log refuses the batch: sequences, producer epochs, conditions.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// There is no room for it.
    #[error(transparent)]
    DiskFull(#[from] DiskFull),
    /// More proposals are under way than the group takes.
    #[error("the partition's queue is full")]
    Busy,
    /// Leadership or the group ended while the batch was under way; it may yet be committed.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
}

/// Resolves when the records are committed: a majority has them, durably unless the partition
/// flushes asynchronously. Dropping it abandons the answer, not the records.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Result<Appended, AppendError>>);

/// Answers a [`Ticket`]; [`AppendError::OutcomeUnknown`] if it is dropped.
#[derive(Debug)]
pub(crate) struct TicketSender(oneshot::Sender<Result<Appended, AppendError>>);

impl Ticket {
    pub(crate) fn new() -> (TicketSender, Ticket) {
        let (to, from) = oneshot::channel();
        (TicketSender(to), Ticket(from))
    }

    /// A ticket that is answered already.
    pub(crate) fn ready(result: Result<Appended, AppendError>) -> Ticket {
        let (sender, ticket) = Ticket::new();
        sender.answer(result);
        ticket
    }
}

impl Future for Ticket {
    type Output = Result<Appended, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(AppendError::OutcomeUnknown)))
    }
}

impl TicketSender {
    /// Whoever waited may have gone; then nobody is told.
    pub(crate) fn answer(self, result: Result<Appended, AppendError>) {
        let _ = self.0.send(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_sender_leaves_the_outcome_unknown() {
        let (sender, ticket) = Ticket::new();
        drop(sender);
        assert_eq!(ticket.await, Err(AppendError::OutcomeUnknown));
    }
}
