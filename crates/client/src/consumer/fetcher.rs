//! The task that fetches ahead of a consumer.
//!
//! One fetch at a time to each leader, for all partitions it leads. What comes back waits in an outbox for the
//! consumer; while the outbox holds as much as one response may, nothing more is fetched.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use ottla_protocol::{ErrorCode, NodeId};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::config::{ConsumerConfig, StartFrom};
use super::cursor::{Cursor, Next};
use super::error::ConsumeError;
use super::fetched::Fetched;
use super::request::{self, Answers, Asked};
use crate::admin::FoundOffset;
use crate::client::{Client, IfMissing, PerPartition};
use crate::error::ClientError;
use crate::partition::TopicPartition;

/// What the consumer gets.
pub(super) type Handed = Result<Fetched, ConsumeError>;

/// The task looks around this often even if nothing happens.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// The task's state.
pub(super) struct Fetcher {
    client: Client,
    config: ConsumerConfig,
    cursors: BTreeMap<TopicPartition, Cursor>,
    /// Where the next round of fetches begins, so that no partition is always the last.
    turn: usize,
    fetching: BTreeSet<NodeId>,
    doubtful: BTreeSet<Arc<str>>,
    missing_since: BTreeMap<Arc<str>, Instant>,
    is_renewing: bool,
    renew_not_before: Instant,
    outbox: VecDeque<Handed>,
    outbox_bytes: usize,
    output: mpsc::Sender<Handed>,
    events: FuturesUnordered<BoxFuture<'static, Event>>,
}

/// What the task waits for.
enum Event {
    Fetched(NodeId, Asked, Result<Answers, ClientError>),
    Found(PerPartition<FoundOffset>),
    Renewed(BTreeSet<Arc<str>>, Result<(), ClientError>),
}

impl Fetcher {
    pub(super) fn new(
        client: Client,
        config: ConsumerConfig,
        assignment: impl IntoIterator<Item = (TopicPartition, StartFrom)>,
        output: mpsc::Sender<Handed>,
    ) -> Self {
        let cursors = assignment
            .into_iter()
            .map(|(partition, start)| (partition.clone(), Cursor::new(partition, start)));
        Fetcher {
            client,
            config,
            cursors: cursors.collect(),
            turn: 0,
            fetching: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            missing_since: BTreeMap::new(),
            is_renewing: false,
            renew_not_before: Instant::now(),
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            output,
            events: FuturesUnordered::new(),
        }
    }

