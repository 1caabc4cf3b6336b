//! Before a transaction writes to a partition for the first time, the partition's leader asks the transaction's
//! coordinator whether it does (KIP-890). So nothing from outside opens a transaction that nobody will end.
//!
//! What is known of a producer and partition holds for a leader epoch: markers for the partition come through this
//! broker then, and each takes back what is known before it is proposed. While the coordinator is asked, all that the
//! producer writes to the partition waits, so that it enters the log in the order in which it was sent. One question
//! holds all partitions that a producer waits for.
//!
//! Batches that are refused because the coordinator cannot be asked for a while hold back those behind them until they
//! come again.
//!
//! What the coordinator says is as of an offset of its log; so is a marker. That tells which of the two is of a later
//! transaction, though a producer may have one epoch for all of them: a marker that was long on its way ends nothing
//! that began since, and an answer that a marker has overtaken is asked for once more.

use std::sync::Arc;

use ottla_platform::seed::HashMap;
use ottla_protocol::ErrorCode;
use parking_lot::Mutex;

use super::between::Answers;
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
    /// Its first sequence; -1 if it has none.
    pub(crate) sequence: i32,
    /// Whether the client leaves it to the first write to make the partition part of the transaction.
    pub(crate) adds: bool,
}

/// A marker is about to be written to a partition that is led here.
pub(crate) struct End {
    /// Which partition.
    pub(crate) partition: PartitionId,
    /// Whose transaction it ends.
    pub(crate) producer_id: i64,
    /// As of when its coordinator had decided; `None` if no coordinator sent it.
    pub(crate) as_of: Option<i64>,
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
    /// The lowest sequence that was refused for a reason that passes, until it is let in: a partition that knows
    /// nothing of the producer would take a higher one that was sent behind it, and then never this one (Kafka's
    /// VerificationStateEntry).
    refused: Option<i32>,
    stage: Stage,
}

enum Stage {
    /// The coordinator is being asked.
    Asking {
        /// Each with its first sequence.
        waiting: Vec<(i32, Then)>,
        /// A marker came meanwhile: an answer that is not as of a later time is about what it ended.
        ended_as_of: Option<i64>,
    },
    /// The transaction writes to the partition.
    Open {
        /// As of when.
        as_of: i64,
    },
    /// It could not be known; who tries again asks again.
    Refused,
}

impl FirstWrites {
    /// Has `then` called once it is certain that the transaction writes to the partition, or that it does not.
    pub(crate) fn admit(broker: &Arc<Broker>, write: Write, then: Then) {
        let asking = Asking {
            broker: Arc::clone(broker),
            transactional_id: write.transactional_id.clone(),
            asker: (write.producer_id, write.producer_epoch),
            adds: write.adds,
        };
        if broker.first_writes.table.lock().admit(write, then) {
            tokio::spawn(asking.run());
        }
    }

    /// To be called before a marker is proposed.
    ///
    /// # Errors
    /// INVALID_PRODUCER_EPOCH: a later transaction is open, so what this ends was ended before. It is not to be written.
    pub(crate) fn end(&self, end: &End) -> Result<(), ErrorCode> {
        let mut table = self.table.lock();
        let key = (end.partition, end.producer_id);
        let Some(known) = table.known.get_mut(&key) else {
            return Ok(());
        };
        match &mut known.stage {
            Stage::Asking { ended_as_of, .. } => *ended_as_of = end.as_of.max(*ended_as_of),
            Stage::Open { as_of } if end.as_of.is_some_and(|end| end < *as_of) => {
                return Err(ErrorCode::InvalidProducerEpoch);
            }
            Stage::Open { .. } | Stage::Refused => _ = table.known.remove(&key),
        }
        Ok(())
    }

    /// How many producers are known, of each partition.
    pub fn known(&self) -> usize {
        self.table.lock().known.len()
    }
}

