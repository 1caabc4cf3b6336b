//! What becomes of a transactional id, request by request, as Apache Kafka 4.3's coordinator has it.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use ottla_protocol::ErrorCode::{
    self, ConcurrentTransactions, InvalidProducerIdMapping, InvalidRequest,
    InvalidTransactionTimeout, InvalidTxnState, ProducerFenced,
};
use ottla_statemachine::rig::{Outcome, Rig};
use ottla_statemachine::{Limits, Offset};
use ottla_transactions::config::TransactionConfig;
use ottla_transactions::machine::{Input, Reply, Transactions};
use ottla_transactions::operations::{
    AddPartitions, Completed, Decided, EndTransaction, InitProducerId, Producer, Refused, Verified,
    VerifyPartitions,
};
use ottla_transactions::record::{Record, decode, encode};
use ottla_transactions::state::{Phase, State, Transaction};

const ID: &str = "tx";
const TIMEOUT_MS: i32 = 60_000;
const NOBODY: Producer = Producer { id: -1, epoch: -1 };

/// A coordinator whose clients and cluster speak a level of `transaction.version`.
struct Coordinator {
    rig: Rig<Transactions>,
    version: i16,
    fresh: i64,
}

fn through_bytes(record: &Record) -> Record {
    let encoded = encode(record);
    decode(&encoded.key, encoded.value.as_deref())
        .unwrap()
        .unwrap()
}

fn producer(id: i64, epoch: i16) -> Producer {
    Producer { id, epoch }
}

impl Coordinator {
    fn new(version: i16) -> Self {
        let empty = State::new(TransactionConfig::default());
        Coordinator {
            rig: Rig::new(empty, Limits::default(), through_bytes),
            version,
            fresh: 1_000,
        }
    }

    fn now(&self) -> &Transaction {
        self.rig.hard().get(ID).unwrap()
    }

