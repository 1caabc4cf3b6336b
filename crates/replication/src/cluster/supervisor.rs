//! The tasks that keep a broker's groups led: one sends beats to each peer, one looks after all
//! groups. They run apart from the work on data, so that load delays neither.

use std::collections::{BTreeMap, BTreeSet};
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
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use uuid::Uuid;

use super::beat;
use super::claims::Claims;
use super::elections::{Elections, Standing, View};
use super::in_sync::InSync;
use super::leaders::{Leader, Leaders};
use super::liveness::Liveness;
use super::members::{ReplicaKey, Step, next_step};
use super::registry::{Held, Registry, Replica};
use super::seals::Seals;
use crate::partition::Partition;
use crate::transport::{
    Endpoint, EndpointOptions, Identity, Kind, Lane, Link, LinkError, Peer, Presence, Service,
};

/// Every so many looks it is judged which replicas keep up, and who leads is looked at whether or not
/// anything moved.
const LOOKS_PER_SYNC_CHECK: u32 = 10;
/// The same where nobody else is heard: nothing moves by itself.
const LOOKS_PER_CHECK_ALONE: u32 = 100;
/// What comes within this time after a nudge is looked at together.
const NUDGED_REST: Duration = Duration::from_millis(5);
/// How long a change of members may take before it is asked for again.
const CHANGE_MAX: Duration = Duration::from_secs(10);

