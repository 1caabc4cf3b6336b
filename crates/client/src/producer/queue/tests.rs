//! A queue against a model of one partition on a broker: the sequence checks of Kafka, and a network that loses
//! requests, answers and whole connections.

use std::collections::VecDeque;

use ottla_protocol::records::Batch;
use proptest::prelude::*;

use super::*;

const IDENTITY: ProducerIdentity = ProducerIdentity { id: 7, epoch: 0 };

fn settings() -> QueueSettings {
    QueueSettings {
        batch_bytes: 200,
        compression: Compression::None,
        compression_level: None,
        in_flight_max: 5,
        delivery_timeout: Duration::from_secs(120),
    }
}

/// A queue that the broker knows already.
fn queue() -> PartitionQueue {
    PartitionQueue {
        is_known: true,
        ..new_queue()
    }
}

fn new_queue() -> PartitionQueue {
    PartitionQueue::new(TopicPartition::new("t", 0))
}

fn push(queue: &mut PartitionQueue, number: u32, now: Instant) -> (Delivery, Pushed) {
    let value = number.to_be_bytes();
    let record = ProducerRecord {
        value: Some(&value),
        ..ProducerRecord::default()
    };
    queue.push(&record, record.size_bytes(), 0, || now, &settings())
}

/// Pushes one record and takes its batch.
fn sent(queue: &mut PartitionQueue, number: u32, now: Instant) -> PendingBatch {
    push(queue, number, now);
    queue.close_open();
    assert!(queue.may_send(now, false, &settings()));
    queue.take(Some(IDENTITY)).unwrap()
}

/// The same for a producer that numbers nothing.
fn sent_unnumbered(queue: &mut PartitionQueue, number: u32, now: Instant) -> PendingBatch {
    push(queue, number, now);
    queue.close_open();
    assert!(queue.may_send(now, false, &settings()));
    queue.take(None).unwrap()
}

#[test]
fn an_unnumbered_batch_is_sent_again_beside_later_ones() {
    let (mut queue, now) = (queue(), Instant::now());
    let first = sent_unnumbered(&mut queue, 0, now);
    let mut later: Vec<_> = (1..5)
        .map(|number| sent_unnumbered(&mut queue, number, now))
        .collect();
    let lost = Answer::Lost("the connection broke".to_owned());
    assert!(queue.settle(first, lost, now, now, &settings()).is_none());
    assert!(queue.may_send(now, false, &settings()));
    let again = queue.take(None).unwrap();
    assert_eq!(again.order, 1);
    // and no more than are allowed are under way
    push(&mut queue, 5, now);
    queue.close_open();
    assert!(!queue.may_send(now, false, &settings()));
    let second = later.remove(0);
    let lost = Answer::Lost("the connection broke".to_owned());
    assert!(queue.settle(second, lost, now, now, &settings()).is_none());
    assert!(queue.may_send(now, false, &settings()));
}

fn sequence(batch: &PendingBatch) -> (i16, i32) {
    let stamp = batch.stamp.unwrap();
    (stamp.identity.epoch, stamp.base_sequence)
}

fn refused(code: ErrorCode) -> Answer {
    Answer::Refused { code, detail: None }
}

fn appended(offset: i64) -> Answer {
    Answer::Appended(Appended {
        base_offset: Some(offset),
        log_append_time_ms: None,
    })
}

fn settle(
    queue: &mut PartitionQueue,
    batch: PendingBatch,
    answer: Answer,
    now: Instant,
) -> Settled {
    queue.settle(batch, answer, now, now, &settings())
}

#[test]
fn a_record_opens_a_batch_joins_it_and_closes_it_when_full() {
    let (mut queue, now) = (queue(), Instant::now());
    assert_eq!(push(&mut queue, 0, now).1, Pushed::Opened);
    let mut pushed = Pushed::Joined;
    for number in 1..20 {
        pushed = push(&mut queue, number, now).1;
        if pushed != Pushed::Joined {
            break;
        }
    }
    assert_eq!(pushed, Pushed::ClosedAndOpened);
    assert!(queue.has_waiting());
    let batch = queue.take(None).unwrap();
    assert!(batch.record_count() > 1 && batch.size_bytes() <= settings().batch_bytes);
}

