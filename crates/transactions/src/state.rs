//! What the log folds to: each transactional id, and how its transaction stands.

use std::collections::{BTreeMap, BTreeSet};

use ottla_statemachine::Offset;

use crate::config::TransactionConfig;
use crate::record::Record;

/// How a transaction stands (`TransactionState` of Kafka, but for what is never written).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// A producer has begun; it has no transaction.
    Empty,
    /// Partitions have been added.
    Ongoing,
    /// It is decided that all is committed; markers are under way.
    PrepareCommit,
    /// It is decided that all is aborted; markers are under way.
    PrepareAbort,
    /// All partitions have their marker.
    CompleteCommit,
    /// All partitions have their marker.
    CompleteAbort,
}

impl Phase {
    /// All there are.
    pub const ALL: [Phase; 6] = [
        Phase::Empty,
        Phase::Ongoing,
        Phase::PrepareCommit,
        Phase::PrepareAbort,
        Phase::CompleteCommit,
        Phase::CompleteAbort,
    ];

    /// As the log has it.
    pub fn id(self) -> i8 {
        match self {
            Phase::Empty => 0,
            Phase::Ongoing => 1,
            Phase::PrepareCommit => 2,
            Phase::PrepareAbort => 3,
            Phase::CompleteCommit => 4,
            Phase::CompleteAbort => 5,
        }
    }

    /// As DescribeTransactions and ListTransactions call it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Ongoing => "Ongoing",
            Phase::PrepareCommit => "PrepareCommit",
            Phase::PrepareAbort => "PrepareAbort",
            Phase::CompleteCommit => "CompleteCommit",
            Phase::CompleteAbort => "CompleteAbort",
        }
    }

    /// Whether markers are under way.
    pub fn is_prepared(self) -> bool {
        matches!(self, Phase::PrepareCommit | Phase::PrepareAbort)
    }

    /// Whether there is no transaction that anybody waits for.
    pub fn is_at_rest(self) -> bool {
        matches!(
            self,
            Phase::Empty | Phase::CompleteCommit | Phase::CompleteAbort
        )
    }
}

/// Partitions by topic.
pub type Partitions = BTreeMap<String, BTreeSet<i32>>;

/// A transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Who writes under it.
    pub producer_id: i64,
    /// Who did before the last change of this; −1 if the log does not say.
    pub previous_producer_id: i64,
    /// Who will, once markers are written, because the epochs are used up; −1 if nobody else.
    pub next_producer_id: i64,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// How long a transaction may take.
    pub timeout_ms: i32,
    /// How it stands.
    pub phase: Phase,
    /// What it writes to.
    pub partitions: Partitions,
    /// When it last changed.
    pub updated_ms: i64,
    /// When it began; −1 if it has not.
    pub started_ms: i64,
    /// The feature level `transaction.version` that the producer spoke when it last changed it.
    pub client_version: i16,
}

impl Transaction {
    /// A producer that has done nothing yet.
    pub(crate) fn of(producer_id: i64) -> Self {
        Transaction {
            producer_id,
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: -1,
            timeout_ms: 0,
            phase: Phase::Empty,
            partitions: Partitions::new(),
            updated_ms: -1,
            started_ms: -1,
            client_version: 0,
        }
    }

    /// Whether its producer id can be given no further epoch: the last of all is for fencing.
    pub(crate) fn epochs_are_used_up(&self) -> bool {
        is_last_epoch(self.producer_epoch)
    }

    /// Whether it writes to a partition.
    pub(crate) fn has(&self, topic: &str, partition: i32) -> bool {
        let partitions = self.partitions.get(topic);
        partitions.is_some_and(|partitions| partitions.contains(&partition))
    }
}

/// Whether a producer is given no epoch after this one.
pub(crate) fn is_last_epoch(epoch: i16) -> bool {
    epoch >= i16::MAX - 1
}

/// All transactional ids of a partition of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    config: TransactionConfig,
    transactions: BTreeMap<String, Known>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    transaction: Transaction,
    /// Where its newest record is.
    at: Offset,
}

impl State {
    /// That of an empty log.
    pub fn new(config: TransactionConfig) -> Self {
        State {
            config,
            transactions: BTreeMap::new(),
        }
    }

    /// The settings.
    pub fn config(&self) -> &TransactionConfig {
        &self.config
    }

    /// Takes the record of the log that is at an offset.
    pub fn apply(&mut self, at: Offset, record: &Record) {
        let transactional_id = &record.transactional_id;
        match &record.value {
            Some(value) => {
                let transaction = value.transaction.clone();
                let known = Known { transaction, at };
                self.transactions.insert(transactional_id.clone(), known)
            }
            None => self.transactions.remove(transactional_id),
        };
    }

    /// One of them.
    pub fn get(&self, transactional_id: &str) -> Option<&Transaction> {
        let known = self.transactions.get(transactional_id);
        known.map(|known| &known.transaction)
    }

    /// Where the newest record of one of them is; [`Offset::ZERO`] if there is none.
    ///
    /// While a transaction is open, that is past everything that the log has of the transaction before; when it is
    /// decided, it is not before anything that was known of it when it was open.
    pub fn as_of(&self, transactional_id: &str) -> Offset {
        let known = self.transactions.get(transactional_id);
        known.map_or(Offset::ZERO, |known| known.at)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Transaction)> {
        let all = self.transactions.iter();
        all.map(|(id, known)| (id.as_str(), &known.transaction))
    }
}
