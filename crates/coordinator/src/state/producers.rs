//! Who commits offsets in transactions, of all groups of a partition of the log.

use std::collections::{BTreeMap, BTreeSet};

use ottla_protocol::ErrorCode;
use ottla_protocol::records::EndMarker;
use ottla_statemachine::Offset;

use crate::record::TransactionalProducer;

/// So many are remembered besides those that have a transaction open: those whose transactions ended last.
const ENDED_MAX: usize = 10_000;

/// By producer id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Producers {
    open: BTreeMap<i64, Open>,
    ended: BTreeMap<i64, Ended>,
    /// The same by where their markers stand.
    by_end: BTreeMap<Offset, i64>,
}

/// A producer with a transaction that has offsets here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    epoch: i16,
    groups: BTreeSet<String>,
}

/// A producer that has had one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ended {
    epoch: i16,
    coordinator_epoch: i32,
    at: Offset,
}

impl Producers {
    /// Whether a producer may commit offsets.
    ///
    /// # Errors
    /// A newer epoch of it has been here.
    pub fn check(&self, producer: TransactionalProducer) -> Result<(), ErrorCode> {
        match self.epoch(producer.id) > Some(producer.epoch) {
            true => Err(ErrorCode::InvalidProducerEpoch),
            false => Ok(()),
        }
    }

    /// Whether a transaction may end, by the rules that the leaders of other partitions have.
    ///
    /// # Errors
    /// It is not the one that is open, or another coordinator has taken over.
    pub fn check_end(
        &self,
        producer: TransactionalProducer,
        marker: EndMarker,
        epoch_per_transaction: bool,
    ) -> Result<(), ErrorCode> {
        self.check(producer)?;
        let open = self.open.get(&producer.id);
        let is_of_open = open.is_some_and(|open| open.epoch == producer.epoch);
        if epoch_per_transaction && is_of_open && producer.epoch != i16::MAX {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let ended = self.ended.get(&producer.id);
        match ended.is_some_and(|ended| ended.coordinator_epoch > marker.coordinator_epoch) {
            true => Err(ErrorCode::TransactionCoordinatorFenced),
            false => Ok(()),
        }
    }

    fn epoch(&self, producer_id: i64) -> Option<i16> {
        let open = self.open.get(&producer_id).map(|open| open.epoch);
        let ended = self.ended.get(&producer_id).map(|ended| ended.epoch);
        open.max(ended)
    }

    /// A transaction has offsets of a group.
    pub(super) fn commit(&mut self, producer: TransactionalProducer, group_id: &str) {
        let open = self.open.entry(producer.id).or_insert_with(|| Open {
            epoch: producer.epoch,
            groups: BTreeSet::new(),
        });
        open.epoch = producer.epoch;
        if !open.groups.contains(group_id) {
            open.groups.insert(group_id.to_owned());
        }
    }

    /// A transaction ends with a marker that stands at `at`; the groups that it has offsets of.
    pub(super) fn end(
        &mut self,
        producer: TransactionalProducer,
        coordinator_epoch: i32,
        at: Offset,
    ) -> BTreeSet<String> {
        let ended = Ended {
            epoch: producer.epoch,
            coordinator_epoch,
            at,
        };
        if let Some(before) = self.ended.insert(producer.id, ended) {
            self.by_end.remove(&before.at);
        }
        self.by_end.insert(at, producer.id);
        if self.ended.len() > ENDED_MAX
            && let Some((_, producer_id)) = self.by_end.pop_first()
        {
            self.ended.remove(&producer_id);
        }
        let open = self.open.remove(&producer.id);
        open.map(|open| open.groups).unwrap_or_default()
    }
}