#[test]
fn five_batches_are_under_way_at_most() {
    let (mut queue, now) = (queue(), Instant::now());
    let _under_way: Vec<PendingBatch> =
        (0..5).map(|number| sent(&mut queue, number, now)).collect();
    push(&mut queue, 5, now);
    queue.close_open();
    assert!(!queue.may_send(now, false, &settings()));
}

#[test]
fn a_batch_that_hangs_stays_among_the_last_five_that_the_broker_knows() {
    let (mut queue, now) = (queue(), Instant::now());
    let _hangs = sent(&mut queue, 0, now);
    for number in 1..5 {
        let taken_by_the_next_leader = sent(&mut queue, number, now);
        settle(&mut queue, taken_by_the_next_leader, appended(0), now);
    }
    push(&mut queue, 5, now);
    queue.close_open();
    assert!(!queue.may_send(now, false, &settings()));
}

#[test]
fn a_batch_sent_again_keeps_its_sequence_and_its_place_and_goes_alone() {
    let (mut queue, now) = (queue(), Instant::now());
    let first = sent(&mut queue, 0, now);
    let second = sent(&mut queue, 1, now);
    push(&mut queue, 2, now);
    assert!(settle(&mut queue, second, Answer::Lost("cut".into()), now).is_none());
    // The first is still under way: the second waits for it.
    assert!(!queue.may_send(now, true, &settings()));
    assert!(settle(&mut queue, first, Answer::Lost("cut".into()), now).is_none());
    let again = queue.take(Some(IDENTITY)).unwrap();
    assert_eq!(sequence(&again), (0, 0));
    assert!(!queue.may_send(now, true, &settings()));
    settle(&mut queue, again, appended(0), now);
    assert_eq!(sequence(&queue.take(Some(IDENTITY)).unwrap()), (0, 1));
}

#[test]
fn the_first_batch_goes_alone_until_the_broker_knows_the_producer() {
    let (mut queue, now) = (new_queue(), Instant::now());
    let first = sent(&mut queue, 0, now);
    push(&mut queue, 1, now);
    assert!(!queue.may_send(now, true, &settings()));
    let answer = refused(ErrorCode::NotLeaderOrFollower);
    assert!(settle(&mut queue, first, answer, now).is_none());
    let again = queue.take(Some(IDENTITY)).unwrap();
    assert!(!queue.may_send(now, true, &settings()));
    settle(&mut queue, again, appended(0), now);
    let _second = queue.take(Some(IDENTITY)).unwrap();
    push(&mut queue, 2, now);
    assert!(queue.may_send(now, true, &settings()));
}

#[test]
fn a_batch_waits_before_it_is_sent_again() {
    let (mut queue, now) = (queue(), Instant::now());
    let batch = sent(&mut queue, 0, now);
    let later = now + Duration::from_millis(100);
    queue.settle(
        batch,
        refused(ErrorCode::NotLeaderOrFollower),
        now,
        later,
        &settings(),
    );
    assert!(!queue.may_send(now, false, &settings()));
    assert_eq!(queue.next_moment(now, &settings()), Some(later));
    assert!(queue.may_send(later, false, &settings()));
}

#[test]
fn out_of_order_behind_a_missing_batch_is_tried_again_with_the_same_sequence() {
    let (mut queue, now) = (queue(), Instant::now());
    let first = sent(&mut queue, 0, now);
    let second = sent(&mut queue, 1, now);
    let answer = refused(ErrorCode::OutOfOrderSequenceNumber);
    assert!(settle(&mut queue, second, answer, now).is_none());
    settle(&mut queue, first, appended(0), now);
    assert_eq!(sequence(&queue.take(Some(IDENTITY)).unwrap()), (0, 1));
}

#[test]
fn out_of_order_without_a_gap_means_lost_data_and_is_told() {
    let (mut queue, now) = (queue(), Instant::now());
    let batch = sent(&mut queue, 0, now);
    let answer = refused(ErrorCode::OutOfOrderSequenceNumber);
    let settled = settle(&mut queue, batch, answer, now);
    assert!(matches!(
        settled,
        Some((_, Err(ProduceError::Refused { .. })))
    ));
    // And the producer goes on in a new epoch.
    assert_eq!(sequence(&sent(&mut queue, 1, now)), (1, 0));
}

