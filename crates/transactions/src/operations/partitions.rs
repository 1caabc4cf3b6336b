//! AddPartitionsToTxn and AddOffsetsToTxn: what a transaction writes to, before it does; and whether it may. Who comes
//! while the transaction before is being completed may wait for that, and is told then that it came too early.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Offset, Outbox, Timestamp};

use super::Producer;
use super::write::write;
use crate::live::Live;
use crate::machine::{Reply, Transactions};
use crate::state::{Phase, State, Transaction};

/// A transaction writes to partitions.
#[derive(Clone, Debug)]
pub struct AddPartitions {
    /// Whose.
    pub transactional_id: String,
    /// Who writes.
    pub producer: Producer,
    /// Topic and partition.
    pub partitions: Vec<(String, i32)>,
    /// The level of `transaction.version` that the client speaks.
    pub client_version: i16,
    /// The cluster's.
    pub server_version: i16,
    /// Whether to wait until the transaction before is complete.
    pub waits: bool,
    /// Whether it came on a connection that is older than one on which its producer has spoken since. Then it is not
    /// carried out: the answer is NETWORK_EXCEPTION, which nobody waits for.
    pub is_stale: bool,
}

/// Whether a transaction writes to partitions: asked by their leaders (KIP-890).
#[derive(Clone, Debug)]
pub struct VerifyPartitions {
    /// Whose.
    pub transactional_id: String,
    /// Who writes.
    pub producer: Producer,
    /// Topic and partition.
    pub partitions: Vec<(String, i32)>,
    /// Whether to wait until the transaction before is complete.
    pub waits: bool,
}

/// What is part of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether each partition is, in the order of the request.
    pub parts: Vec<bool>,
    /// [As of](super::Decided::as_of) when.
    pub as_of: Offset,
}

impl AddPartitions {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) {
        let added = self.add(hard, now, out);
        let is_early = added == Err(ErrorCode::ConcurrentTransactions);
        let reply = Reply::AddPartitions(added);
        match is_early && self.waits {
            true => live.wait(&self.transactional_id, reply, out),
            false => out.reply(reply),
        }
    }

    fn add(
        &self,
        hard: &State,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) -> Result<Offset, ErrorCode> {
        let before = of_producer(hard, &self.transactional_id, self.producer)?;
        if self.is_stale {
            return Err(ErrorCode::NetworkException);
        }
        let as_of = hard.as_of(&self.transactional_id);
        let is_new = |(topic, partition): &(String, i32)| !before.has(topic, *partition);
        if before.phase == Phase::Ongoing && !self.partitions.iter().any(is_new) {
            return Ok(as_of);
        }
        let mut after = before.clone();
        if before.phase != Phase::Ongoing {
            after.started_ms = now.0;
        }
        after.phase = Phase::Ongoing;
        after.client_version = self.client_version;
        for (topic, partition) in &self.partitions {
            let partitions = after.partitions.entry(topic.clone()).or_default();
            partitions.insert(*partition);
        }
        write(
            &self.transactional_id,
            before,
            &after,
            self.server_version,
            now,
            out,
        )?;
        Ok(as_of)
    }
}

impl VerifyPartitions {
    pub(crate) fn decide(self, hard: &State, live: &mut Live, out: &mut Outbox<Transactions>) {
        let verified = self.verify(hard);
        let is_early = verified == Err(ErrorCode::ConcurrentTransactions);
        let reply = Reply::VerifyPartitions(verified);
        match is_early && self.waits {
            true => live.wait(&self.transactional_id, reply, out),
            false => out.reply(reply),
        }
    }

    fn verify(&self, hard: &State) -> Result<Verified, ErrorCode> {
        let transaction = of_producer(hard, &self.transactional_id, self.producer)?;
        let partitions = self.partitions.iter();
        Ok(Verified {
            parts: partitions
                .map(|(topic, partition)| transaction.has(topic, *partition))
                .collect(),
            as_of: hard.as_of(&self.transactional_id),
        })
    }
}

/// The transaction, if this is who writes it and it may be written.
fn of_producer<'a>(
    hard: &'a State,
    transactional_id: &str,
    producer: Producer,
) -> Result<&'a Transaction, ErrorCode> {
    let known = hard.get(transactional_id);
    let known = known.ok_or(ErrorCode::InvalidProducerIdMapping)?;
    // It may know already who it is when the transaction before is complete.
    if known.phase.is_prepared() && producer == known.once_complete() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    if known.producer_id != producer.id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if known.producer_epoch != producer.epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    match known.phase.is_prepared() {
        true => Err(ErrorCode::ConcurrentTransactions),
        false => Ok(known),
    }
}