impl Table {
    /// As [`FirstWrites::admit`]; whether somebody has to begin to ask.
    fn admit(&mut self, write: Write, then: Then) -> bool {
        let key = (write.partition, write.producer_id);
        let sequence = write.sequence;
        let mut refused = None;
        if let Some(known) = self.known.get_mut(&key)
            && known.leader_epoch == write.leader_epoch
        {
            if known.producer_epoch > write.producer_epoch {
                then(Err(ErrorCode::InvalidProducerEpoch));
                return false;
            }
            if known.producer_epoch == write.producer_epoch {
                match &mut known.stage {
                    // Whoever sent so much will try again.
                    Stage::Asking { waiting, .. } if waiting.len() >= FIRST_WRITES_WAITING_MAX => {
                        then(Err(ErrorCode::NotEnoughReplicas));
                        return false;
                    }
                    Stage::Asking { waiting, .. } => {
                        waiting.push((sequence, then));
                        return false;
                    }
                    Stage::Open { .. } => {
                        then(known.let_in(sequence));
                        return false;
                    }
                    Stage::Refused => refused = known.refused,
                }
            }
        }
        self.make_room();
        let known = Known {
            topic: write.topic,
            producer_epoch: write.producer_epoch,
            leader_epoch: write.leader_epoch,
            refused,
            stage: Stage::Asking {
                waiting: vec![(sequence, then)],
                ended_as_of: None,
            },
        };
        if let Some(before) = self.known.insert(key, known) {
            before.give_up(write.leader_epoch);
        }
        let asker = (write.producer_id, write.producer_epoch);
        let is_asking = self.to_ask.contains_key(&asker);
        self.to_ask.entry(asker).or_default().push(key);
        !is_asking
    }

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

    /// Takes an answer about a partition, unless it has to be asked about again. It says as of when the transaction is
    /// open.
    fn answer(&mut self, key: Key, asker: Asker, answer: Result<i64, ErrorCode>) {
        let Some(known) = self.known.get_mut(&key) else {
            return;
        };
        let Stage::Asking {
            waiting,
            ended_as_of,
        } = &mut known.stage
        else {
            return;
        };
        if known.producer_epoch != asker.1 {
            return;
        }
        if answer.is_ok_and(|as_of| Some(as_of) <= *ended_as_of) {
            return self.to_ask.entry(asker).or_default().push(key);
        }
        let waiting = std::mem::take(waiting);
        match answer {
            Ok(as_of) => {
                known.stage = Stage::Open { as_of };
                for (sequence, then) in waiting {
                    then(known.let_in(sequence));
                }
            }
            Err(code) => {
                if code.retriable() {
                    let sequences = waiting.iter().map(|(sequence, _)| *sequence);
                    known.refused = sequences.chain(known.refused).min();
                    known.stage = Stage::Refused;
                } else {
                    self.known.remove(&key);
                }
                for (_, then) in waiting {
                    then(Err(code));
                }
            }
        }
    }
}