#[test]
fn out_of_order_behind_a_batch_given_up_starts_again_in_a_new_epoch() {
    let (mut queue, now) = (queue(), Instant::now());
    let first = sent(&mut queue, 0, now);
    let second = sent(&mut queue, 1, now);
    settle(&mut queue, first, refused(ErrorCode::MessageTooLarge), now);
    let answer = refused(ErrorCode::OutOfOrderSequenceNumber);
    assert!(settle(&mut queue, second, answer, now).is_none());
    let again = queue.take(Some(IDENTITY)).unwrap();
    assert_eq!(sequence(&again), (1, 0));
    settle(&mut queue, again, appended(0), now);
    assert_eq!(sequence(&sent(&mut queue, 2, now)), (1, 1));
}

#[test]
fn the_sequence_of_a_refused_batch_with_nothing_behind_it_is_used_again() {
    let (mut queue, now) = (queue(), Instant::now());
    let batch = sent(&mut queue, 0, now);
    settle(&mut queue, batch, refused(ErrorCode::MessageTooLarge), now);
    assert_eq!(sequence(&sent(&mut queue, 1, now)), (0, 0));
}

#[test]
fn a_duplicate_is_a_delivery_without_an_offset() {
    let (mut queue, now) = (queue(), Instant::now());
    let batch = sent(&mut queue, 0, now);
    let answer = refused(ErrorCode::DuplicateSequenceNumber);
    let Some((_, Ok(appended))) = settle(&mut queue, batch, answer, now) else {
        panic!("a duplicate was delivered before");
    };
    assert_eq!(appended.base_offset, None);
}

#[test]
fn what_is_too_old_is_given_up_and_says_whether_it_is_in_doubt() {
    let (mut queue, now) = (queue(), Instant::now());
    let batch = sent(&mut queue, 0, now);
    settle(&mut queue, batch, Answer::Lost("cut".into()), now);
    push(&mut queue, 1, now);
    let late = now + settings().delivery_timeout;
    let doubts: Vec<bool> = queue
        .expire(late, &settings())
        .into_iter()
        .map(|(_, error)| {
            matches!(
                error,
                ProduceError::TimedOut {
                    is_in_doubt: true,
                    ..
                }
            )
        })
        .collect();
    assert_eq!(doubts, [true, false]);
}

#[test]
fn a_producer_id_whose_epochs_are_used_up_is_not_used_again() {
    let (mut queue, now) = (queue(), Instant::now());
    let last = ProducerIdentity {
        id: 7,
        epoch: i16::MAX,
    };
    push(&mut queue, 0, now);
    let batch = queue.take(Some(last)).unwrap();
    settle(
        &mut queue,
        batch,
        refused(ErrorCode::OutOfOrderSequenceNumber),
        now,
    );
    push(&mut queue, 1, now);
    let fresh = ProducerIdentity { id: 8, epoch: 0 };
    let batch = queue.take(Some(fresh)).unwrap();
    assert_eq!(batch.stamp.unwrap().identity, fresh);
    assert!(queue.is_spent(last) && !queue.is_spent(fresh));
}

#[test]
fn sequences_wrap_to_zero() {
    assert_eq!(following(i32::MAX, 1), 0);
    assert_eq!(following(i32::MAX - 1, 3), 1);
}

/// One partition's log and what Kafka remembers of the producer.
#[derive(Default)]
struct Model {
    log: Vec<u32>,
    epoch: Option<i16>,
    /// First and last sequence and offset of the last five batches.
    recent: VecDeque<(i32, i32, i64)>,
}

