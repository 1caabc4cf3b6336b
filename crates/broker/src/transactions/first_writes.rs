//! Before a transaction writes to a partition for the first time, the partition's leader asks the transaction's
//! coordinator whether it does (KIP-890). So nothing from outside opens a transaction that nobody will end.
//!
//! What is known of a producer and partition holds for a leader epoch: markers for the partition come through this
//! broker then, and each takes back what is known before it is proposed. While the coordinator is asked, all that the
//! producer writes to the partition waits, so that it enters the log in the order in which it was sent. One question
//! holds all partitions that a producer waits for.
//!
//! Where each transaction has an epoch of its own, a marker says with its epoch what it ends. Otherwise it may end the
//! very transaction that is being asked about: the coordinator is asked once more then.

use std::sync::Arc;

use ottla_platform::seed::HashMap;
use ottla_protocol::ErrorCode;
use parking_lot::Mutex;

use super::coordinator::{self, EPOCH_PER_TRANSACTION, Enlisting};
use crate::context::Broker;
use crate::limits::{FIRST_WRITES_WAITING_MAX, TRANSACTION_WRITERS_KNOWN_MAX};
use crate::partitions::PartitionId;

/// What waits for the answer: called in order, while no other answer can be given to the same producer and partition.
pub(crate) type Then = Box<dyn FnOnce(Result<(), ErrorCode>) + Send>;

/// A producer is about to write to a partition that is led here.
pub(crate) struct Write {
    /// Which partition.
    pub(crate) partition: PartitionId,
    /// Its topic's name.
    pub(crate) topic: String,
    /// In which epoch it is led here.
    pub(crate) leader_epoch: i32,
    /// Whose transaction it is.
    pub(crate) transactional_id: String,
    /// Who writes.
    pub(crate) producer_id: i64,
    /// Its epoch.
    pub(crate) producer_epoch: i16,
    /// Whether the client leaves it to the first write to make the partition part of the transaction.
    pub(crate) adds: bool,
}

/// A marker is about to be written to a partition that is led here.
pub(crate) struct End {
    /// Which partition.
    pub(crate) partition: PartitionId,
    /// Whose transaction it ends.
    pub(crate) producer_id: i64,
    /// The marker's epoch.
    pub(crate) producer_epoch: i16,
    /// Whether each transaction has an epoch of its own.
    pub(crate) epoch_per_transaction: bool,
}

/// A producer and a partition.
type Key = (PartitionId, i64);
/// A producer and its epoch: who is asked about.
type Asker = (i64, i16);

/// Who has a transaction open where, as far as it was asked.
#[derive(Default)]
pub struct FirstWrites {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    known: HashMap<Key, Known>,
    /// Partitions that a task that asks for this producer will ask about next.
    to_ask: HashMap<Asker, Vec<Key>>,
}

/// What is known of a producer in a partition.
struct Known {
    topic: String,
    producer_epoch: i16,
    leader_epoch: i32,
    stage: Stage,
}

enum Stage {
    /// The coordinator is being asked.
    Asking {
        waiting: Vec<Then>,
        /// A marker came meanwhile that may have ended what is asked about.
        is_stale: bool,
    },
    /// The transaction writes to the partition.
    Open,
}

impl FirstWrites {
    /// Has `then` called once it is certain that the transaction writes to the partition, or that it does not.
    pub(crate) fn admit(broker: &Arc<Broker>, write: Write, then: Then) {
        let mut table = broker.first_writes.table.lock();
        let table = &mut *table;
        let key = (write.partition, write.producer_id);
        if let Some(known) = table.known.get_mut(&key)
            && known.leader_epoch == write.leader_epoch
        {
            if known.producer_epoch > write.producer_epoch {
                return then(Err(ErrorCode::InvalidProducerEpoch));
            }
            if known.producer_epoch == write.producer_epoch {
                match &mut known.stage {
                    // Whoever sent so much will try again.
                    Stage::Asking { waiting, .. } if waiting.len() >= FIRST_WRITES_WAITING_MAX => {
                        then(Err(ErrorCode::NotEnoughReplicas));
                    }
                    Stage::Asking { waiting, .. } => waiting.push(then),
                    Stage::Open => then(Ok(())),
                }
                return;
            }
        }
        table.make_room();
        let known = Known {
            topic: write.topic,
            producer_epoch: write.producer_epoch,
            leader_epoch: write.leader_epoch,
            stage: Stage::Asking {
                waiting: vec![then],
                is_stale: false,
            },
        };
        if let Some(before) = table.known.insert(key, known) {
            before.give_up(write.leader_epoch);
        }
        let asker = (write.producer_id, write.producer_epoch);
        if let Some(to_ask) = table.to_ask.get_mut(&asker) {
            return to_ask.push(key);
        }
        table.to_ask.insert(asker, vec![key]);
        let asking = Asking {
            broker: Arc::clone(broker),
            transactional_id: write.transactional_id,
            asker,
            adds: write.adds,
        };
        tokio::spawn(asking.run());
    }

    /// To be called before a marker is proposed.
    pub(crate) fn end(&self, end: &End) {
        let mut table = self.table.lock();
        let key = (end.partition, end.producer_id);
        let Some(known) = table.known.get_mut(&key) else {
            return;
        };
        let is_ended = match end.epoch_per_transaction {
            true => known.producer_epoch < end.producer_epoch,
            false => known.producer_epoch <= end.producer_epoch,
        };
        match &mut known.stage {
            _ if !is_ended => {}
            Stage::Asking { is_stale, .. } => *is_stale = true,
            Stage::Open => _ = table.known.remove(&key),
        }
    }

