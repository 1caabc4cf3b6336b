//! The task that sends a producer's batches.
//!
//! It owns whom it talks to (a lane per broker) and who it is (the producer id); the queues belong to the
//! accumulator. Everything it waits for is an event: an answer, a connection, an id, new metadata, a bell, a moment.
//! It decides nothing about batches: the queue does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use ottla_protocol::NodeId;
use tokio::time::Instant;

use super::accumulator::{Accumulator, Taken};
use super::batch::ProducerIdentity;
use super::config::ProducerConfig;
use super::exchange::{self, Exchange};
use super::identity::ask_for_identity;
use super::queue::Answer;
use super::trial::Trial;
use crate::client::Client;
use crate::connection::Connection;
use crate::error::ClientError;
use crate::partition::TopicPartition;

/// The task looks around this often even if nothing rings: a bound on how late a batch can expire.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// The task's state.
pub(super) struct Sender {
    client: Client,
    config: ProducerConfig,
    accumulator: Arc<Accumulator>,
    lanes: BTreeMap<NodeId, Lane>,
    identity: Option<ProducerIdentity>,
    identifying: Trial,
    /// Topics whose leaders are in doubt.
    doubtful: BTreeSet<Arc<str>>,
    renewing: Trial,
    renew_all_at: Instant,
    events: FuturesUnordered<BoxFuture<'static, Event>>,
}

/// What the task waits for.
enum Event {
    Connected(NodeId, Result<Connection, ClientError>),
    Answered(NodeId, Exchange),
    Identified(Result<ProducerIdentity, ClientError>),
    Renewed(BTreeSet<Arc<str>>, Result<(), ClientError>),
}

/// The way to one broker.
#[derive(Default)]
struct Lane {
    connection: Option<Connection>,
    connecting: Trial,
    in_flight: usize,
}

impl Lane {
    /// The connection, if it is still good.
    fn open(&mut self) -> Option<&Connection> {
        self.connection = self
            .connection
            .take()
            .filter(|connection| !connection.is_closed());
        self.connection.as_ref()
    }
}

impl Sender {
    pub(super) fn new(
        client: Client,
        config: ProducerConfig,
        accumulator: Arc<Accumulator>,
    ) -> Self {
        let renew_all_at = Instant::now() + client.config().metadata_age_max;
        Sender {
            client,
            config,
            accumulator,
            lanes: BTreeMap::new(),
            identity: None,
            identifying: Trial::default(),
            doubtful: BTreeSet::new(),
            renewing: Trial::default(),
            renew_all_at,
            events: FuturesUnordered::new(),
        }
    }