    /// Fetches until nobody listens or no partition is left.
    pub(super) async fn run(mut self) {
        self.look_up_topics().await;
        let output = self.output.clone();
        while !self.is_finished() {
            let now = Instant::now();
            self.find_offsets();
            self.dispatch(now);
            self.renew_metadata(now);
            let wake = self.next_moment(now);
            tokio::select! {
                Some(event) = self.events.next(), if !self.events.is_empty() => self.handle(event),
                permit = output.reserve(), if !self.outbox.is_empty() => {
                    let (Ok(permit), Some(handed)) = (permit, self.outbox.pop_front()) else {
                        break;
                    };
                    self.outbox_bytes = self.outbox_bytes.saturating_sub(size_bytes(&handed));
                    permit.send(handed);
                }
                () = output.closed() => break,
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.client.close();
    }

    fn is_finished(&self) -> bool {
        self.outbox.is_empty() && self.cursors.values().all(Cursor::is_stopped)
    }

    /// Learns about the topics, and stops the cursors of what is not there.
    async fn look_up_topics(&mut self) {
        let mut topics: Vec<Arc<str>> = self
            .cursors
            .keys()
            .map(|partition| partition.topic.clone())
            .collect();
        topics.dedup();
        for topic in topics {
            let found = self.client.topic(&topic, IfMissing::Fail).await;
            self.stop_missing(&topic, found.map(|topic| topic.partitions.len()));
        }
    }

    /// Stops the cursors of a topic that cannot be found, or of partitions that it does not have.
    fn stop_missing(&mut self, topic: &Arc<str>, partitions: Result<usize, ClientError>) {
        let mut stopped = Vec::new();
        for (partition, cursor) in self
            .cursors
            .iter_mut()
            .filter(|(partition, _)| partition.topic == *topic)
        {
            let error = match &partitions {
                Err(error) => error.clone(),
                Ok(count)
                    if usize::try_from(partition.partition).is_ok_and(|index| index < *count) =>
                {
                    continue;
                }
                Ok(_) => ClientError::refused(
                    partition.to_string(),
                    ErrorCode::UnknownTopicOrPartition,
                    None,
                ),
            };
            if !cursor.is_stopped() {
                stopped.push(cursor.is_missing(error));
            }
        }
        for next in stopped {
            self.carry_out(next, topic);
        }
    }

    /// Asks for the offsets that are not known.
    fn find_offsets(&mut self) {
        let unknown = self
            .cursors
            .values_mut()
            .filter_map(|cursor| Some((cursor.partition().clone(), cursor.ask()?)));
        let questions: BTreeMap<_, _> = unknown.collect();
        if questions.is_empty() {
            return;
        }
        let (client, isolation) = (self.client.clone(), self.config.isolation);
        let asking =
            async move { Event::Found(client.admin().list_offsets(questions, isolation).await) };
        self.events.push(asking.boxed());
    }

    /// Starts a fetch from every leader that has none under way, unless enough waits to be taken.
    fn dispatch(&mut self, now: Instant) {
        if self.outbox_bytes >= usize::try_from(self.config.fetch_bytes_max).unwrap_or(0)
            && !self.outbox.is_empty()
        {
            return;
        }
        let view = self.client.view();
        let mut groups: BTreeMap<NodeId, Asked> = BTreeMap::new();
        let turn = self.turn % self.cursors.len().max(1);
        let (late, early) = split_at(&mut self.cursors, turn);
        for cursor in late.into_iter().chain(early) {
            if !cursor.is_ready(now) {
                continue;
            }
            let partition = cursor.partition().clone();
            match view.leader(&partition.topic, partition.partition) {
                None => {
                    self.doubtful.insert(partition.topic);
                }
                Some(leader) if self.fetching.contains(&leader) => {}
                Some(leader) => {
                    let offset = cursor.fetch();
                    groups
                        .entry(leader)
                        .or_default()
                        .extend(offset.map(|offset| (partition, offset)));
                }
            }
        }
        self.turn = self.turn.wrapping_add(groups.len());
        for (leader, asked) in groups {
            self.fetching.insert(leader);
            let (client, config, view) = (self.client.clone(), self.config.clone(), view.clone());
            let fetching = async move {
                let connection = match client.connection(leader).await {
                    Ok(connection) => connection,
                    Err(error) => return Event::Fetched(leader, asked, Err(error)),
                };
                let address = view
                    .brokers
                    .get(&leader)
                    .map(|broker| broker.address.clone());
                let (asked, answers) = request::fetch(connection, view, config, asked).await;
                let answers = answers.map_err(|error| match address {
                    Some(broker) => ClientError::Connection { broker, error },
                    None => ClientError::UnknownBroker(leader),
                });
                Event::Fetched(leader, asked, answers)
            };
            self.events.push(fetching.boxed());
        }
    }

    fn handle(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Fetched(leader, asked, answers) => {
                self.fetching.remove(&leader);
                match answers {
                    Ok(answers) => self.take_answers(asked, answers, now),
                    Err(error) => self.fetch_failed(asked, &error, now),
                }
            }
            Event::Found(found) => {
                for (partition, found) in found {
                    if let Some(cursor) = self.cursors.get_mut(&partition) {
                        let next = cursor.found(found);
                        self.carry_out(next, &partition.topic);
                    }
                }
            }
            Event::Renewed(topics, renewed) => {
                self.is_renewing = false;
                self.renew_not_before = now + self.client.config().backoff.first;
                match renewed {
                    Ok(()) => self.note_missing(topics, now),
                    Err(error) => {
                        tracing::debug!(%error, "no new metadata");
                        self.doubtful.extend(topics);
                    }
                }
            }
        }
    }

    fn take_answers(&mut self, asked: Asked, mut answers: Answers, now: Instant) {
        for (partition, hint) in &answers.hints {
            self.client
                .take_hint(&partition.topic, partition.partition, hint);
        }
        for (partition, _) in asked {
            let Some(cursor) = self.cursors.get_mut(&partition) else {
                continue;
            };
            let retry_at = now
                + self
                    .client
                    .config()
                    .backoff
                    .wait(cursor.failures() + 1, self.client.chance());
            let next = match answers.partitions.remove(&partition) {
                Some(answer) => cursor.answered(answer, &self.config, retry_at),
                None => {
                    cursor.lost(retry_at);
                    Next::Doubt
                }
            };
            self.carry_out(next, &partition.topic);
        }
    }

    fn fetch_failed(&mut self, asked: Asked, error: &ClientError, now: Instant) {
        tracing::debug!(%error, "a fetch failed");
        for (partition, _) in asked {
            if let Some(cursor) = self.cursors.get_mut(&partition) {
                let retry_at = now
                    + self
                        .client
                        .config()
                        .backoff
                        .wait(cursor.failures() + 1, self.client.chance());
                cursor.lost(retry_at);
            }
            self.doubtful.insert(partition.topic);
        }
    }

    fn carry_out(&mut self, next: Next, topic: &Arc<str>) {
        let handed = match next {
            Next::Nothing => return,
            Next::Doubt => {
                self.doubtful.insert(topic.clone());
                return;
            }
            Next::Hand(fetched) => Ok(fetched),
            Next::Tell(error) => Err(error),
        };
        self.outbox_bytes += size_bytes(&handed);
        self.outbox.push_back(handed);
    }

    fn renew_metadata(&mut self, now: Instant) {
        if self.doubtful.is_empty() || self.is_renewing || self.renew_not_before > now {
            return;
        }
        self.is_renewing = true;
        let topics = std::mem::take(&mut self.doubtful);
        let client = self.client.clone();
        let renewal = async move {
            let renewed = client.renew_known(&topics).await;
            Event::Renewed(topics, renewed)
        };
        self.events.push(renewal.boxed());
    }

    /// Stops reading topics that new metadata does not have, unless they may only be missing there: a broker that
    /// has just started knows of no topic for a moment.
    fn note_missing(&mut self, topics: BTreeSet<Arc<str>>, now: Instant) {
        let view = self.client.view();
        for topic in topics {
            if view.topics.contains_key(&topic) {
                self.missing_since.remove(&topic);
                continue;
            }
            let since = *self.missing_since.entry(topic.clone()).or_insert(now);
            if now.duration_since(since) < self.client.config().topic_wait {
                self.doubtful.insert(topic);
            } else {
                let gone = ClientError::refused(
                    format!("topic {topic}"),
                    ErrorCode::UnknownTopicOrPartition,
                    None,
                );
                self.stop_missing(&topic, Err(gone));
            }
        }
    }

    fn next_moment(&self, now: Instant) -> Instant {
        let moments = self
            .cursors
            .values()
            .filter_map(|cursor| cursor.next_moment(now));
        let renewal =
            (!self.doubtful.is_empty() && !self.is_renewing).then_some(self.renew_not_before);
        moments.chain(renewal).fold(now + LOOK_AROUND, Instant::min)
    }
}

/// The cursors from `turn` on, and those before.
fn split_at(
    cursors: &mut BTreeMap<TopicPartition, Cursor>,
    turn: usize,
) -> (Vec<&mut Cursor>, Vec<&mut Cursor>) {
    let mut early: Vec<&mut Cursor> = cursors.values_mut().collect();
    let late = early.split_off(turn);
    (late, early)
}

fn size_bytes(handed: &Handed) -> usize {
    handed.as_ref().map_or(0, |fetched| {
        fetched.batches.iter().map(|batch| batch.size_bytes()).sum()
    })
}
