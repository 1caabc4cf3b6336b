//! All queues of a producer, and the memory their records hold.
//!
//! Shared by those who send records and the one task that sends batches; one short lock over everything. A queue
//! that has something to send stands in `ready` exactly once; a queue whose open batch still waits for company
//! stands in `lingering` with the moment until which it does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ottla_protocol::NodeId;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::batch::{Appended, Outcome, PendingBatch, ProducerIdentity};
use super::config::ProducerConfig;
use super::error::ProduceError;
use super::partitioner::{Sticky, partition_for_key};
use super::queue::{Answer, PartitionQueue, Pushed, QueueSettings};
use super::record::{Delivery, ProducerRecord};
use crate::error::ClientError;
use crate::partition::TopicPartition;

/// A queue: topic and partition as numbers in the tables.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Slot {
    topic: usize,
    partition: usize,
}

/// A batch taken to be sent.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) slot: Slot,
    pub(super) batch: PendingBatch,
}

/// What became of an attempt to add a record.
#[derive(Debug)]
pub(super) enum Added {
    /// It is in a batch.
    Accepted(Delivery),
    /// Its topic has not been registered yet.
    UnknownTopic,
    /// There is no memory for it now.
    Full,
}

/// The queues, their memory, and the bells for both sides.
pub(super) struct Accumulator {
    state: Mutex<State>,
    settings: QueueSettings,
    config: ProducerConfig,
    /// Rings when there may be something to send.
    pub(super) work: Notify,
    /// Rings when memory became free.
    pub(super) room: Notify,
}

#[derive(Default)]
struct State {
    topics: Vec<TopicQueues>,
    by_name: BTreeMap<Arc<str>, usize>,
    ready: VecDeque<Slot>,
    lingering: BTreeSet<(Instant, Slot)>,
    /// Outcomes of all batches not settled yet.
    unsettled: BTreeMap<(Slot, u64), Arc<Outcome>>,
    held_bytes: usize,
    is_closed: bool,
}

struct TopicQueues {
    name: Arc<str>,
    partitions: Vec<QueueState>,
    sticky: Sticky,
}

struct QueueState {
    queue: PartitionQueue,
    is_ready: bool,
    lingers_until: Option<Instant>,
}

impl Accumulator {
    pub(super) fn new(config: ProducerConfig) -> Self {
        Accumulator {
            state: Mutex::default(),
            settings: QueueSettings {
                batch_bytes: config.batch_bytes.min(config.request_bytes_max),
                compression: config.compression,
                compression_level: config.compression_level,
                in_flight_max: config.in_flight_max,
                delivery_timeout: config.delivery_timeout,
            },
            config,
            work: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Makes sure that a topic has a queue for each of its partitions.
    pub(super) fn register(&self, topic: &Arc<str>, partitions: usize, chance: u64) {
        let state = &mut *self.state.lock();
        let index = *state.by_name.entry(topic.clone()).or_insert_with(|| {
            state.topics.push(TopicQueues {
                name: topic.clone(),
                partitions: Vec::new(),
                sticky: Sticky::default(),
            });
            state.topics.len() - 1
        });
        let queues = &mut state.topics[index];
        while queues.partitions.len() < partitions {
            let number = i32::try_from(queues.partitions.len()).unwrap_or(i32::MAX);
            queues.partitions.push(QueueState {
                queue: PartitionQueue::new(TopicPartition::new(topic.clone(), number)),
                is_ready: false,
                lingers_until: None,
            });
            queues.sticky.move_on(queues.partitions.len(), chance);
        }
    }

    /// Adds a record, if its topic is known and there is memory.
    pub(super) fn add(
        &self,
        record: &ProducerRecord<'_>,
        chance: impl FnOnce() -> u64,
    ) -> Result<Added, ProduceError> {
        let size_bytes = record.size_bytes();
        let limit_bytes = self.config.request_bytes_max;
        if size_bytes > limit_bytes {
            return Err(ProduceError::RecordTooLarge {
                size_bytes,
                limit_bytes,
            });
        }
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(ProduceError::Closed);
        }
        let Some(&topic) = state.by_name.get(record.topic) else {
            return Ok(Added::UnknownTopic);
        };
        // One record is always taken, else one larger than the buffer would wait for ever.
        if state.held_bytes > 0 && state.held_bytes + size_bytes > self.config.buffer_bytes {
            state.hurry();
            drop(state);
            self.work.notify_one();
            return Ok(Added::Full);
        }
        let (partition, closed) =
            state.topics[topic].choose(record, size_bytes, &self.settings, chance)?;
        if let Some(partition) = closed {
            state.end_lingering(Slot { topic, partition });
        }
        let slot = Slot { topic, partition };
        let (delivery, rings) = state.push(slot, record, size_bytes, &self.config, &self.settings);
        drop(state);
        if rings {
            self.work.notify_one();
        }
        Ok(Added::Accepted(delivery))
    }

    /// Makes everything ready that lingers, and gives the outcomes of all batches not settled yet.
    pub(super) fn flush(&self) -> Vec<Arc<Outcome>> {
        let mut state = self.state.lock();
        state.hurry();
        let unsettled = state.unsettled.values().cloned().collect();
        drop(state);
        self.work.notify_one();
        unsettled
    }

    /// Takes no more records; what is there is still sent.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.hurry();
        drop(state);
        self.work.notify_one();
        self.room.notify_waiters();
    }

