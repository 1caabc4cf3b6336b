//! The shape of every replicated state: a decision function and an apply function.

use crate::{Offset, Outbox, Timestamp};

/// A state that is the fold of a log, and the decisions that extend the log.
///
/// `Hard` is what the log says: it is the same on every replica at the same offset. `Soft` is what
/// only the leader knows (who waits for what, when a broker was last heard); it is rebuilt from
/// `Hard` by [`start`](Self::start) whenever a leader begins, and may be lost at any time.
pub trait StateMachine: Sized {
    /// The replicated state.
    type Hard;
    /// The leader's own memory.
    type Soft;
    /// A request, or what a timer says when it fires.
    type Input;
    /// One entry of the log.
    type Record;
    /// An answer to one input.
    type Reply;
    /// Names a timer; setting the same key again replaces it.
    type TimerKey: Clone + Ord;

    /// Begins to lead: builds `Soft` from `Hard`, sets the timers that must run, and may write
    /// records as a step does.
    fn start(hard: &Self::Hard, now: Timestamp, out: &mut Outbox<Self>) -> Self::Soft;

    /// Decides what `input` does: puts records, replies and timers into `out`.
    ///
    /// The records take effect after this returns; a decision that rests on earlier ones of the
    /// same step keeps its own count. A step that cannot fit `out` must refuse before it changes
    /// `soft`; see [`Outbox::fits`].
    fn step(
        hard: &Self::Hard,
        soft: &mut Self::Soft,
        now: Timestamp,
        input: Self::Input,
        out: &mut Outbox<Self>,
    );

    /// Takes one record of the log into the state: total, without a clock, the same everywhere.
    fn apply(hard: &mut Self::Hard, at: Offset, record: &Self::Record);

    /// Bytes that the record takes in a batch, at least.
    fn size_bytes(record: &Self::Record) -> usize;
}
