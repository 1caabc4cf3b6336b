//! EndTxn: a producer commits or aborts. The decision is a record; markers follow.
//!
//! Clients of the feature's level 2 get another epoch with each transaction (KIP-890), so that what they sent for an
//! earlier one is known by its epoch: an answer that was lost is asked for again with the epoch before. Where there is
//! no transaction they may abort all the same, since they may not know. Older clients have one epoch for all of them.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::producer::has_epoch_per_transaction;
use super::{Producer, Refused, markers};
use crate::live::Live;
use crate::machine::{Reply, Transactions};
use crate::state::{Phase, State, Transaction};

/// A transaction ends.
#[derive(Clone, Debug)]
pub struct EndTransaction {
    /// Whose.
    pub transactional_id: String,
    /// Who writes.
    pub producer: Producer,
    /// Whether all is to be seen, or none.
    pub commits: bool,
    /// The level of `transaction.version` that the client speaks.
    pub client_version: i16,
    /// The cluster's.
    pub server_version: i16,
    /// A producer id that nobody has, for the case that one is needed.
    pub fresh_producer_id: Option<i64>,
    /// Whether it came on a connection that is older than one on which its producer has spoken since. Then it is not
    /// carried out: the answer is NETWORK_EXCEPTION, which nobody waits for.
    pub is_stale: bool,
}

/// What is to be done.
enum Verdict {
    /// It is decided now.
    Decide,
    /// It was decided before, as it is asked for.
    Done,
}

const NOBODY: Producer = Producer { id: -1, epoch: -1 };

impl EndTransaction {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) {
        let reply = self.end(hard, live, now, out);
        out.reply(Reply::EndTransaction(reply));
    }

    fn end(
        &self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) -> Result<Producer, Refused> {
        let known = hard.get(&self.transactional_id);
        let before = known.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let has_epochs = has_epoch_per_transaction(self.client_version);
        let verdict = match has_epochs {
            true => self.judge_by_epoch(before)?,
            false => self.judge(before)?,
        };
        if self.is_stale {
            return Err(ErrorCode::NetworkException.into());
        }
        let producer = match verdict {
            Verdict::Done => before.producer(),
            Verdict::Decide => self.prepare(hard, before, live, now, out)?,
        };
        Ok(if has_epochs { producer } else { NOBODY })
    }

    /// For clients that have one epoch for all transactions.
    fn judge(&self, before: &Transaction) -> Result<Verdict, ErrorCode> {
        if before.producer_id != self.producer.id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if before.producer_epoch != self.producer.epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        match (before.phase, self.commits) {
            (Phase::Ongoing, _) => Ok(Verdict::Decide),
            (Phase::CompleteCommit, true) | (Phase::CompleteAbort, false) => Ok(Verdict::Done),
            (Phase::PrepareCommit | Phase::PrepareAbort, _) => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            _ => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// For clients that get an epoch with each transaction.
    fn judge_by_epoch(&self, before: &Transaction) -> Result<Verdict, ErrorCode> {
        let asked = self.producer;
        // It is of the transaction after the one that is being completed.
        if before.phase.is_prepared() && asked == before.once_complete() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let is_next = Some(before.producer_epoch) == asked.epoch.checked_add(1);
        let has_new_id = before.previous_producer_id == asked.id
            && asked.epoch == i16::MAX - 1
            && before.producer_epoch == 0;
        if before.producer_id != asked.id && !has_new_id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        let is_now = before.producer_epoch == asked.epoch && before.producer_id == asked.id;
        let asks_again = is_next && before.producer_id == asked.id || has_new_id;
        let is_known = match before.phase {
            Phase::Ongoing | Phase::Empty => is_now,
            Phase::PrepareCommit | Phase::PrepareAbort => is_next,
            Phase::CompleteCommit | Phase::CompleteAbort => asks_again || is_now,
        };
        if !is_known {
            return Err(ErrorCode::ProducerFenced);
        }
        match (before.phase, self.commits) {
            (Phase::Ongoing, _) | (Phase::Empty, false) => Ok(Verdict::Decide),
            (Phase::CompleteCommit, true) | (Phase::CompleteAbort, false) if asks_again => {
                Ok(Verdict::Done)
            }
            (Phase::CompleteCommit | Phase::CompleteAbort, false) if !asks_again => {
                Ok(Verdict::Decide)
            }
            (Phase::PrepareCommit, true) | (Phase::PrepareAbort, false) => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            _ => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// Decides. Who the producer is once that is complete.
    fn prepare(
        &self,
        hard: &State,
        before: &Transaction,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) -> Result<Producer, Refused> {
        let mut after = Transaction {
            phase: match self.commits {
                true => Phase::PrepareCommit,
                false => Phase::PrepareAbort,
            },
            client_version: self.client_version,
            ..before.clone()
        };
        if before.phase != Phase::Ongoing {
            after.started_ms = now.0;
        }
        if has_epoch_per_transaction(self.client_version) {
            if before.epochs_are_used_up() {
                after.next_producer_id = self.fresh_producer_id.ok_or(Refused::NeedsProducerId)?;
            }
            after.producer_epoch = before.producer_epoch.saturating_add(1);
        }
        let id = &self.transactional_id;
        markers::decide(hard, id, &after, self.server_version, live, now, out)?;
        if after.producer_epoch != before.producer_epoch {
            live.last_epochs.insert(id.clone(), before.producer_epoch);
        }
        Ok(after.once_complete())
    }
}
