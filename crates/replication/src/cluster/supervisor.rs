//! This broker among the others: its beats to each of them, and what it looks after. Both run apart
//! from the work on data, so that load delays neither.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_platform::clock::Clock;
use ottla_platform::net::Listener;
use ottla_platform::seed::{HashMap, HashSet};
use ottla_protocol::types::NodeId;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use super::attention::{Attention, Bell};
use super::beat;
use super::claims::Claims;
use super::leaders::Leaders;
use super::liveness::Liveness;
use super::looking::look_after_groups;
use super::members::ReplicaKey;
use super::registry::{Held, Registry, Replica};
use crate::throttle::{ThrottledRates, Throttles};
use crate::transport::{
    Endpoint, EndpointOptions, Identity, Kind, Lane, Link, LinkError, Peer, Presence, Run, Service,
};

/// How fast things are noticed.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Between two beats to a peer.
    pub beat: Duration,
    /// How long a peer may be silent and count as alive.
    pub silence_max: Duration,
    /// Between two looks at the groups; twice that while all of them rest.
    pub look: Duration,
    /// How long a replica may not have caught up and count as in sync
    /// (`replica.lag.time.max.ms`).
    pub lag_max: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            beat: Duration::from_millis(100),
            silence_max: Duration::from_millis(400),
            look: Duration::from_millis(50),
            lag_max: Duration::from_secs(30),
        }
    }
}

/// What a broker among others needs.
pub struct ClusterOptions {
    /// Who this broker is.
    pub me: Identity,
    /// How fast things are noticed.
    pub timing: Timing,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Largest message between brokers: larger than any batch.
    pub frame_bytes_max: usize,
    /// Runs beats and elections; best a runtime of their own.
    pub control: Handle,
    /// Answers questions about the cluster's metadata.
    pub questions: Option<Arc<dyn Service>>,
}

/// This broker among the others. Dropping it does not end it: [`Cluster::stop`] does.
pub struct Cluster {
    endpoint: Arc<Endpoint>,
    pub(super) timing: Timing,
    pub(super) clock: Arc<dyn Clock>,
    started: Instant,
    control: Handle,
    pub(super) questions: Option<Arc<dyn Service>>,
    pub(super) registry: Registry,
    pub(super) leaders: Arc<Leaders>,
    pub(super) throttles: Arc<Throttles>,
    pub(super) liveness: Mutex<Liveness>,
    pub(super) claims: Mutex<Claims>,
    /// Moves when there is news for the peers.
    pub(super) news: watch::Sender<u64>,
    /// What each peer has told us: up to which version, in which incarnation.
    pub(super) heard: Mutex<HashMap<NodeId, (Uuid, u64)>>,
    /// Which groups are to be looked at.
    pub(super) attention: Arc<Attention>,
    /// Groups whose members are being changed.
    pub(super) changing: Mutex<HashSet<u64>>,
    tasks: Mutex<Tasks>,
}

#[derive(Default)]
struct Tasks {
    looking: Option<JoinHandle<()>>,
    beating: HashMap<NodeId, JoinHandle<()>>,
}

impl Cluster {
    /// A broker without peers, that looks after its groups from now on.
    pub fn start(options: ClusterOptions) -> Arc<Cluster> {
        let endpoint = Endpoint::new(EndpointOptions {
            me: options.me,
            frame_bytes_max: options.frame_bytes_max,
            control: options.control.clone(),
        });
        let now = options.clock.monotonic();
        let attention = Arc::<Attention>::default();
        let leaders = Arc::new(Leaders::new(Arc::clone(&attention)));
        let throttles = Throttles::new(Arc::clone(&options.clock), Arc::clone(&leaders));
        let cluster = Arc::new(Cluster {
            endpoint,
            liveness: Mutex::new(Liveness::new(options.timing.silence_max, now)),
            timing: options.timing,
            clock: options.clock,
            started: Instant::now(),
            control: options.control,
            questions: options.questions,
            registry: Registry::default(),
            leaders,
            throttles: Arc::new(throttles),
            claims: Mutex::default(),
            news: watch::Sender::default(),
            heard: Mutex::default(),
            attention,
            changing: Mutex::default(),
            tasks: Mutex::default(),
        });
        let looking = cluster
            .control
            .spawn(look_after_groups(Arc::clone(&cluster)));
        cluster.tasks.lock().looking = Some(looking);
        cluster
    }

