//! AddPartitionsToTxn and AddOffsetsToTxn: what a transaction writes to, before it does; and whether it may.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::Producer;
use super::write::write;
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
}

impl AddPartitions {
    pub(crate) fn decide(self, hard: &State, now: Timestamp, out: &mut Outbox<Transactions>) {
        let reply = self.add(hard, now, out);
        out.reply(Reply::AddPartitions(reply));
    }

    fn add(
        &self,
        hard: &State,
        now: Timestamp,
        out: &mut Outbox<Transactions>,
    ) -> Result<(), ErrorCode> {
        let before = of_producer(hard, &self.transactional_id, self.producer)?;
        let is_new = |(topic, partition): &(String, i32)| !before.has(topic, *partition);
        if before.phase == Phase::Ongoing && !self.partitions.iter().any(is_new) {
            return Ok(());
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
        )
    }
}

impl VerifyPartitions {
    pub(crate) fn decide(self, hard: &State) -> Result<Vec<bool>, ErrorCode> {
        let transaction = of_producer(hard, &self.transactional_id, self.producer)?;
        let partitions = self.partitions.iter();
        Ok(partitions
            .map(|(topic, partition)| transaction.has(topic, *partition))
            .collect())
    }
}

/// The transaction, if this is who writes it and it may be written.
fn of_producer<'a>(
    hard: &'a State,
    transactional_id: &str,
    producer: Producer,
) -> Result<&'a Transaction, ErrorCode> {
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let known = hard.get(transactional_id);
    let known = known.ok_or(ErrorCode::InvalidProducerIdMapping)?;
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
