//! What the clients of a run have in common: the history they write, and how far the run is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_platform::sim::chance;
use parking_lot::Mutex;

use super::broker::BROKERS;
use super::evidence::{Evidence, Standing};
use super::numbers::Numbers;
use super::swarm::Swarm;
use crate::history::{Client, Event, History, Partition, Value};

/// The topic that is written.
pub(super) const TOPIC: &str = "t";
/// Its partitions.
pub(super) const PARTITIONS: i32 = 3;
/// The topic that is compacted, of one partition.
pub(super) const TABLE: &str = "table";

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The cluster comes up, undisturbed, until records are taken.
    Begins,
    /// Things go wrong.
    Disturbed,
    /// Nothing is broken any more.
    Healed,
}

/// Shared by all hosts of a run, which take place on one thread. Held for a moment each time.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

struct State {
    phase: Phase,
    history: History,
    evidence: Evidence,
    numbers: Numbers,
    /// Records of which it is not known yet what becomes of them.
    under_way: BTreeSet<Value>,
    /// Up to where everything is to be read before the end, by each writer that has written all.
    goals: BTreeMap<Client, BTreeMap<i32, i64>>,
    writers: usize,
    questions: u64,
    /// Partitions for which a member has committed when nothing was broken any more.
    owned: BTreeSet<i32>,
    /// Bankers that have not moved all their money yet.
    bankers: u32,
    /// Not all is copied yet.
    forwards: bool,
    /// Replicas are where they are to be in the end.
    is_settled: bool,
    replication_factor: Option<i16>,
}

impl Shared {
    pub(super) fn new(swarm: &Swarm) -> Shared {
        Shared(Arc::new(Mutex::new(State {
            phase: Phase::Begins,
            history: History::default(),
            evidence: Evidence::default(),
            numbers: Numbers::default(),
            under_way: BTreeSet::new(),
            goals: BTreeMap::new(),
            writers: swarm.writers.len(),
            questions: 0,
            owned: BTreeSet::new(),
            bankers: swarm.bankers,
            forwards: swarm.bankers > 0,
            is_settled: !swarm.moves,
            replication_factor: (swarm.beginners == BROKERS).then_some(3),
        })))
    }

    pub(super) fn phase(&self) -> Phase {
        self.0.lock().phase
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.0.lock().phase = phase;
    }

    pub(super) fn saw(&self, event: Event) {
        tracing::debug!(?event, "a client saw");
        self.0.lock().history.events.push(event);
    }

    /// A machine may have lost what it said it had.
    pub(super) fn lost(&self) {
        let state = &mut *self.0.lock();
        state.evidence.lost();
        state.numbers.lost(&state.under_way);
        state.history.unnumbered.extend(&state.under_way);
        state.history.events.retain(|event| !event.shows());
        state.history.committed.clear();
    }

    /// A record is about to be written; what it proves once it is acknowledged.
    pub(super) fn sends(&self, partition: Option<i32>, value: Value) -> Standing {
        self.saw(Event::Sends {
            partition: partition.map(name),
            value,
        });
        let state = &mut *self.0.lock();
        state.under_way.insert(value);
        if state.numbers.sends(partition, value) {
            state.history.unnumbered.insert(value);
        }
        state.evidence.now()
    }

    /// It is known what became of a record.
    pub(super) fn settled(&self, value: Value) {
        let state = &mut *self.0.lock();
        state.under_way.remove(&value);
        state.numbers.settled(value);
    }

    /// A record was acknowledged that was sent at `sent`.
    pub(super) fn acknowledged(
        &self,
        (partition, offset): (i32, Option<i64>),
        value: Value,
        sent: Standing,
    ) {
        let binds = self.0.lock().evidence.acknowledged(partition, sent);
        if binds {
            self.0.lock().numbers.acknowledged(partition, value);
            self.saw(Event::Acknowledged {
                partition: name(partition),
                value,
                offset,
            });
            if let Some(offset) = offset {
                self.committed(partition, offset + 1, Some(sent));
            }
        }
    }

    /// What an answer to a question that is asked now is worth, if anything.
    pub(super) fn standing(&self, partition: i32) -> Option<Standing> {
        self.0.lock().evidence.of(partition)
    }

    /// Whether an answer still binds, the question to which was asked at `asked`.
    pub(super) fn binds(&self, partition: i32, asked: Option<Standing>) -> bool {
        self.0.lock().evidence.binds(partition, asked)
    }