    /// How many producers are known, of each partition.
    pub fn known(&self) -> usize {
        self.table.lock().known.len()
    }
}

impl Table {
    /// Forgets what is known when there is too much of it: it is asked about again.
    fn make_room(&mut self) {
        if self.known.len() >= TRANSACTION_WRITERS_KNOWN_MAX {
            self.known
                .retain(|_, known| matches!(known.stage, Stage::Asking { .. }));
        }
    }

    /// The partitions to ask about, with their topics' names; `None` if there are none, and nobody asks any more.
    fn take(&mut self, asker: Asker) -> Option<Vec<(Key, String)>> {
        let keys = std::mem::take(self.to_ask.get_mut(&asker)?);
        let asked = keys.into_iter().filter_map(|key| {
            let known = self.known.get(&key)?;
            (known.producer_epoch == asker.1).then(|| (key, known.topic.clone()))
        });
        let asked: Vec<_> = asked.collect();
        if asked.is_empty() {
            self.to_ask.remove(&asker);
            return None;
        }
        Some(asked)
    }

    /// Takes an answer about a partition, unless it has to be asked about again.
    fn answer(&mut self, key: Key, asker: Asker, answer: Result<(), ErrorCode>) {
        let Some(known) = self.known.get_mut(&key) else {
            return;
        };
        let Stage::Asking { waiting, is_stale } = &mut known.stage else {
            return;
        };
        if known.producer_epoch != asker.1 {
            return;
        }
        if answer.is_ok() && std::mem::take(is_stale) {
            return self.to_ask.entry(asker).or_default().push(key);
        }
        let waiting = std::mem::take(waiting);
        match answer {
            Ok(()) => known.stage = Stage::Open,
            Err(_) => _ = self.known.remove(&key),
        }
        for then in waiting {
            then(answer);
        }
    }
}

impl Known {
    /// Another epoch has come, of the producer or of the leader.
    fn give_up(self, leader_epoch: i32) {
        let Stage::Asking { waiting, .. } = self.stage else {
            return;
        };
        let code = match self.leader_epoch == leader_epoch {
            true => ErrorCode::InvalidProducerEpoch,
            false => ErrorCode::NotLeaderOrFollower,
        };
        for then in waiting {
            then(Err(code));
        }
    }
}

/// Asks about one producer, as long as there is something to ask.
struct Asking {
    broker: Arc<Broker>,
    transactional_id: String,
    asker: Asker,
    adds: bool,
}

impl Asking {
    async fn run(self) {
        while let Some(asked) = self.next() {
            let codes = self.ask(&asked).await;
            let mut table = self.broker.first_writes.table.lock();
            for ((key, _), code) in asked.into_iter().zip(codes) {
                let answer = match code {
                    ErrorCode::None => Ok(()),
                    code => Err(code),
                };
                table.answer(key, self.asker, answer);
            }
        }
    }

    fn next(&self) -> Option<Vec<(Key, String)>> {
        self.broker.first_writes.table.lock().take(self.asker)
    }

    async fn ask(&self, asked: &[(Key, String)]) -> Vec<ErrorCode> {
        let partitions = asked.iter();
        let enlisting = Enlisting {
            transactional_id: self.transactional_id.clone(),
            producer_id: self.asker.0,
            producer_epoch: self.asker.1,
            partitions: partitions
                .map(|((id, _), topic)| (topic.clone(), id.1))
                .collect(),
            adds_by: self.adds.then_some(EPOCH_PER_TRANSACTION),
            waits: true,
            is_stale: false,
        };
        coordinator::enlist(&self.broker, enlisting).await
    }
}

/// What a producer is told when a first write was not let in: errors of coordinators that clients do not expect of a
/// partition's leader become ones that they do (Kafka's ReplicaManager and AddPartitionsToTxnManager).
pub(crate) fn refusal(code: ErrorCode, errors: Errors) -> ErrorCode {
    match code {
        ErrorCode::NetworkException
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => ErrorCode::NotEnoughReplicas,
        ErrorCode::ConcurrentTransactions if errors != Errors::OfEpochPerTransaction => {
            ErrorCode::NotEnoughReplicas
        }
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if errors == Errors::Old => ErrorCode::InvalidTxnState,
        code => code,
    }
}

/// The same for those who commit offsets (Kafka's CoordinatorOperationExceptionHelper).
pub(crate) fn refusal_of_offsets(code: ErrorCode, errors: Errors) -> ErrorCode {
    match code {
        // It causes clients to try again without looking for another coordinator.
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::NotLeaderOrFollower => ErrorCode::NotCoordinator,
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if errors == Errors::Old => ErrorCode::InvalidTxnState,
        code => code,
    }
}

/// Which errors a client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errors {
    /// Those before TRANSACTION_ABORTABLE.
    Old,
    /// That too.
    Abortable,
    /// All, and its first write makes a partition part of the transaction.
    OfEpochPerTransaction,
}

impl Errors {
    /// Those of the clients of a version of an API, given the first that knows TRANSACTION_ABORTABLE.
    pub(crate) fn of(version: i16, first_with_abortable: i16) -> Errors {
        match version - first_with_abortable {
            ..0 => Errors::Old,
            0 => Errors::Abortable,
            1.. => Errors::OfEpochPerTransaction,
        }
    }
}