impl Model {
    fn produce(&mut self, batch: &Batch) -> Answer {
        let header = &batch.header;
        let (first, last) = (header.base_sequence, header.last_sequence());
        match self.epoch {
            Some(epoch) if header.producer_epoch < epoch => {
                return refused(ErrorCode::InvalidProducerEpoch);
            }
            Some(epoch) if header.producer_epoch == epoch => {
                if let Some(&(_, _, offset)) = self
                    .recent
                    .iter()
                    .find(|known| (known.0, known.1) == (first, last))
                {
                    return appended(offset);
                }
                let expected = self.recent.back().map_or(0, |known| known.1 + 1);
                if first != expected {
                    return refused(ErrorCode::OutOfOrderSequenceNumber);
                }
            }
            // Of a producer that it does not know the broker takes any first sequence.
            Some(_) if first != 0 => return refused(ErrorCode::OutOfOrderSequenceNumber),
            _ => self.recent.clear(),
        }
        self.epoch = Some(header.producer_epoch);
        let offset = self.log.len() as i64;
        for record in batch.records(1 << 20).unwrap() {
            let value = record.unwrap().value.unwrap();
            self.log
                .push(u32::from_be_bytes(value.as_ref().try_into().unwrap()));
        }
        self.recent.push_back((first, last, offset));
        if self.recent.len() > 5 {
            self.recent.pop_front();
        }
        appended(offset)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push,
    Send,
    /// The broker handles the oldest request and the answer arrives.
    Answer,
    /// The broker refuses the oldest request with this.
    Refuse(ErrorCode),
    /// The connection breaks after the broker has handled so many requests.
    Break(usize),
    /// Time passes.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let refusals = [
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::NotEnoughReplicas,
        ErrorCode::RequestTimedOut,
        ErrorCode::InvalidRecord,
    ];
    prop_oneof![
        6 => Just(Step::Push),
        6 => Just(Step::Send),
        5 => Just(Step::Answer),
        1 => proptest::sample::select(refusals.to_vec()).prop_map(Step::Refuse),
        1 => (0usize..4).prop_map(Step::Break),
        1 => (1u64..50).prop_map(Step::Wait),
    ]
}

struct World {
    queue: PartitionQueue,
    model: Model,
    network: VecDeque<(PendingBatch, Batch)>,
    now: Instant,
    pushed: u32,
    /// Numbers delivered, and the offsets their senders were told.
    delivered: Vec<(u32, i64)>,
}

impl World {
    fn run(steps: Vec<Step>) -> World {
        let mut world = World {
            queue: new_queue(),
            model: Model::default(),
            network: VecDeque::new(),
            now: Instant::now(),
            pushed: 0,
            delivered: Vec::new(),
        };
        for step in steps {
            world.step(step);
        }
        // In the end everything works.
        for _ in 0..10_000 {
            if world.network.is_empty() && !world.queue.may_send(world.now, true, &settings()) {
                break;
            }
            world.step(Step::Send);
            world.step(Step::Answer);
        }
        world
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Push => {
                push(&mut self.queue, self.pushed, self.now);
                self.pushed += 1;
            }
            Step::Send => {
                if self.queue.may_send(self.now, true, &settings()) {
                    let mut batch = self.queue.take(Some(IDENTITY)).unwrap();
                    let bytes = batch.built().unwrap();
                    self.network.push_back((batch, bytes));
                }
            }
            Step::Answer => {
                if let Some((batch, bytes)) = self.network.pop_front() {
                    let answer = self.model.produce(&bytes);
                    self.settle(batch, &bytes, answer);
                }
            }
            Step::Refuse(code) => {
                if let Some((batch, bytes)) = self.network.pop_front() {
                    // This one is appended nevertheless.
                    if code == ErrorCode::RequestTimedOut {
                        self.model.produce(&bytes);
                    }
                    self.settle(batch, &bytes, refused(code));
                }
            }
            Step::Break(handled) => {
                for (_, bytes) in self.network.iter().take(handled) {
                    self.model.produce(bytes);
                }
                for (batch, bytes) in std::mem::take(&mut self.network) {
                    self.settle(batch, &bytes, Answer::Lost("cut".into()));
                }
            }
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.queue.expire(self.now, &settings());
            }
        }
    }

    fn settle(&mut self, batch: PendingBatch, bytes: &Batch, answer: Answer) {
        let numbers = bytes.records(1 << 20).unwrap().map(|record| {
            let value = record.unwrap().value.unwrap();
            u32::from_be_bytes(value.as_ref().try_into().unwrap())
        });
        match settle(&mut self.queue, batch, answer, self.now) {
            Some((_, Ok(appended))) => {
                let base = appended.base_offset.unwrap();
                self.delivered.extend(numbers.zip(base..));
            }
            None | Some((_, Err(_))) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_record_is_in_the_log_at_most_once_in_order_and_where_its_sender_was_told(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let world = World::run(steps);
        prop_assert!(world.model.log.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", world.model.log);
        for (number, offset) in &world.delivered {
            prop_assert_eq!(world.model.log.get(*offset as usize), Some(number));
        }
        prop_assert!(!world.queue.has_waiting(), "something is stuck");
    }
}
