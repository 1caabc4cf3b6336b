//! From a decision to its end: who writes markers takes what is decided, and tells when all are written.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Offset, Outbox, Timestamp};

use super::Producer;
use super::producer::has_epoch_per_transaction;
use super::write::write;
use crate::live::Live;
use crate::machine::{Reply, Transactions};
use crate::state::{Partitions, Phase, State, Transaction};

/// So many are given out at once at most.
const GIVEN_MAX: usize = 1_000;

/// A transaction that is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Whose.
    pub transactional_id: String,
    /// In whose name markers are written.
    pub producer: Producer,
    /// Whether it commits.
    pub commits: bool,
    /// Where markers go; may be none.
    pub partitions: Partitions,
    /// The level of `transaction.version` by which it ended.
    pub client_version: i16,
    /// Tells transactions of one id apart that share producer and epoch: whatever the coordinator says of a transaction
    /// while it is open is as of this offset of its log or one before, and as of a later one from the next transaction
    /// on.
    pub as_of: Offset,
}

/// All markers are written.
#[derive(Clone, Debug)]
pub struct Completed {
    /// Whose.
    pub transactional_id: String,
    /// In whose name they were.
    pub producer: Producer,
    /// The cluster's `transaction.version`.
    pub server_version: i16,
}

impl Decided {
    fn of(transactional_id: &str, transaction: &Transaction, as_of: Offset) -> Decided {
        Decided {
            transactional_id: transactional_id.to_owned(),
            producer: transaction.producer(),
            commits: transaction.phase == Phase::PrepareCommit,
            partitions: transaction.partitions.clone(),
            client_version: transaction.client_version,
            as_of,
        }
    }
}

/// Gives out what is decided, if somebody waits for it.
pub(crate) fn offer(hard: &State, live: &mut Live, out: &mut Outbox<Transactions>) {
    if live.decided.is_empty() {
        return;
    }
    let Some(taker) = live.taker.take() else {
        return;
    };
    let count = live.decided.len().min(GIVEN_MAX);
    let given = live.decided.drain(..count).filter_map(|id| {
        let transaction = hard.get(&id).filter(|it| it.phase.is_prepared())?;
        Some(Decided::of(&id, transaction, hard.as_of(&id)))
    });
    let given: Vec<Decided> = given.collect();
    if given.is_empty() {
        live.taker = Some(taker);
    } else {
        out.reply_to(taker, Reply::TakeDecided(given));
    }
}

/// Writes a decision, and has its markers written.
pub(super) fn decide(
    hard: &State,
    transactional_id: &str,
    after: &Transaction,
    server_version: i16,
    live: &mut Live,
    now: Timestamp,
    out: &mut Outbox<Transactions>,
) -> Result<(), ErrorCode> {
    let before = open(hard, transactional_id)?;
    write(transactional_id, before, after, server_version, now, out)?;
    match live.taker.take() {
        Some(taker) => {
            let as_of = hard.as_of(transactional_id);
            let given = vec![Decided::of(transactional_id, after, as_of)];
            out.reply_to(taker, Reply::TakeDecided(given));
        }
        None => live.decided.push_back(transactional_id.to_owned()),
    }
    Ok(())
}

/// Aborts a transaction under an epoch that its producer does not have.
pub(super) fn fence(
    hard: &State,
    transactional_id: &str,
    server_version: i16,
    live: &mut Live,
    now: Timestamp,
    out: &mut Outbox<Transactions>,
) -> Result<(), ErrorCode> {
    let before = open(hard, transactional_id)?;
    let after = Transaction {
        phase: Phase::PrepareAbort,
        producer_epoch: before.producer_epoch.saturating_add(1),
        client_version: match has_epoch_per_transaction(server_version) {
            true => server_version,
            false => 0,
        },
        ..before.clone()
    };
    decide(
        hard,
        transactional_id,
        &after,
        server_version,
        live,
        now,
        out,
    )?;
    live.last_epochs.remove(transactional_id);
    Ok(())
}

fn open<'a>(hard: &'a State, transactional_id: &str) -> Result<&'a Transaction, ErrorCode> {
    let known = hard.get(transactional_id);
    known.ok_or(ErrorCode::InvalidProducerIdMapping)
}

impl Completed {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) {
        let known = hard.get(&self.transactional_id);
        let decided = known.filter(|it| it.phase.is_prepared() && it.producer() == self.producer);
        let written = decided.map_or(Ok(()), |before| {
            let producer = before.once_complete();
            let after = Transaction {
                producer_id: producer.id,
                producer_epoch: producer.epoch,
                next_producer_id: -1,
                phase: match before.phase {
                    Phase::PrepareCommit => Phase::CompleteCommit,
                    _ => Phase::CompleteAbort,
                },
                partitions: Partitions::new(),
                ..before.clone()
            };
            let id = &self.transactional_id;
            write(id, before, &after, self.server_version, now, out)
        });
        // It has no partitions any more: it is smaller than what the log had room for before.
        debug_assert_eq!(written, Ok(()));
        live.complete(&self.transactional_id, out);
        out.reply(Reply::Completed);
    }
}

impl Transaction {
    /// Who writes it.
    pub(crate) fn producer(&self) -> Producer {
        Producer {
            id: self.producer_id,
            epoch: self.producer_epoch,
        }
    }

    /// Who its producer is when all markers are written.
    pub(super) fn once_complete(&self) -> Producer {
        match self.next_producer_id {
            -1 => self.producer(),
            id => Producer { id, epoch: 0 },
        }
    }
}
