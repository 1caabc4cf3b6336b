//! Consumers that read all partitions from their beginning, in sessions: each begins where the last one
//! ended, or some way before that.

use std::time::Duration;

use ottla_client::consumer::{
    ConsumeError, Consumer, ConsumerConfig, Fetched, OutOfRange, StartFrom,
};
use ottla_client::{Client, TopicPartition};
use ottla_platform::seed::{Random, mix};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::history::{Event, LAST_READER, Reader};
use crate::record::Record;
use crate::topics::{all, place_of};
use crate::value;

/// How many there are beside the last one.
pub(crate) const READERS: u8 = 3;
/// The longest session.
const SESSION_MS_MAX: u64 = 30_000;
/// How far back a session may begin.
const BACK_MAX: u64 = 3_000;
/// Between a session that broke and the next.
const REST: Duration = Duration::from_millis(200);
/// By reader: bytes of a partition at a time, and how many it waits for.
const FETCHES: [(i32, i32); 3] = [(1 << 20, 1), (16 << 10, 1), (256 << 10, 32 << 10)];
/// The last reader may wait so long for the next records.
const PATIENCE: Duration = Duration::from_secs(60);

/// Until when to read: for ever, or until these offsets.
type Goal = Option<Vec<i64>>;

/// All readers.
pub(crate) struct Readers {
    goal: watch::Sender<Goal>,
    tasks: JoinSet<()>,
}

impl Readers {
    /// Starts reading.
    pub(crate) fn start(client: &Client, seed: u64, record: &Record) -> Readers {
        let (goal, known) = watch::channel(None);
        let mut tasks = JoinSet::new();
        for number in 0..READERS {
            let reading = Reading {
                reader: Reader(number),
                client: client.clone(),
                random: Random::new(mix(seed ^ mix(u64::from(number) + 1))),
                record: record.clone(),
                positions: vec![0; all().len()],
                session: 0,
                goal: known.clone(),
            };
            tasks.spawn(reading.run());
        }
        Readers { goal, tasks }
    }

    /// Lets them read to these offsets; whether they got there in time.
    pub(crate) async fn finish(self, ends: &[i64]) -> bool {
        self.goal.send_replace(Some(ends.to_vec()));
        let mut tasks = self.tasks;
        let ended = async { while tasks.join_next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ended).await.is_ok()
    }
}

/// Reads everything once more, in one session, with a client that has not been there before.
pub(crate) async fn read_all(client: &Client, record: &Record, ends: &[i64]) -> Result<(), String> {
    let from_start = |partition: &TopicPartition| (partition.clone(), StartFrom::Earliest);
    let config = ConsumerConfig {
        out_of_range: OutOfRange::Fail,
        ..ConsumerConfig::default()
    };
    let wanted = all().iter().zip(ends).filter(|(_, end)| **end > 0);
    let wanted = wanted.map(|(partition, _)| from_start(partition));
    let mut consumer = Consumer::new(client, config, wanted);
    let mut positions = vec![0; ends.len()];
    while positions.iter().zip(ends).any(|(at, end)| at < end) {
        let fetched = tokio::time::timeout(PATIENCE, consumer.next()).await;
        let fetched = fetched
            .map_err(|_| format!("nothing to read for {PATIENCE:?} at {positions:?} of {ends:?}"))?
            .map_err(|error| format!("the last reader: {error}"))?;
        take(LAST_READER, 0, &fetched, record);
        positions[place_of(&fetched.partition).index()] = fetched.next_offset;
    }
    Ok(())
}

struct Reading {
    reader: Reader,
    client: Client,
    random: Random,
    record: Record,
    /// By partition: the next offset to be read for the first time.
    positions: Vec<i64>,
    session: u16,
    goal: watch::Receiver<Goal>,
}

impl Reading {
    async fn run(mut self) {
        while !self.is_done() {
            self.session += 1;
            self.record.count(|counts| counts.sessions += 1);
            if let Err(error) = self.read_a_session().await {
                self.note(&error);
                tokio::time::sleep(REST).await;
            }
        }
    }

    fn is_done(&self) -> bool {
        let goal = self.goal.borrow();
        let reached = |ends: &Vec<i64>| self.positions.iter().zip(ends).all(|(at, end)| at >= end);
        goal.as_ref().is_some_and(reached)
    }

    async fn read_a_session(&mut self) -> Result<(), ConsumeError> {
        let until = Instant::now() + Duration::from_millis(self.random.below(SESSION_MS_MAX));
        let assignment = self.assignment();
        let mut consumer = Consumer::new(&self.client, self.config(), assignment);
        while !self.is_done() {
            tokio::select! {
                fetched = consumer.next() => {
                    let fetched = fetched?;
                    take(self.reader, self.session, &fetched, &self.record);
                    let next = &mut self.positions[place_of(&fetched.partition).index()];
                    *next = fetched.next_offset.max(*next);
                }
                changed = self.goal.changed() => {
                    // Who sets the goal is gone: nobody wants to know any more.
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = tokio::time::sleep_until(until) => return Ok(()),
            }
        }
        Ok(())
    }

    fn config(&self) -> ConsumerConfig {
        let (partition_bytes_max, min_bytes) = FETCHES[usize::from(self.reader.0) % FETCHES.len()];
        ConsumerConfig {
            partition_bytes_max,
            min_bytes,
            out_of_range: OutOfRange::Fail,
            ..ConsumerConfig::default()
        }
    }

    fn assignment(&mut self) -> Vec<(TopicPartition, StartFrom)> {
        let goes_back = self.random.chance(1, 2);
        let mut place = |(partition, at): (&TopicPartition, &i64)| {
            let back = if goes_back {
                i64::try_from(self.random.below(BACK_MAX)).expect("it is not far")
            } else {
                0
            };
            (partition.clone(), StartFrom::Offset((at - back).max(0)))
        };
        all().iter().zip(&self.positions).map(&mut place).collect()
    }

    /// An offset that this reader could come to does not go away, and what is there is whole.
    fn note(&self, error: &ConsumeError) {
        let (reader, words) = (self.reader, error.to_string());
        let kind = match error {
            ConsumeError::OutOfRange { .. } => "offset out of range",
            ConsumeError::Corrupt { .. } => "corrupt",
            ConsumeError::Refused { code, .. } => code.name(),
            ConsumeError::Lookup { .. } => "lookup",
            ConsumeError::Finished => "finished",
        };
        if matches!(
            error,
            ConsumeError::OutOfRange { .. } | ConsumeError::Corrupt { .. }
        ) {
            let record = &self.record;
            record.change(|history| {
                let during = history.circumstances(history.events.len());
                history
                    .damaged
                    .push(format!("{reader}: {words} ({during})"));
            });
        }
        self.record.count(|counts| {
            *counts.broken_sessions.entry(kind.to_owned()).or_default() += 1;
        });
    }
}

fn take(reader: Reader, session: u16, fetched: &Fetched, record: &Record) {
    let partition = place_of(&fetched.partition);
    let mut damaged = Vec::new();
    let mut events = Vec::new();
    for found in fetched.records() {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                damaged.push(format!("{reader}: {error}"));
                break;
            }
        };
        let offset = found.offset;
        match value::decode(found.key.as_deref(), found.value.as_deref()) {
            Some(identity) => events.push(Event::Read {
                reader,
                session,
                partition,
                offset,
                record: identity,
            }),
            None => damaged.push(format!(
                "{partition} at {offset}: {reader} got what nobody sent"
            )),
        }
    }
    record.see_all(events);
    if !damaged.is_empty() {
        record.change(|history| history.damaged.extend(damaged));
    }
}