    /// Sends until the accumulator is closed and drained.
    pub(super) async fn run(mut self) {
        let accumulator = self.accumulator.clone();
        while !accumulator.is_drained() {
            let now = Instant::now();
            accumulator.tick(now);
            self.dispatch(now);
            self.renew_metadata(now);
            let wake = self.next_moment(now);
            tokio::select! {
                Some(event) = self.events.next(), if !self.events.is_empty() => {
                    self.handle(event);
                    // Whatever else has arrived is handled before the queues are looked through again.
                    while let Some(Some(event)) = self.events.next().now_or_never() {
                        self.handle(event);
                    }
                }
                () = accumulator.work.notified() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.client.close();
    }

    /// Sends what can be sent, until nothing more can.
    fn dispatch(&mut self, now: Instant) {
        if self.config.is_idempotent() && !self.is_identified(now) {
            return;
        }
        loop {
            let requests = self.take(now);
            if requests.is_empty() {
                return;
            }
            for (leader, batches) in requests {
                self.send(leader, batches, now);
            }
        }
    }

    /// Whether the producer has an id it can use; if not, one is asked for as soon as there is something to send.
    fn is_identified(&mut self, now: Instant) -> bool {
        self.identity = self
            .identity
            .filter(|&identity| !self.accumulator.is_spent(identity));
        if self.identity.is_none()
            && self.accumulator.is_anything_ready()
            && self.identifying.begin(now)
        {
            let client = self.client.clone();
            self.events
                .push(async move { Event::Identified(ask_for_identity(&client).await) }.boxed());
        }
        self.identity.is_some()
    }

    /// Takes batches for every leader that can be sent to, and starts connecting to the others.
    fn take(&mut self, now: Instant) -> BTreeMap<NodeId, Vec<Taken>> {
        let view = self.client.view();
        let mut unconnected = BTreeSet::new();
        let requests = self
            .accumulator
            .take(now, self.identity, |topic, partition| {
                let Some(leader) = view.leader(topic, partition) else {
                    self.doubtful.insert(topic.into());
                    return None;
                };
                let lane = self.lanes.entry(leader).or_default();
                if lane.open().is_none() {
                    unconnected.insert(leader);
                    return None;
                }
                (lane.in_flight < self.config.in_flight_max).then_some(leader)
            });
        for leader in unconnected {
            if self.lanes.entry(leader).or_default().connecting.begin(now) {
                let client = self.client.clone();
                let connecting =
                    async move { Event::Connected(leader, client.connection(leader).await) };
                self.events.push(connecting.boxed());
            }
        }
        requests
    }

    /// Sends one request; what cannot be sent has its answers at once.
    fn send(&mut self, leader: NodeId, batches: Vec<Taken>, now: Instant) {
        let lane = self.lanes.entry(leader).or_default();
        let Some(connection) = lane.connection.as_ref() else {
            unreachable!("batches are taken for connected leaders only");
        };
        let timeout = self.client.config().request_timeout;
        match exchange::begin(
            connection,
            &self.client.view(),
            &self.config,
            timeout,
            batches,
        ) {
            Ok(answer) => {
                lane.in_flight += 1;
                self.events.push(
                    answer
                        .map(move |exchange| Event::Answered(leader, exchange))
                        .boxed(),
                );
            }
            Err(exchange) => self.take_answers(leader, exchange, now),
        }
    }

    fn handle(&mut self, event: Event) {
        let now = Instant::now();
        let backoff = self.client.config().backoff;
        match event {
            Event::Connected(node, Ok(connection)) => {
                let lane = self.lanes.entry(node).or_default();
                lane.connection = Some(connection);
                lane.connecting.succeeded();
            }
            Event::Connected(node, Err(error)) => {
                tracing::debug!(%node, %error, "cannot reach a leader");
                let chance = self.client.chance();
                self.lanes
                    .entry(node)
                    .or_default()
                    .connecting
                    .failed(now, backoff, chance);
                self.doubtful.extend(self.accumulator.ready_topics());
            }
            Event::Answered(node, exchange) => {
                let lane = self.lanes.entry(node).or_default();
                lane.in_flight = lane.in_flight.saturating_sub(1);
                self.take_answers(node, exchange, now);
            }
            Event::Identified(Ok(identity)) => {
                self.identity = Some(identity);
                self.identifying.succeeded();
            }
            Event::Identified(Err(error)) => {
                tracing::debug!(%error, "no producer id");
                self.identifying.failed(now, backoff, self.client.chance());
                if !error.is_retriable() {
                    self.accumulator.fail_ready(&error);
                }
            }
            Event::Renewed(_, Ok(())) => {
                self.renewing.rests(now + backoff.first);
                self.register_topics();
            }
            Event::Renewed(topics, Err(error)) => {
                tracing::debug!(%error, "no new metadata");
                self.renewing.failed(now, backoff, self.client.chance());
                self.doubtful.extend(topics);
            }
        }
    }

    /// Gives each batch of a request to this broker its answer.
    fn take_answers(&mut self, asked: NodeId, exchange: Exchange, now: Instant) {
        let backoff = self.client.config().backoff;
        for (TopicPartition { topic, partition }, hint) in &exchange.hints {
            self.client.take_hint(topic, *partition, hint);
        }
        let view = self.client.view();
        for (taken, answer) in exchange.answers {
            self.doubtful
                .extend(exchange::topic_in_doubt(&taken, &answer));
            let TopicPartition { topic, partition } = taken.batch.partition();
            let leader = view.leader(topic, *partition);
            let retry_at = match answer {
                Answer::Appended(_) => now,
                // Whoever knows of another leader, by this answer or already, goes there at once (KIP-951).
                _ if leader.is_some_and(|leader| leader != asked) => now,
                _ => now + backoff.wait(taken.batch.failures + 1, self.client.chance()),
            };
            self.accumulator.settle(taken, answer, now, retry_at);
        }
    }

    /// Asks for new metadata of what is in doubt, and now and then of all topics: they may have grown.
    fn renew_metadata(&mut self, now: Instant) {
        if self.renew_all_at <= now {
            self.renew_all_at = now + self.client.config().metadata_age_max;
            self.doubtful.extend(self.accumulator.topics());
        }
        if self.doubtful.is_empty() || !self.renewing.begin(now) {
            return;
        }
        let topics = std::mem::take(&mut self.doubtful);
        let client = self.client.clone();
        let renewal = async move {
            let renewed = client.renew_known(&topics).await;
            Event::Renewed(topics, renewed)
        };
        self.events.push(renewal.boxed());
    }

    /// Gives grown topics the queues they lack.
    fn register_topics(&self) {
        let view = self.client.view();
        for topic in self.accumulator.topics() {
            if let Some(topic) = view.topics.get(&topic) {
                self.accumulator.register(
                    &topic.name,
                    topic.partitions.len(),
                    self.client.chance(),
                );
            }
        }
    }

    /// When there is something to do at the earliest, if nothing happens.
    fn next_moment(&self, now: Instant) -> Instant {
        let trials = self.lanes.values().map(|lane| &lane.connecting);
        let trials = trials.chain([&self.identifying, &self.renewing]);
        let moments = trials.filter_map(|trial| trial.next_moment(now));
        let moments = moments
            .chain(self.accumulator.next_moment(now))
            .chain([self.renew_all_at]);
        moments.fold(now + LOOK_AROUND, Instant::min)
    }
}