    /// As [`Shared::saw`], of a partition and as an answer to a question asked at `asked`.
    pub(super) fn was_shown(&self, partition: i32, asked: Option<Standing>, event: Event) {
        if self.binds(partition, asked) {
            self.saw(event);
        }
    }

    /// A client knows, from an answer to a question asked at `asked`, that everything below `offset` is
    /// committed.
    pub(super) fn committed(&self, partition: i32, offset: i64, asked: Option<Standing>) {
        let mut state = self.0.lock();
        if state.evidence.binds(partition, asked) {
            let known = state.history.committed.entry(name(partition)).or_default();
            *known = offset.max(*known);
        }
    }

    /// What is known to be committed of each partition.
    pub(super) fn all_committed(&self) -> BTreeMap<Partition, i64> {
        self.0.lock().history.committed.clone()
    }

    pub(super) fn stuck(&self, what: String) {
        self.0.lock().history.stuck.push(what);
    }

    /// A writer has written all, and the last is here.
    pub(super) fn set_goal(&self, writer: Client, goal: BTreeMap<i32, i64>) {
        self.0.lock().goals.insert(writer, goal);
    }

    /// Up to where everything is to be read before the end, once all is written.
    pub(super) fn goal(&self) -> Option<BTreeMap<i32, i64>> {
        let state = self.0.lock();
        if state.goals.len() < state.writers || !state.is_settled {
            return None;
        }
        let mut goal: BTreeMap<i32, i64> = BTreeMap::new();
        for (partition, offset) in state.goals.values().flatten() {
            let end = goal.entry(*partition).or_default();
            *end = (*end).max(*offset);
        }
        Some(goal)
    }

    /// How many replicas the topic gets; what its brokers think right if it is to grow with them.
    pub(super) fn replication_factor(&self) -> Option<i16> {
        self.0.lock().replication_factor
    }

    /// Replicas are where they are to be.
    pub(super) fn all_moved(&self) {
        self.0.lock().is_settled = true;
    }

    /// The number of a question that nobody has asked.
    pub(super) fn new_question(&self) -> u64 {
        let mut state = self.0.lock();
        state.questions += 1;
        state.questions
    }

    /// A member of the group has committed for this partition when nothing was broken any more.
    pub(super) fn owned_in_the_end(&self, partition: i32) {
        self.0.lock().owned.insert(partition);
    }

    /// Whether that is so for all.
    pub(super) fn all_owned(&self) -> bool {
        self.0.lock().owned.len() as i32 == PARTITIONS
    }

    /// A banker has moved all its money.
    pub(super) fn banker_is_done(&self) {
        self.0.lock().bankers -= 1;
    }

    /// Whether all have.
    pub(super) fn bankers_are_done(&self) -> bool {
        self.0.lock().bankers == 0
    }

    /// All is copied that bankers have committed.
    pub(super) fn forwarder_is_done(&self) {
        self.0.lock().forwards = false;
    }

    /// Whether no transaction will come any more.
    pub(super) fn all_is_transferred(&self) -> bool {
        let state = self.0.lock();
        state.bankers == 0 && !state.forwards
    }

    /// What is not committed, and keeps what is from being read.
    pub(super) fn unstable(&self, what: String) {
        self.0.lock().history.unstable.push(what);
    }

    /// This writer's records may be there twice.
    pub(super) fn may_repeat(&self, writer: Client) {
        self.0.lock().history.repeating.insert(writer);
    }

    /// A reader has come to the end.
    pub(super) fn has_read(&self, reader: Client, partition: i32, offset: i64) {
        let mut state = self.0.lock();
        let of = (reader, name(partition));
        state.history.read_to.insert(of, offset);
    }

    /// Below which offset records may have been deleted.
    pub(super) fn trimmed(&self, partition: i32) -> i64 {
        self.0.lock().history.trimmed(&name(partition))
    }

    /// Everything below is committed in the compacted log, and nothing more is written to it.
    pub(super) fn kept_to(&self, offset: i64) {
        self.0.lock().history.kept_to = offset;
    }

    /// Up to where it is committed.
    pub(super) fn all_kept(&self) -> i64 {
        self.0.lock().history.kept_to
    }

    /// Takes what was seen.
    pub(super) fn take_history(&self) -> History {
        std::mem::take(&mut self.0.lock().history)
    }
}

/// A partition as its folder is named.
pub(super) fn name(partition: i32) -> Partition {
    format!("{TOPIC}-{partition}")
}

/// One of the partitions.
pub(super) fn any_partition() -> i32 {
    let partition = chance(|random| random.below(PARTITIONS.unsigned_abs().into()));
    i32::try_from(partition).expect("a few")
}