    /// Serves the other brokers on `listener` until `stop`.
    pub async fn serve(self: Arc<Self>, listener: Listener, stop: impl Future<Output = ()>) {
        let endpoint = Arc::clone(&self.endpoint);
        endpoint.serve(listener, self, stop).await;
    }

    /// Ends all tasks and links. Groups that are still open are looked after no more.
    pub fn stop(&self) {
        let mut tasks = self.tasks.lock();
        for (_, task) in tasks.beating.drain() {
            task.abort();
        }
        if let Some(task) = tasks.looking.take() {
            task.abort();
        }
        self.endpoint.set_peers([]);
    }

    /// Who the other brokers are from now on.
    pub fn set_peers(self: &Arc<Self>, peers: impl IntoIterator<Item = Peer>) {
        self.endpoint.set_peers(peers);
        let peers = self.endpoint.peers();
        let mut tasks = self.tasks.lock();
        tasks.beating.retain(|node, task| {
            let stays = peers.contains_key(node);
            if !stays {
                task.abort();
            }
            stays
        });
        for node in peers.into_keys() {
            tasks
                .beating
                .entry(node)
                .or_insert_with(|| self.control.spawn(beat_to(Arc::clone(self), node)));
        }
    }

    /// The latest run of each broker that the cluster has seen: who runs on an older copy of its log
    /// directory is sent away from now on.
    pub fn set_runs(&self, runs: BTreeMap<NodeId, Run>) {
        self.endpoint.runs().set(runs);
    }

    /// What those are told from now on who look for a cluster.
    pub fn set_presence(&self, presence: Presence) {
        self.endpoint.set_presence(presence);
    }

    /// This broker's number.
    pub fn me(&self) -> NodeId {
        self.endpoint.me().node
    }

    /// The peers that there is a connection to, by number.
    pub fn connected(&self) -> Vec<NodeId> {
        let peers = self.endpoint.peers().into_keys();
        let stands = |node: &NodeId| {
            let link = self.endpoint.link(*node, Lane::Control);
            link.is_some_and(|link| link.remote().is_some())
        };
        peers.filter(stands).collect()
    }

    /// Whether a peer was heard lately.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.liveness.lock().is_alive(node, self.clock.monotonic())
    }

    /// Asks a peer about the cluster's metadata.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn ask(
        &self,
        node: NodeId,
        kind: Kind,
        group: u64,
        question: Bytes,
    ) -> Result<Bytes, LinkError> {
        let link = self.endpoint.link(node, Lane::Control);
        let link = link.ok_or(LinkError::Down)?;
        link.ask(kind, group, vec![question]).await
    }

    /// Asks the leader of a group to hand over to `successor`. Whether it did is told by who leads.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn ask_to_hand_over(
        &self,
        leader: NodeId,
        group: u64,
        successor: NodeId,
    ) -> Result<(), LinkError> {
        if leader == self.me() {
            if let Some(replica) = self.registry.get(group) {
                replica.partition.transfer_to(successor).await;
            }
            return Ok(());
        }
        let link = self.endpoint.link(leader, Lane::Control);
        let link = link.ok_or(LinkError::Down)?;
        let body = vec![Bytes::copy_from_slice(&successor.0.to_be_bytes())];
        link.ask(Kind::HandOver, group, body).await.map(drop)
    }

    /// How fast replicas that do not keep up may be brought up to date, from now on.
    pub fn set_throttled_rates(&self, rates: ThrottledRates) {
        self.throttles.set_rates(rates);
    }

    pub(crate) fn throttles(&self) -> &Arc<Throttles> {
        &self.throttles
    }

    /// What a group has to ring when something happened to it.
    pub(crate) fn bell(&self, group: u64) -> Bell {
        Bell::new(group, Arc::clone(&self.attention))
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Looks after a group from now on.
    pub(crate) fn adopt(&self, group: u64, replica: Replica) {
        let may_found = !replica.founders.is_empty();
        self.registry.insert(group, replica);
        self.attention.stir(group);
        if may_found {
            self.attention.nudge();
        }
    }

    /// Says who is to have a group's log from now on.
    pub(crate) fn set_members(
        &self,
        group: u64,
        voters: Vec<ReplicaKey>,
        learners: Vec<ReplicaKey>,
        held: Held,
    ) {
        self.registry.set_members(group, voters, learners, held);
        self.attention.stir(group);
    }

    /// Looks after a group no more.
    pub(crate) fn abandon(&self, group: u64) {
        self.registry.remove(group);
        self.attention.stir(group);
    }
}

