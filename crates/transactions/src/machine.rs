//! The transaction coordinator of one partition of `__transaction_state`: an input, a decision, records.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Offset, Outbox, StateMachine, Timestamp};

use crate::live::Live;
use crate::operations::{
    AddPartitions, Completed, Decided, Described, EndTransaction, InitProducerId, ListTransactions,
    Listed, Producer, Refused, Verified, VerifyPartitions, abort_timed_out, expire, offer,
    set_timers,
};
use crate::record::Record;
use crate::state::State;

/// The state machine of transactional ids.
#[derive(Debug)]
pub enum Transactions {}

/// What it can be asked, and what its timers say.
#[derive(Clone, Debug)]
pub enum Input {
    /// A producer begins.
    InitProducerId(InitProducerId),
    /// A transaction writes to partitions.
    AddPartitions(AddPartitions),
    /// Whether a transaction writes to partitions.
    VerifyPartitions(VerifyPartitions),
    /// A transaction ends.
    EndTransaction(EndTransaction),
    /// How a transaction stands.
    Describe {
        /// Whose.
        transactional_id: String,
    },
    /// Which transactional ids there are.
    List(ListTransactions),
    /// Asks for transactions that are decided, to write their markers; the answer may come much later. Of several who
    /// ask, the last is answered.
    TakeDecided,
    /// All markers of a transaction are written.
    Completed(Completed),
    /// A timer of this machine fired. Nobody else sends this.
    Timer(Timer),
}

/// What a timer says, and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Time to look for transactions that took too long.
    Abort,
    /// Time to look for transactional ids that nobody uses.
    Expiry,
}

/// The answer to the input of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// As whom the producer goes on.
    InitProducerId(Result<Producer, Refused>),
    /// The partitions are part of the transaction, [as of](Decided::as_of) this offset.
    AddPartitions(Result<Offset, ErrorCode>),
    /// What is part of the transaction.
    VerifyPartitions(Result<Verified, ErrorCode>),
    /// As whom the producer goes on; only clients of the feature's version 2 look at it.
    EndTransaction(Result<Producer, Refused>),
    /// How it stands.
    Describe(Result<Described, ErrorCode>),
    /// The transactional ids.
    List(Vec<Listed>),
    /// Whose markers are to be written; not none.
    TakeDecided(Vec<Decided>),
    /// It is noted.
    Completed,
}

impl StateMachine for Transactions {
    type Hard = State;
    type Soft = Live;
    type Input = Input;
    type Record = Record;
    type Reply = Reply;
    type TimerKey = Timer;

    /// What was decided, and not completed, is given out again.
    fn start(hard: &State, now: Timestamp, out: &mut Outbox<Self>) -> Live {
        let decided = hard.iter().filter(|(_, it)| it.phase.is_prepared());
        let mut live = Live::default();
        live.decided.extend(decided.map(|(id, _)| id.to_owned()));
        set_timers(hard, now, out);
        live
    }

    fn step(hard: &State, live: &mut Live, now: Timestamp, input: Input, out: &mut Outbox<Self>) {
        match input {
            Input::InitProducerId(init) => init.decide(hard, live, now, out),
            Input::AddPartitions(add) => add.decide(hard, live, now, out),
            Input::VerifyPartitions(verify) => verify.decide(hard, live, out),
            Input::EndTransaction(end) => end.decide(hard, live, now, out),
            Input::Describe { transactional_id } => {
                out.reply(Reply::Describe(Described::of(hard, &transactional_id)));
            }
            Input::List(list) => out.reply(Reply::List(list.decide(hard, now))),
            Input::TakeDecided => {
                live.taker = out.ticket();
                offer(hard, live, out);
            }
            Input::Completed(completed) => completed.decide(hard, live, now, out),
            Input::Timer(Timer::Abort) => abort_timed_out(hard, live, now, out),
            Input::Timer(Timer::Expiry) => expire(hard, live, now, out),
        }
    }

    fn apply(hard: &mut State, at: Offset, record: &Record) {
        hard.apply(at, record);
    }

    fn size_bytes(record: &Record) -> usize {
        record.size_bytes_max()
    }
}