impl Known {
    /// Whether a batch of a transaction that is open may be written: not ahead of one that was refused.
    fn let_in(&mut self, sequence: i32) -> Result<(), ErrorCode> {
        if self.refused.is_some_and(|refused| sequence > refused) {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        self.refused = None;
        Ok(())
    }

    /// Another epoch has come, of the producer or of the leader.
    fn give_up(self, leader_epoch: i32) {
        let Stage::Asking { waiting, .. } = self.stage else {
            return;
        };
        let code = match self.leader_epoch == leader_epoch {
            true => ErrorCode::InvalidProducerEpoch,
            false => ErrorCode::NotLeaderOrFollower,
        };
        for (_, then) in waiting {
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
            let enlisted = self.ask(&asked).await;
            let mut table = self.broker.first_writes.table.lock();
            for ((key, _), code) in asked.into_iter().zip(enlisted.codes) {
                let answer = match code {
                    ErrorCode::None => Ok(enlisted.as_of),
                    code => Err(code),
                };
                table.answer(key, self.asker, answer);
            }
        }
    }

    fn next(&self) -> Option<Vec<(Key, String)>> {
        self.broker.first_writes.table.lock().take(self.asker)
    }

    async fn ask(&self, asked: &[(Key, String)]) -> Answers {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ottla_protocol::TopicId;
    use uuid::Uuid;

    use super::*;

    const KEY: Key = ((TopicId(Uuid::from_u128(1)), 0), 7);
    const ASKER: Asker = (7, 0);

    /// Where a producer asks.
    fn asking(let_in: &Arc<AtomicUsize>) -> FirstWrites {
        let let_in = Arc::clone(let_in);
        let then = move |answer: Result<(), ErrorCode>| {
            answer.unwrap();
            let_in.fetch_add(1, Ordering::Relaxed);
        };
        let known = Known {
            topic: "t".into(),
            producer_epoch: ASKER.1,
            leader_epoch: 1,
            refused: None,
            stage: Stage::Asking {
                waiting: vec![(0, Box::new(then))],
                ended_as_of: None,
            },
        };
        let writes = FirstWrites::default();
        writes.table.lock().known.insert(KEY, known);
        writes
    }

    fn end(writes: &FirstWrites, as_of: Option<i64>) -> Result<(), ErrorCode> {
        writes.end(&End {
            partition: KEY.0,
            producer_id: KEY.1,
            as_of,
        })
    }

    #[test]
    fn a_marker_ends_what_is_known_up_to_when_it_was_decided_and_nothing_later() {
        let writes = asking(&Arc::default());
        writes.table.lock().answer(KEY, ASKER, Ok(10));
        let is_refused = Err(ErrorCode::InvalidProducerEpoch);
        assert_eq!(end(&writes, Some(9)), is_refused, "it was long on its way");
        assert_eq!(writes.known(), 1);
        assert_eq!(end(&writes, Some(10)), Ok(()));
        assert_eq!(writes.known(), 0);
        assert_eq!(end(&writes, Some(9)), Ok(()), "nothing is known");
    }

    #[test]
    fn a_tool_ends_whatever_is_open() {
        let writes = asking(&Arc::default());
        assert_eq!(end(&writes, None), Ok(()));
        writes.table.lock().answer(KEY, ASKER, Ok(10));
        assert_eq!(writes.known(), 1);
        assert_eq!(end(&writes, None), Ok(()));
        assert_eq!(writes.known(), 0);
    }

    #[test]
    fn an_answer_that_a_marker_has_overtaken_is_asked_for_again() {
        let let_in = Arc::default();
        let writes = asking(&let_in);
        for as_of in [12, 11] {
            assert_eq!(end(&writes, Some(as_of)), Ok(()));
        }
        for as_of in [11, 12] {
            writes.table.lock().answer(KEY, ASKER, Ok(as_of));
            assert_eq!(let_in.load(Ordering::Relaxed), 0);
            let asked_again = writes.table.lock().to_ask.remove(&ASKER);
            assert_eq!(asked_again, Some(vec![KEY]));
        }
        writes.table.lock().answer(KEY, ASKER, Ok(13));
        assert_eq!(let_in.load(Ordering::Relaxed), 1);
    }

    /// What a write with this sequence is told, in its place in `told`.
    fn admit(writes: &FirstWrites, sequence: i32, told: &Arc<Mutex<Vec<(i32, Told)>>>) {
        let told = Arc::clone(told);
        let write = Write {
            partition: KEY.0,
            topic: "t".into(),
            leader_epoch: 1,
            transactional_id: "id".into(),
            producer_id: ASKER.0,
            producer_epoch: ASKER.1,
            sequence,
            adds: true,
        };
        let then = move |answer| told.lock().push((sequence, answer));
        writes.table.lock().admit(write, Box::new(then));
    }

    type Told = Result<(), ErrorCode>;

    #[test]
    fn nothing_is_let_in_ahead_of_what_was_refused_for_a_while() {
        let told = Arc::default();
        let writes = FirstWrites::default();
        for sequence in [10, 15] {
            admit(&writes, sequence, &told);
        }
        let answer = |answer| writes.table.lock().answer(KEY, ASKER, answer);
        let passing = Err(ErrorCode::NotCoordinator);
        answer(passing);
        let first = [
            (10, Err(ErrorCode::NotCoordinator)),
            (15, Err(ErrorCode::NotCoordinator)),
        ];
        assert_eq!(std::mem::take(&mut *told.lock()), first);
        // It was on its way, and asks anew.
        admit(&writes, 20, &told);
        answer(passing);
        admit(&writes, 20, &told);
        answer(Ok(1));
        let out_of_order = Err(ErrorCode::OutOfOrderSequenceNumber);
        let then = [(20, Err(ErrorCode::NotCoordinator)), (20, out_of_order)];
        assert_eq!(std::mem::take(&mut *told.lock()), then);
        for sequence in [15, 10, 15, 20] {
            admit(&writes, sequence, &told);
        }
        let last = [(15, out_of_order), (10, Ok(())), (15, Ok(())), (20, Ok(()))];
        assert_eq!(std::mem::take(&mut *told.lock()), last);
    }

    #[test]
    fn what_was_refused_counts_until_its_transaction_ends() {
        for code in [ErrorCode::NotCoordinator, ErrorCode::TransactionAbortable] {
            let told = Arc::default();
            let writes = FirstWrites::default();
            admit(&writes, 0, &told);
            writes.table.lock().answer(KEY, ASKER, Err(code));
            assert_eq!(writes.known(), usize::from(code.retriable()));
            assert_eq!(end(&writes, Some(1)), Ok(()));
            admit(&writes, 5, &told);
            writes.table.lock().answer(KEY, ASKER, Ok(2));
            assert_eq!(*told.lock(), [(0, Err(code)), (5, Ok(()))]);
        }
    }
}