    /// Whether the accumulator is closed and every batch settled.
    pub(super) fn is_drained(&self) -> bool {
        let state = self.state.lock();
        state.is_closed && state.unsettled.is_empty()
    }

    /// Whether anything is to be sent.
    pub(super) fn is_anything_ready(&self) -> bool {
        !self.state.lock().ready.is_empty()
    }

    /// Gives up all batches that are ready and not under way, because nothing can be sent at all.
    pub(super) fn fail_ready(&self, error: &ClientError) {
        let mut state = self.state.lock();
        let ready: Vec<Slot> = state.ready.drain(..).collect();
        let mut failed = Vec::new();
        for slot in ready {
            for batch in state.queue(slot).queue.give_up() {
                state.forget(slot, &batch);
                failed.push((batch, Err(ProduceError::Topic(error.clone()))));
            }
            state.stay_ready(slot);
        }
        drop(state);
        self.settle_all(failed);
    }

    /// The topics of which anything is to be sent.
    pub(super) fn ready_topics(&self) -> BTreeSet<Arc<str>> {
        let state = self.state.lock();
        let names = state
            .ready
            .iter()
            .map(|slot| state.topics[slot.topic].name.clone());
        names.collect()
    }

    /// The topics registered.
    pub(super) fn topics(&self) -> Vec<Arc<str>> {
        self.state.lock().by_name.keys().cloned().collect()
    }

    /// Moves what has lingered long enough to `ready`, and gives up what is too old.
    pub(super) fn tick(&self, now: Instant) {
        let mut state = self.state.lock();
        while let Some(&(moment, slot)) = state.lingering.first() {
            if moment > now {
                break;
            }
            state.lingering.pop_first();
            state.queue(slot).lingers_until = None;
            state.make_ready(slot);
        }
        // Only queues with something to send can hold something too old: an open batch lingers for less.
        let ready: Vec<Slot> = state.ready.iter().copied().collect();
        let mut expired = Vec::new();
        for slot in ready {
            for (batch, error) in state.queue(slot).queue.expire(now, &self.settings) {
                state.forget(slot, &batch);
                expired.push((batch, error));
            }
        }
        drop(state);
        self.settle_all(
            expired
                .into_iter()
                .map(|(batch, error)| (batch, Err(error))),
        );
    }