    /// With a new producer id where one is needed, as the shell does.
    fn init_as(&mut self, expected: Option<Producer>) -> Result<Producer, ErrorCode> {
        let mut fresh_producer_id = None;
        loop {
            let init = InitProducerId {
                transactional_id: ID.into(),
                timeout_ms: TIMEOUT_MS,
                expected,
                fresh_producer_id,
                server_version: self.version,
            };
            match self.rig.ask(Input::InitProducerId(init)) {
                Reply::InitProducerId(Ok(producer)) => return Ok(producer),
                Reply::InitProducerId(Err(Refused::Error(error))) => return Err(error),
                Reply::InitProducerId(Err(Refused::NeedsProducerId)) => {
                    self.fresh += 1;
                    fresh_producer_id = Some(self.fresh);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn init(&mut self) -> Producer {
        self.init_as(None).unwrap()
    }

    fn add_as_of(&mut self, producer: Producer, partition: i32) -> Result<Offset, ErrorCode> {
        let add = AddPartitions {
            transactional_id: ID.into(),
            producer,
            partitions: vec![("t".into(), partition)],
            client_version: self.version,
            server_version: self.version,
            waits: false,
            is_stale: false,
        };
        match self.rig.ask(Input::AddPartitions(add)) {
            Reply::AddPartitions(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn add(&mut self, producer: Producer, partition: i32) -> Result<(), ErrorCode> {
        self.add_as_of(producer, partition).map(|_| ())
    }

    fn verify(&mut self, producer: Producer) -> Result<Verified, ErrorCode> {
        let verify = VerifyPartitions {
            transactional_id: ID.into(),
            producer,
            partitions: vec![("t".into(), 0), ("t".into(), 1), ("u".into(), 0)],
            waits: false,
        };
        match self.rig.ask(Input::VerifyPartitions(verify)) {
            Reply::VerifyPartitions(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn end(&mut self, producer: Producer, commits: bool) -> Result<Producer, ErrorCode> {
        let mut fresh_producer_id = None;
        loop {
            let end = EndTransaction {
                transactional_id: ID.into(),
                producer,
                commits,
                client_version: self.version,
                server_version: self.version,
                fresh_producer_id,
                is_stale: false,
            };
            match self.rig.ask(Input::EndTransaction(end)) {
                Reply::EndTransaction(Ok(producer)) => return Ok(producer),
                Reply::EndTransaction(Err(Refused::Error(error))) => return Err(error),
                Reply::EndTransaction(Err(Refused::NeedsProducerId)) => {
                    self.fresh += 1;
                    fresh_producer_id = Some(self.fresh);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn take_decided(&mut self) -> Vec<Decided> {
        match self.rig.ask(Input::TakeDecided) {
            Reply::TakeDecided(decided) => decided,
            other => panic!("{other:?}"),
        }
    }

    /// Writes what is decided.
    fn complete(&mut self) -> Decided {
        let mut decided = self.take_decided();
        assert_eq!(decided.len(), 1);
        let decided = decided.pop().unwrap();
        let completed = Completed {
            transactional_id: ID.into(),
            producer: decided.producer,
            server_version: self.version,
        };
        let reply = self.rig.ask(Input::Completed(completed));
        assert_eq!(reply, Reply::Completed);
        decided
    }

    /// Stands so, with the epoch that the producer has then.
    fn at(version: i16, phase: Phase) -> (Coordinator, Producer) {
        let mut it = Coordinator::new(version);
        let mut producer = it.init();
        if phase == Phase::Empty {
            return (it, producer);
        }
        it.add(producer, 0).unwrap();
        let commits = matches!(phase, Phase::PrepareCommit | Phase::CompleteCommit);
        if phase != Phase::Ongoing {
            let next = it.end(producer, commits).unwrap();
            if version >= 2 {
                producer = next;
            }
        }
        if matches!(phase, Phase::CompleteCommit | Phase::CompleteAbort) {
            it.complete();
        }
        assert_eq!(it.now().phase, phase);
        (it, producer)
    }
}

#[test]
fn a_transaction_from_its_beginning_to_its_end() {
    for version in [0, 1, 2] {
        let mut it = Coordinator::new(version);
        let first = it.init();
        assert_eq!(first, producer(1_001, 0));
        it.add(first, 3).unwrap();
        it.add(first, 3).unwrap();
        it.add(first, 1).unwrap();
        assert_eq!(it.now().partitions["t"], [1, 3].into());
        let next = it.end(first, true).unwrap();
        assert_eq!(
            next,
            if version == 2 {
                producer(1_001, 1)
            } else {
                NOBODY
            }
        );
        assert_eq!(
            it.add(first, 4),
            Err(if version == 2 {
                ProducerFenced
            } else {
                ConcurrentTransactions
            })
        );
        let decided = it.complete();
        assert!(decided.commits);
        assert_eq!(decided.partitions["t"], [1, 3].into());
        assert_eq!(decided.producer, producer(1_001, i16::from(version == 2)));
        assert_eq!(it.now().phase, Phase::CompleteCommit);
        assert!(it.now().partitions.is_empty());
    }
}

/// The table of KIP-890: what an end gets where there is no transaction, asked with the epoch of now and with that before.
#[test]
fn an_end_without_a_transaction() {
    let bumped = Ok(());
    let rows = [
        (Phase::Empty, false, Err(ProducerFenced), bumped),
        (
            Phase::Empty,
            true,
            Err(ProducerFenced),
            Err(InvalidTxnState),
        ),
        (Phase::CompleteAbort, false, Ok(()), bumped),
        (
            Phase::CompleteAbort,
            true,
            Err(InvalidTxnState),
            Err(InvalidTxnState),
        ),
        (Phase::CompleteCommit, false, Err(InvalidTxnState), bumped),
        (Phase::CompleteCommit, true, Ok(()), Err(InvalidTxnState)),
    ];
    for (phase, commits, again, now) in rows {
        let (mut it, current) = Coordinator::at(2, phase);
        let before = producer(current.id, current.epoch - 1);
        let answer = it.end(before, commits);
        assert_eq!(answer, again.map(|()| current), "{phase:?} {commits} again");
        let answer = it.end(current, commits);
        let next = producer(current.id, current.epoch + 1);
        assert_eq!(answer, now.map(|()| next), "{phase:?} {commits} now");
    }
    let rows = [
        (Phase::Empty, false, Err(InvalidTxnState)),
        (Phase::Empty, true, Err(InvalidTxnState)),
        (Phase::CompleteAbort, false, Ok(NOBODY)),
        (Phase::CompleteAbort, true, Err(InvalidTxnState)),
        (Phase::CompleteCommit, false, Err(InvalidTxnState)),
        (Phase::CompleteCommit, true, Ok(NOBODY)),
        (Phase::PrepareAbort, false, Err(ConcurrentTransactions)),
        (Phase::PrepareAbort, true, Err(ConcurrentTransactions)),
        (Phase::PrepareCommit, true, Err(ConcurrentTransactions)),
        (Phase::PrepareCommit, false, Err(ConcurrentTransactions)),
    ];
    for (phase, commits, expected) in rows {
        let (mut it, current) = Coordinator::at(1, phase);
        assert_eq!(it.end(current, commits), expected, "{phase:?} {commits}");
        let other = producer(current.id, current.epoch + 1);
        assert_eq!(it.end(other, commits), Err(ProducerFenced));
    }
}

#[test]
fn an_end_that_is_asked_for_again_while_markers_are_written() {
    for (phase, commits) in [(Phase::PrepareCommit, true), (Phase::PrepareAbort, false)] {
        let (mut it, current) = Coordinator::at(2, phase);
        let before = producer(current.id, current.epoch - 1);
        assert_eq!(it.end(before, commits), Err(ConcurrentTransactions));
        assert_eq!(it.end(before, !commits), Err(InvalidTxnState));
        // That would be the next transaction, which nothing was written to.
        assert_eq!(it.end(current, false), Err(ConcurrentTransactions));
        assert_eq!(it.add(current, 1), Err(ConcurrentTransactions));
        assert_eq!(it.init_as(None), Err(ConcurrentTransactions));
    }
}

/// What Jepsen found in brokers of the older protocol: the end of one transaction, late, ends the next.
#[test]
fn a_late_end_does_not_end_the_next_transaction() {
    let (mut it, second) = Coordinator::at(2, Phase::CompleteCommit);
    let first = producer(second.id, second.epoch - 1);
    it.add(second, 1).unwrap();
    assert_eq!(it.end(first, false), Err(ProducerFenced));
    assert_eq!(it.end(first, true), Err(ProducerFenced));
    assert_eq!(it.now().phase, Phase::Ongoing);
}

/// What a commit gets after the coordinator has aborted: of those that have an epoch for each transaction it cannot be
/// told from one that its own abort came before.
fn too_late(version: i16) -> ErrorCode {
    match version {
        2 => InvalidTxnState,
        _ => ProducerFenced,
    }
}

#[test]
fn another_producer_under_the_same_id_aborts_what_is_under_way() {
    for version in [1, 2] {
        let (mut it, old) = Coordinator::at(version, Phase::Ongoing);
        assert_eq!(it.init_as(None), Err(ConcurrentTransactions));
        assert_eq!(it.end(old, true), Err(too_late(version)));
        let decided = it.complete();
        assert!(!decided.commits);
        assert_eq!(decided.producer, producer(old.id, old.epoch + 1));
        let new = it.init();
        assert_eq!(new, producer(old.id, old.epoch + 2));
        assert_eq!(it.add(old, 0), Err(ProducerFenced));
        it.add(new, 0).unwrap();
    }
}

#[test]
fn a_producer_goes_on_after_an_error_and_may_ask_twice() {
    let (mut it, first) = Coordinator::at(1, Phase::Empty);
    let second = producer(first.id, first.epoch + 1);
    assert_eq!(it.init_as(Some(first)), Ok(second));
    assert_eq!(it.init_as(Some(first)), Ok(second));
    assert_eq!(
        it.init_as(Some(second)),
        Ok(producer(first.id, first.epoch + 2))
    );
    assert_eq!(it.init_as(Some(first)), Err(ProducerFenced));
    assert_eq!(it.init_as(Some(producer(5, 0))), Err(ProducerFenced));
}

#[test]
fn epochs_that_are_used_up_take_another_producer_id() {
    let (mut it, mut current) = Coordinator::at(1, Phase::Empty);
    while current.epoch < i16::MAX - 1 {
        current = it.init();
    }
    let next = it.init_as(Some(current)).unwrap();
    assert_eq!(next, producer(1_002, 0));
    // It did not hear of it.
    assert_eq!(it.init_as(Some(current)), Ok(next));
}

#[test]
fn the_last_epoch_of_a_producer_ends_with_another_producer_id() {
    let (mut it, mut current) = Coordinator::at(2, Phase::Empty);
    while current.epoch < i16::MAX - 1 {
        current = it.end(current, false).unwrap();
        it.complete();
    }
    it.add(current, 0).unwrap();
    let next = it.end(current, true).unwrap();
    assert_eq!(next, producer(1_002, 0));
    assert_eq!(it.now().producer_epoch, i16::MAX);
    assert_eq!(it.end(current, true), Err(ConcurrentTransactions));
    assert_eq!(it.complete().producer, producer(current.id, i16::MAX));
    assert_eq!(it.end(current, true), Ok(next));
    it.add(next, 0).unwrap();
}

#[test]
fn what_takes_too_long_is_aborted_also_by_another_leader() {
    for version in [0, 1, 2] {
        let (mut it, old) = Coordinator::at(version, Phase::Ongoing);
        it.rig.advance_ms(50_000);
        it.rig.commit_all();
        assert_eq!(it.now().phase, Phase::Ongoing);
        it.rig.lose_leader(0);
        it.rig.advance_ms(30_000);
        assert_eq!(it.now().phase, Phase::PrepareAbort);
        it.rig.commit_all();
        assert_eq!(it.end(old, true), Err(too_late(version)));
        assert_eq!(it.complete().producer.epoch, old.epoch + 1);
    }
}

#[test]
fn ids_that_nobody_uses_are_forgotten() {
    let (mut it, _) = Coordinator::at(2, Phase::CompleteCommit);
    it.rig.advance_ms(604_800_000 - 1);
    assert!(it.rig.hard().get(ID).is_some());
    it.rig.advance_ms(3_600_001);
    assert!(it.rig.hard().get(ID).is_none());
    let (mut it, _) = Coordinator::at(2, Phase::PrepareCommit);
    it.rig.advance_ms(2 * 604_800_000);
    assert!(it.rig.hard().get(ID).is_some());
}

#[test]
fn a_decision_is_given_out_when_it_is_committed_and_again_by_the_next_leader() {
    let (mut it, producer) = Coordinator::at(2, Phase::Ongoing);
    let taker = it.rig.input(Input::TakeDecided);
    let end = EndTransaction {
        transactional_id: ID.into(),
        producer,
        commits: true,
        client_version: 2,
        server_version: 2,
        fresh_producer_id: None,
        is_stale: false,
    };
    it.rig.input(Input::EndTransaction(end));
    assert!(it.rig.take_answers().is_empty());
    it.rig.commit_all();
    let answers = it.rig.take_answers();
    let given = answers.iter().find(|answer| answer.asker == taker).unwrap();
    let Outcome::Reply(Reply::TakeDecided(given)) = &given.outcome else {
        panic!("{:?}", given.outcome);
    };
    it.rig.lose_leader(0);
    let again = it.take_decided();
    let differs = |(one, other): (&Decided, &Decided)| {
        Decided {
            as_of: one.as_of,
            ..other.clone()
        } != *one
    };
    assert!(!given.iter().zip(&again).any(differs) && again.len() == given.len());
}

#[test]
fn what_is_said_of_a_transaction_is_as_of_its_decision_or_before_and_after_that_of_the_one_before()
{
    for loses in [false, true] {
        let (mut it, producer) = Coordinator::at(1, Phase::Empty);
        let mut last = None;
        for round in 0..3 {
            let known = [
                it.add_as_of(producer, 0).unwrap(),
                it.add_as_of(producer, 1).unwrap(),
                it.verify(producer).unwrap().as_of,
            ];
            assert!(
                known.iter().all(|it| Some(*it) > last),
                "{round}: {known:?}, {last:?}"
            );
            it.end(producer, true).unwrap();
            if loses {
                it.rig.lose_leader(0);
            }
            let decided = it.complete();
            assert!(
                known.iter().all(|it| *it <= decided.as_of),
                "{round}: {known:?}, {decided:?}"
            );
            last = Some(decided.as_of);
        }
    }
}

#[test]
fn partitions_are_verified_for_who_writes_them_alone() {
    let (mut it, producer) = Coordinator::at(2, Phase::Ongoing);
    let mut verify = |producer| it.verify(producer).map(|verified| verified.parts);
    assert_eq!(verify(producer), Ok(vec![true, false, false]));
    let newer = Producer {
        epoch: producer.epoch + 1,
        ..producer
    };
    assert_eq!(verify(newer), Err(ProducerFenced));
    assert_eq!(
        verify(Producer { id: 3, ..producer }),
        Err(InvalidProducerIdMapping)
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut it = Coordinator::new(2);
    let nobody = producer(7, 0);
    assert_eq!(it.add(nobody, 0), Err(InvalidProducerIdMapping));
    assert_eq!(it.end(nobody, true), Err(InvalidProducerIdMapping));
    let check =
        |id, timeout_ms| InitProducerId::check(id, timeout_ms, &TransactionConfig::default());
    for timeout_ms in [0, -1, 900_001] {
        assert_eq!(check(ID, timeout_ms), Err(InvalidTransactionTimeout));
    }
    assert_eq!(check(ID, 900_000), Ok(()));
    assert_eq!(check("", 900_000), Err(InvalidRequest));
}