/// What a peer's echoes have shown.
struct Pulse {
    /// Which run of it was told.
    incarnation: Uuid,
    /// Up to which claim.
    told: u64,
    /// When it was heard last, or the beats began.
    echoed: Instant,
}

/// Sends beats to a peer as long as it is one.
async fn beat_to(cluster: Arc<Cluster>, node: NodeId) {
    let mut pulse = Pulse {
        incarnation: Uuid::nil(),
        told: 0,
        echoed: Instant::now(),
    };
    let mut news = cluster.news.subscribe();
    while let Some(link) = cluster.endpoint.link(node, Lane::Control) {
        cluster.beat_once(&link, node, &mut pulse).await;
        let mut stands = link.watch();
        tokio::select! {
            () = sleep_until(cluster.next_round(cluster.timing.beat)) => {}
            _ = news.changed() => {}
            _ = stands.changed() => {}
        }
    }
}

impl Cluster {
    /// There is no connection for beats to a peer. What it led is to be led by others at once. One for
    /// data may stand, begun while beats could not: nobody would ever notice that it leads nowhere.
    fn lost(&self, node: NodeId, pulse: &Pulse) {
        if self.liveness.lock().broke(node) {
            self.attention.nudge();
        }
        if pulse.echoed.elapsed() > self.timing.silence_max {
            self.endpoint.reset(node);
        }
    }

    /// When so much time will have passed a whole number of times since the start. What is due at such
    /// moments wakes the broker once, not each by itself.
    pub(super) fn next_round(&self, period: Duration) -> Instant {
        let since_last = self.started.elapsed().as_nanos() % period.as_nanos();
        let since_last = u64::try_from(since_last).expect("it is less than a period");
        Instant::now() + period - Duration::from_nanos(since_last)
    }

    async fn beat_once(&self, link: &Link, node: NodeId, pulse: &mut Pulse) {
        let Some(remote) = link.remote() else {
            self.lost(node, pulse);
            return;
        };
        if pulse.incarnation != remote.incarnation {
            (pulse.incarnation, pulse.told) = (remote.incarnation, 0);
        }
        let sent = self.clock.monotonic();
        let body = beat::encode(&self.claims.lock().news(pulse.told));
        let asked = link.ask(Kind::Beat, 0, vec![body]);
        match timeout(self.timing.silence_max, asked).await {
            Ok(Ok(echo)) => {
                self.endpoint.drop_stale(node, remote.incarnation);
                self.liveness.lock().echoed(node, sent);
                pulse.told = beat::decode_echo(echo).unwrap_or(0);
                pulse.echoed = Instant::now();
            }
            Ok(Err(LinkError::Down)) => self.lost(node, pulse),
            Ok(Err(LinkError::Refused(_))) => {}
            // What waits for it fails now, not when somebody's patience ends.
            Err(_late) => self.endpoint.reset(node),
        }
    }
}