    /// When `tick` or `take` has something to do at the earliest, if nothing else happens.
    pub(super) fn next_moment(&self, now: Instant) -> Option<Instant> {
        let state = self.state.lock();
        let lingering = state.lingering.first().map(|&(moment, _)| moment);
        let ready = state.ready.iter().filter_map(|slot| {
            let queue = &state.topics[slot.topic].partitions[slot.partition].queue;
            queue.next_moment(now, &self.settings)
        });
        ready.chain(lingering).min()
    }

    /// Takes batches for one request to each node: at most one of each partition, no more than a request carries.
    /// `node_of` says where a partition's batches can be sent now, if anywhere.
    pub(super) fn take(
        &self,
        now: Instant,
        identity: Option<ProducerIdentity>,
        mut node_of: impl FnMut(&str, i32) -> Option<NodeId>,
    ) -> BTreeMap<NodeId, Vec<Taken>> {
        let mut state = self.state.lock();
        let mut requests: BTreeMap<NodeId, (usize, Vec<Taken>)> = BTreeMap::new();
        for _ in 0..state.ready.len() {
            let Some(slot) = state.ready.pop_front() else {
                break;
            };
            if let Some(size_bytes) = state.sendable(slot, now, identity, &self.settings)
                && let Some(node) = node_of(&state.topics[slot.topic].name, slot.number())
            {
                let (so_far, batches) = requests.entry(node).or_default();
                // The first batch of a request always fits.
                if batches.is_empty() || *so_far + size_bytes <= self.config.request_bytes_max {
                    *so_far += size_bytes;
                    let batch = state.queue(slot).queue.take(identity);
                    batches.extend(batch.map(|batch| Taken { slot, batch }));
                }
            }
            state.stay_ready(slot);
        }
        let taken = requests
            .into_iter()
            .map(|(node, (_, batches))| (node, batches));
        taken.collect()
    }

    /// Whether the producer id cannot be used any more by a partition that is ready.
    pub(super) fn is_spent(&self, identity: ProducerIdentity) -> bool {
        let state = self.state.lock();
        state.ready.iter().any(|slot| {
            state.topics[slot.topic].partitions[slot.partition]
                .queue
                .is_spent(identity)
        })
    }

    /// Takes the answer for a batch that was taken.
    pub(super) fn settle(&self, taken: Taken, answer: Answer, now: Instant, retry_at: Instant) {
        let Taken { slot, batch } = taken;
        let mut state = self.state.lock();
        let settled = state
            .queue(slot)
            .queue
            .settle(batch, answer, now, retry_at, &self.settings);
        state.make_ready(slot);
        if let Some((batch, result)) = settled {
            state.forget(slot, &batch);
            drop(state);
            self.settle_all([(batch, result)]);
        }
    }

    /// Tells those who wait, outside the lock.
    fn settle_all(
        &self,
        batches: impl IntoIterator<Item = (PendingBatch, Result<Appended, ProduceError>)>,
    ) {
        let mut any = false;
        for (batch, result) in batches {
            batch.settle(result);
            any = true;
        }
        if any {
            self.room.notify_waiters();
            self.work.notify_one();
        }
    }
}

impl Slot {
    fn number(self) -> i32 {
        i32::try_from(self.partition).unwrap_or(i32::MAX)
    }
}

impl TopicQueues {
    /// The partition for a record, and the partition whose open batch was closed because the record's choice moved on.
    fn choose(
        &mut self,
        record: &ProducerRecord<'_>,
        size_bytes: usize,
        settings: &QueueSettings,
        chance: impl FnOnce() -> u64,
    ) -> Result<(usize, Option<usize>), ProduceError> {
        let partitions = self.partitions.len();
        if let Some(partition) = record.partition {
            let index = usize::try_from(partition)
                .ok()
                .filter(|&index| index < partitions);
            let index = index.ok_or_else(|| ProduceError::NoSuchPartition {
                topic: self.name.to_string(),
                partition,
                partitions,
            })?;
            return Ok((index, None));
        }
        if let Some(key) = record.key {
            return Ok((partition_for_key(key, partitions), None));
        }
        let current = self.sticky.partition();
        let queue = &mut self.partitions[current].queue;
        if queue.open_batch().is_none() || !queue.would_open(size_bytes, settings) {
            return Ok((current, None));
        }
        // The batch is full: the next one may as well be another partition's.
        queue.close_open();
        self.sticky.move_on(partitions, chance());
        Ok((self.sticky.partition(), Some(current)))
    }
}