/// How fast things are noticed.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Between two beats to a peer.
    pub beat: Duration,
    /// How long a peer may be silent and count as alive.
    pub silence_max: Duration,
    /// Between two looks at all groups.
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
    timing: Timing,
    clock: Arc<dyn Clock>,
    control: Handle,
    pub(super) questions: Option<Arc<dyn Service>>,
    pub(super) registry: Registry,
    pub(super) leaders: Arc<Leaders>,
    liveness: Mutex<Liveness>,
    claims: Mutex<Claims>,
    /// Moves when there is news for the peers.
    news: watch::Sender<u64>,
    /// What each peer has told us: up to which version, in which incarnation.
    pub(super) heard: Mutex<HashMap<NodeId, (Uuid, u64)>>,
    /// Brings the next look forward.
    nudge: Arc<Notify>,
    /// Groups whose members are being changed.
    changing: Mutex<HashSet<u64>>,
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
        let cluster = Arc::new(Cluster {
            endpoint,
            liveness: Mutex::new(Liveness::new(options.timing.silence_max, now)),
            timing: options.timing,
            clock: options.clock,
            control: options.control,
            questions: options.questions,
            registry: Registry::default(),
            leaders: Arc::default(),
            claims: Mutex::default(),
            news: watch::Sender::default(),
            heard: Mutex::default(),
            nudge: Arc::default(),
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
    pub async fn ask(&self, node: NodeId, group: u64, question: Bytes) -> Result<Bytes, LinkError> {
        let link = self.endpoint.link(node, Lane::Control);
        let link = link.ok_or(LinkError::Down)?;
        link.ask(Kind::Metadata, group, vec![question]).await
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

    /// To be woken when there is something to be said of a group at once.
    pub(crate) fn nudge(&self) -> Arc<Notify> {
        Arc::clone(&self.nudge)
    }

    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Looks after a group from now on.
    pub(crate) fn adopt(&self, group: u64, replica: Replica) {
        let may_found = !replica.founders.is_empty();
        self.registry.insert(group, replica);
        if may_found {
            self.nudge.notify_one();
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
    }

    /// Looks after a group no more.
    pub(crate) fn abandon(&self, group: u64) {
        self.registry.remove(group);
    }
}

/// Sends beats to a peer as long as it is one.
async fn beat_to(cluster: Arc<Cluster>, node: NodeId) {
    let mut known = (Uuid::nil(), 0);
    let mut news = cluster.news.subscribe();
    while let Some(link) = cluster.endpoint.link(node, Lane::Control) {
        cluster.beat_once(&link, node, &mut known).await;
        let mut stands = link.watch();
        tokio::select! {
            () = sleep(cluster.timing.beat) => {}
            _ = news.changed() => {}
            _ = stands.changed() => {}
        }
    }
}

impl Cluster {
    async fn beat_once(&self, link: &Link, node: NodeId, known: &mut (Uuid, u64)) {
        let Some(remote) = link.remote() else {
            self.liveness.lock().broke(node);
            return;
        };
        if known.0 != remote.incarnation {
            *known = (remote.incarnation, 0);
        }
        let sent = self.clock.monotonic();
        let body = beat::encode(&self.claims.lock().news(known.1));
        let asked = link.ask(Kind::Beat, 0, vec![body]);
        match timeout(self.timing.silence_max, asked).await {
            Ok(Ok(echo)) => {
                self.endpoint.drop_stale(node, remote.incarnation);
                self.liveness.lock().echoed(node, sent);
                known.1 = beat::decode_echo(echo).unwrap_or(0);
            }
            Ok(Err(LinkError::Down)) => self.liveness.lock().broke(node),
            Ok(Err(LinkError::Refused(_))) => {}
            // What waits for it fails now, not when somebody's patience ends.
            Err(_late) => self.endpoint.reset(node),
        }
    }
}

/// Looks after all groups, for ever.
async fn look_after_groups(cluster: Arc<Cluster>) {
    let mut looks = interval(cluster.timing.look);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut elections = Elections::default();
    let mut sync = InSync::default();
    let mut seals = Seals::default();
    let mut looked: u32 = 0;
    let mut alive_before = BTreeSet::new();
    loop {
        let nudged = tokio::select! {
            _ = looks.tick() => false,
            () = cluster.nudge.notified() => true,
        };
        if nudged {
            sleep(NUDGED_REST).await;
        }
        let now = cluster.clock.monotonic();
        let replicas = cluster.registry.all();
        let alive = {
            let mut liveness = cluster.liveness.lock();
            liveness.look(now);
            liveness.alive(now)
        };
        let mut is_due = nudged || alive != alive_before || elections.has_orphans();
        let has_company = !alive.is_empty();
        alive_before = alive;
        if !nudged {
            let looks_per_check = match has_company {
                true => LOOKS_PER_SYNC_CHECK,
                false => LOOKS_PER_CHECK_ALONE,
            };
            if looked.is_multiple_of(looks_per_check) {
                is_due = true;
                sync.check(&replicas, cluster.me(), now);
                cluster.change_members(&replicas, &sync, now);
            }
            looked = looked.wrapping_add(1);
            if has_company {
                seals.look(&replicas);
            }
        }
        if is_due {
            cluster.claim(&replicas, &sync, now);
            cluster.hold_elections(&mut elections, &replicas, now);
        }
    }
}

/// Has a replica found its group or stand for election. Raft says what comes of it.
async fn stand(replica: Replica) {
    let log = replica.partition.log();
    let is_empty = log.state().last.is_none() && log.read_vote().is_none();
    if is_empty && !replica.founders.is_empty() {
        // Every replica of the creation would found the same group, with the same first entry.
        replica.partition.found(&replica.founders).await;
    } else {
        replica.partition.stand().await;
    }
}

async fn change(cluster: Arc<Cluster>, group: u64, partition: Partition, step: Step) {
    // A change that a dead majority keeps from being committed is asked for again.
    let _ = timeout(CHANGE_MAX, partition.change_members(step)).await;
    cluster.changing.lock().remove(&group);
}

impl Cluster {
    /// Says which groups are led here: those whose leader still hears a majority.
    fn claim(&self, replicas: &[(u64, Replica)], sync: &InSync, now: Duration) {
        let me = self.me();
        let mut leads = BTreeMap::new();
        for (group, replica) in replicas {
            let partition = &replica.partition;
            if !partition.is_leader() {
                continue;
            }
            // A leader whose successor did not take over refuses records until there is another
            // one: who hears no claim of it stands for election.
            let heard = self.hears_majority(&replica.electorate(), now)
                && !partition.is_stuck_handing_over();
            partition.shared.set_silenced(!heard);
            if !heard {
                continue;
            }
            let alive = |node: &NodeId| *node == me || self.liveness.lock().is_alive(*node, now);
            let in_sync = replica.candidates().into_iter();
            let in_sync = in_sync.filter(|node| {
                alive(node) && (*node == me || sync.counts(*group, *node, now, self.timing.lag_max))
            });
            let leader = Leader {
                node: me,
                epoch: partition.leader_epoch(),
                in_sync: in_sync.collect(),
            };
            leads.insert(*group, leader);
        }
        for (group, leader) in &leads {
            self.leaders.claim(*group, leader.clone());
        }
        self.leaders.retain(me, |group| leads.contains_key(&group));
        if self.claims.lock().set(leads) {
            self.news.send_modify(|moves| *moves += 1);
        }
    }

    /// Goes on with the changes of members of the groups that are led here.
    fn change_members(self: &Arc<Self>, replicas: &[(u64, Replica)], sync: &InSync, now: Duration) {
        for (group, replica) in replicas {
            if replica.partition.is_alone() || !replica.partition.is_leader() {
                continue;
            }
            let Some(wanted) = replica.wanted() else {
                continue;
            };
            let has_caught_up = |node| {
                let mut now_has = replica.partition.matched().into_iter();
                let now_has = now_has.find_map(|(other, next)| (other == node).then_some(next));
                self.is_alive(node)
                    && now_has.is_some_and(|next_index| {
                        sync.holds(*group, node, next_index, now, self.timing.lag_max)
                    })
            };
            let members = replica.partition.members();
            let is_heir = |node: &NodeId| {
                wanted.voters.contains_key(node)
                    && members.voters.contains_key(node)
                    && has_caught_up(*node)
            };
            let heir = replica.candidates().into_iter().find(is_heir);
            let Some(step) = next_step(self.me(), &members, &wanted, has_caught_up, heir) else {
                continue;
            };
            if self.changing.lock().insert(*group) {
                tokio::spawn(change(
                    Arc::clone(self),
                    *group,
                    replica.partition.clone(),
                    step,
                ));
            }
        }
    }

    fn hears_majority(&self, replicas: &[NodeId], now: Duration) -> bool {
        let liveness = self.liveness.lock();
        let heard = replicas
            .iter()
            .filter(|node| **node == self.me() || liveness.is_alive(**node, now))
            .count();
        heard * 2 > replicas.len()
    }

    /// Has replicas of groups without a leader stand for election.
    fn hold_elections(
        &self,
        elections: &mut Elections,
        replicas: &[(u64, Replica)],
        now: Duration,
    ) {
        let orphans: HashSet<u64> = self.orphans(elections, replicas, now).into_iter().collect();
        for (_, replica) in replicas.iter().filter(|(group, _)| orphans.contains(group)) {
            // It may wait for the disk, which is not to delay the next look.
            tokio::spawn(stand(replica.clone()));
        }
    }

    fn orphans(
        &self,
        elections: &mut Elections,
        replicas: &[(u64, Replica)],
        now: Duration,
    ) -> Vec<u64> {
        let views = replicas.iter().filter_map(|(group, replica)| {
            let standing = self.standing(*group, replica, now);
            let is_led = matches!(standing, Standing::Led | Standing::LedHere);
            let candidates = (!is_led).then(|| replica.candidates())?;
            replica.may_stand(self.me()).then_some(View {
                group: *group,
                standing,
                candidates,
            })
        });
        let is_alive = |node| self.liveness.lock().is_alive(node, now);
        elections.plan(now, self.me(), views, is_alive)
    }

    fn standing(&self, group: u64, replica: &Replica, now: Duration) -> Standing {
        let Some(leader) = replica.partition.leader() else {
            return Standing::Orphan;
        };
        if leader == self.me() {
            return match replica.partition.is_stuck_handing_over() {
                true => Standing::Orphan,
                false => Standing::LedHere,
            };
        }
        let liveness = self.liveness.lock();
        if liveness.is_dead(leader, now) {
            return Standing::Orphan;
        }
        let epoch = replica.partition.leader_epoch();
        let claim = self.leaders.get(group);
        let is_claimed = claim.is_some_and(|claim| {
            claim.epoch > epoch || claim.epoch == epoch && claim.node == leader
        });
        if is_claimed || !liveness.is_alive(leader, now) {
            Standing::Led
        } else {
            Standing::Doubtful
        }
    }
}
