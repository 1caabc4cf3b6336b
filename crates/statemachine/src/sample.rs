//! A small machine for this crate's own tests: a counter that can be awaited with a timeout.

use std::collections::BTreeMap;

use crate::{BatchLimits, Limits, Offset, Outbox, StateMachine, Ticket, Timestamp};

pub(crate) struct Counter;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) sum: i64,
    pub(crate) leaders: i64,
    pub(crate) last_offset: Option<Offset>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Add(i64),
    Read,
    /// Answered when the sum is at least this, or when the time is over.
    Await {
        sum: i64,
        timeout_ms: i64,
    },
    Expire(Ticket),
    /// Writes this many records.
    Flood(usize),
    /// Never answered.
    Ignore,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Led,
    Added(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Sum(i64),
    TimedOut,
}

pub(crate) const LIMITS: Limits = Limits {
    batch: BatchLimits {
        records_max: 10,
        size_bytes_max: 80,
    },
    pending_max: 8,
    uncommitted_records_max: 40,
};

impl StateMachine for Counter {
    type Hard = Total;
    type Soft = BTreeMap<Ticket, i64>;
    type Input = Input;
    type Record = Record;
    type Reply = Reply;
    type TimerKey = Ticket;

    fn start(_: &Total, _: Timestamp, out: &mut Outbox<Self>) -> Self::Soft {
        out.record(Record::Led);
        BTreeMap::new()
    }

    fn step(
        hard: &Total,
        waiting: &mut Self::Soft,
        now: Timestamp,
        input: Input,
        out: &mut Outbox<Self>,
    ) {
        match input {
            Input::Add(value) => {
                out.record(Record::Added(value));
                let sum = hard.sum.wrapping_add(value);
                out.reply(Reply::Sum(sum));
                let due = waiting
                    .iter()
                    .filter(|(_, at)| **at <= sum)
                    .map(|(ticket, _)| *ticket);
                for ticket in due.collect::<Vec<_>>() {
                    waiting.remove(&ticket);
                    out.cancel_timer(ticket);
                    out.reply_to(ticket, Reply::Sum(sum));
                }
            }
            Input::Read => out.reply(Reply::Sum(hard.sum)),
            Input::Await { sum, .. } if hard.sum >= sum => out.reply(Reply::Sum(hard.sum)),
            Input::Await { sum, timeout_ms } => {
                let ticket = out.ticket().expect("only askers wait");
                waiting.insert(ticket, sum);
                out.set_timer(ticket, now.plus_ms(timeout_ms), Input::Expire(ticket));
            }
            Input::Expire(ticket) => {
                waiting.remove(&ticket);
                out.reply_to(ticket, Reply::TimedOut);
            }
            Input::Flood(count) => {
                out.extend(std::iter::repeat_n(Record::Added(0), count));
                out.reply(Reply::Sum(hard.sum));
            }
            Input::Ignore => {}
        }
    }

    fn apply(total: &mut Total, at: Offset, record: &Record) {
        total.last_offset = Some(at);
        match record {
            Record::Led => total.leaders += 1,
            Record::Added(value) => total.sum = total.sum.wrapping_add(*value),
        }
    }

    fn size_bytes(_: &Record) -> usize {
        8
    }
}