impl QueueState {
    /// Whether the open batch, if there is one, need not wait for company.
    fn is_due(&self) -> bool {
        self.lingers_until.is_none()
    }

    fn has_something_to_send(&self) -> bool {
        self.queue.has_waiting() || (self.is_due() && self.queue.open_batch().is_some())
    }
}

impl State {
    fn queue(&mut self, slot: Slot) -> &mut QueueState {
        &mut self.topics[slot.topic].partitions[slot.partition]
    }

    /// Adds a record to a queue. The second value tells whether the sender must look.
    fn push(
        &mut self,
        slot: Slot,
        record: &ProducerRecord<'_>,
        size_bytes: usize,
        config: &ProducerConfig,
        settings: &QueueSettings,
    ) -> (Delivery, bool) {
        let timestamp = record.timestamp.unwrap_or_else(|| config.clock.now_ms());
        let state = self.queue(slot);
        let (delivery, pushed) =
            state
                .queue
                .push(record, size_bytes, timestamp, Instant::now, settings);
        let order = state.queue.open_batch().map_or(0, |open| open.order);
        self.held_bytes += size_bytes;
        if pushed == Pushed::Joined {
            return (delivery, false);
        }
        self.unsettled
            .insert((slot, order), delivery.outcome.clone());
        if pushed == Pushed::ClosedAndOpened {
            self.end_lingering(slot);
        }
        if config.linger.is_zero() {
            self.make_ready(slot);
        } else {
            let until = Instant::now() + config.linger;
            self.queue(slot).lingers_until = Some(until);
            self.lingering.insert((until, slot));
        }
        (delivery, true)
    }

    /// The open batch of this queue waits no longer, or was closed.
    fn end_lingering(&mut self, slot: Slot) {
        if let Some(moment) = self.queue(slot).lingers_until.take() {
            self.lingering.remove(&(moment, slot));
        }
        self.make_ready(slot);
    }

    /// Nothing lingers any more.
    fn hurry(&mut self) {
        while let Some((_, slot)) = self.lingering.pop_first() {
            self.queue(slot).lingers_until = None;
            self.make_ready(slot);
        }
    }

    /// Puts a queue among the ready ones, if it has something to send and is not there.
    fn make_ready(&mut self, slot: Slot) {
        let state = self.queue(slot);
        if !state.is_ready && state.has_something_to_send() {
            state.is_ready = true;
            self.ready.push_back(slot);
        }
    }

    /// After a queue was taken from the front: to the back if it has more to send.
    fn stay_ready(&mut self, slot: Slot) {
        self.queue(slot).is_ready = false;
        self.make_ready(slot);
    }

    /// The size of the next batch of a queue, if it may be sent now.
    fn sendable(
        &mut self,
        slot: Slot,
        now: Instant,
        identity: Option<ProducerIdentity>,
        settings: &QueueSettings,
    ) -> Option<usize> {
        let state = self.queue(slot);
        let is_due = state.is_due();
        if identity.is_some_and(|identity| state.queue.is_spent(identity)) {
            return None;
        }
        let may_send = state.queue.may_send(now, is_due, settings);
        may_send.then(|| state.queue.next_size_bytes(is_due))
    }

    /// A batch is over: its memory is free.
    fn forget(&mut self, slot: Slot, batch: &PendingBatch) {
        self.unsettled.remove(&(slot, batch.order));
        self.held_bytes = self.held_bytes.saturating_sub(batch.charged_bytes);
    }
}
