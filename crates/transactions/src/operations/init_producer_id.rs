//! InitProducerId with a transactional id: a producer begins, and fences whoever was there before (KIP-98, KIP-360).

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::write::write;
use super::{Producer, Refused, markers};
use crate::config::TransactionConfig;
use crate::live::Live;
use crate::machine::{Reply, Transactions};
use crate::state::{Partitions, Phase, State, Transaction, is_last_epoch};

/// A producer begins.
#[derive(Clone, Debug)]
pub struct InitProducerId {
    /// As whom.
    pub transactional_id: String,
    /// How long its transactions may take.
    pub timeout_ms: i32,
    /// Who it was, if it goes on after an error.
    pub expected: Option<Producer>,
    /// A producer id that nobody has, for the case that one is needed.
    pub fresh_producer_id: Option<i64>,
    /// The cluster's `transaction.version`.
    pub server_version: i16,
}

impl InitProducerId {
    /// What is wrong with a request, whoever coordinates its transactions.
    ///
    /// # Errors
    /// The code that says it.
    pub fn check(
        transactional_id: &str,
        timeout_ms: i32,
        config: &TransactionConfig,
    ) -> Result<(), ErrorCode> {
        if transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        match (1..=config.max_timeout_ms).contains(&timeout_ms) {
            true => Ok(()),
            false => Err(ErrorCode::InvalidTransactionTimeout),
        }
    }

    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) {
        let reply = self.begin(hard, live, now, out);
        out.reply(Reply::InitProducerId(reply));
    }

    fn begin(
        &self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) -> Result<Producer, Refused> {
        let known = hard.get(&self.transactional_id);
        let before = match known {
            Some(known) => known.clone(),
            None => Transaction::of(self.fresh_producer_id.ok_or(Refused::NeedsProducerId)?),
        };
        if before.phase.is_prepared() {
            return Err(ErrorCode::ConcurrentTransactions.into());
        }
        if !self.may_go_on(&before) {
            return Err(ErrorCode::ProducerFenced.into());
        }
        if before.phase == Phase::Ongoing {
            let id = &self.transactional_id;
            markers::fence(hard, id, self.server_version, live, now, out)?;
            return Err(ErrorCode::ConcurrentTransactions.into());
        }
        self.begin_anew(&before, live, now, out)
    }

    /// Whether the producer that it says it was is this one, or was the one before it, whose epochs were used up: it
    /// may not have heard of the new one.
    fn may_go_on(&self, known: &Transaction) -> bool {
        self.expected.is_none_or(|expected| {
            known.producer_epoch == -1
                || expected.id == known.producer_id
                || expected.id == known.previous_producer_id && is_last_epoch(expected.epoch)
        })
    }

    fn begin_anew(
        &self,
        before: &Transaction,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) -> Result<Producer, Refused> {
        let last_epoch = live.last_epochs.get(&self.transactional_id).copied();
        let (producer, last_epoch) = self.next_producer(before, last_epoch.unwrap_or(-1))?;
        let after = Transaction {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            timeout_ms: self.timeout_ms,
            phase: Phase::Empty,
            partitions: Partitions::new(),
            started_ms: -1,
            ..before.clone()
        };
        let id = &self.transactional_id;
        write(id, before, &after, self.server_version, now, out)?;
        live.last_epochs.insert(id.clone(), last_epoch);
        Ok(producer)
    }

    /// Who it is from here on, and the epoch that it had before, if it said so.
    fn next_producer(
        &self,
        before: &Transaction,
        last_epoch: i16,
    ) -> Result<(Producer, i16), Refused> {
        let epoch = before.producer_epoch;
        let expected = self.expected.map(|expected| expected.epoch);
        if before.epochs_are_used_up() && expected.is_none_or(|expected| expected == epoch) {
            let id = self.fresh_producer_id.ok_or(Refused::NeedsProducerId)?;
            let last = expected.map_or(-1, |_| epoch);
            return Ok((Producer { id, epoch: 0 }, last));
        }
        let here = |epoch| Producer {
            id: before.producer_id,
            epoch,
        };
        match expected {
            None => Ok((here(epoch + 1), -1)),
            Some(expected) if epoch == -1 || expected == epoch => Ok((here(epoch + 1), epoch)),
            // It did not hear of the epoch that it was given.
            Some(expected) if expected == last_epoch => Ok((here(epoch), last_epoch)),
            Some(_) => Err(ErrorCode::ProducerFenced.into()),
        }
    }
}
