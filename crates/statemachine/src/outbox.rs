//! What one step wants done. Filled by the machine, carried out by the [`Runner`](crate::Runner).

use crate::{BatchLimits, Offset, StateMachine, Ticket, Timestamp};

/// The effects of one step: a batch of records, replies, timers.
///
/// Nothing in it has happened yet while the step runs.
pub struct Outbox<M: StateMachine> {
    base: Offset,
    limits: BatchLimits,
    asker: Option<Ticket>,
    size_bytes: usize,
    pub(crate) records: Vec<M::Record>,
    pub(crate) replies: Vec<(Ticket, M::Reply)>,
    pub(crate) timers: Vec<TimerChange<M>>,
}

/// One change of the timer table, in the order in which the step asked for it.
pub(crate) enum TimerChange<M: StateMachine> {
    Set {
        key: M::TimerKey,
        deadline: Timestamp,
        input: M::Input,
    },
    Cancel {
        key: M::TimerKey,
    },
}

impl<M: StateMachine> Outbox<M> {
    pub(crate) fn new(base: Offset, limits: BatchLimits, asker: Option<Ticket>) -> Self {
        Self {
            base,
            limits,
            asker,
            size_bytes: 0,
            records: Vec::new(),
            replies: Vec::new(),
            timers: Vec::new(),
        }
    }

    /// Adds a record to the step's batch.
    pub fn record(&mut self, record: M::Record) {
        self.size_bytes = self.size_bytes.saturating_add(M::size_bytes(&record));
        self.records.push(record);
    }

    /// Adds records to the step's batch, in order.
    pub fn extend(&mut self, records: impl IntoIterator<Item = M::Record>) {
        for record in records {
            self.record(record);
        }
    }

    /// Whether these records may still join the batch.
    pub fn fits(&self, records: &[M::Record]) -> bool {
        let size_bytes = records.iter().fold(self.size_bytes, |sum, record| {
            sum.saturating_add(M::size_bytes(record))
        });
        self.records.len().saturating_add(records.len()) <= self.limits.records_max
            && size_bytes <= self.limits.size_bytes_max
    }

    /// The offset that the next record of this step gets.
    pub fn next_offset(&self) -> Offset {
        self.base.plus(self.records.len())
    }

    /// Answers whoever sent this step's input; nobody, if a timer did.
    pub fn reply(&mut self, reply: M::Reply) {
        if let Some(asker) = self.asker {
            self.reply_to(asker, reply);
        }
    }

    /// The sender of this step's input, to be kept in `Soft` and answered by a later step with
    /// [`reply_to`](Self::reply_to); `None` if a timer sent it.
    ///
    /// A step that neither answers its sender nor keeps the ticket leaves it without an answer
    /// until the machine is discarded.
    pub fn ticket(&self) -> Option<Ticket> {
        self.asker
    }

    /// Answers the sender of this or an earlier input, once.
    pub fn reply_to(&mut self, ticket: Ticket, reply: M::Reply) {
        self.replies.push((ticket, reply));
    }

    /// Sends `input` to the machine at `deadline`, in place of what the key said before.
    pub fn set_timer(&mut self, key: M::TimerKey, deadline: Timestamp, input: M::Input) {
        self.timers.push(TimerChange::Set {
            key,
            deadline,
            input,
        });
    }

    /// Forgets the timer; nothing happens if there is none.
    pub fn cancel_timer(&mut self, key: M::TimerKey) {
        self.timers.push(TimerChange::Cancel { key });
    }

    pub(crate) fn overflowed(&self) -> bool {
        self.records.len() > self.limits.records_max || self.size_bytes > self.limits.size_bytes_max
    }
}
