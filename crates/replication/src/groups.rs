//! All groups of a log directory: opening, closing, deleting.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};
use ottla_platform::clock::Clock;
use ottla_platform::disk::is_exhaustion;
use ottla_platform::work::blocking;
use ottla_protocol::types::{NodeId, TopicId};
use ottla_storage::{
    Damage, Identity, Log, LogConfig, LogDir, LogId, OnDamage, Private, Recovered,
};

use crate::cleaner::{Cleaner, CleanerPace};
use crate::cluster::{Cluster, Held, Replica, ReplicaKey};
use crate::codec::encode_membership;
use crate::contradiction::give_up;
use crate::damage::Damaged;
use crate::log_store::LogStore;
use crate::partition::Partition;
use crate::peers::Network;
use crate::scrub::Scrubber;
use crate::shared::Shared;
use crate::standing::nodes;
use crate::state_machine::StateMachine;
use crate::throttle::Gate;
use crate::types::{Member, Membership, Raft};

/// How long a group of one may take to elect itself: it writes and syncs a vote and an entry.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);

/// A leader goes on so long after it last heard a majority, and its followers vote for nobody else
/// so long after they last heard it.
pub(crate) const LEASE_MS: u64 = 450;

/// Opens groups in one log directory.
#[derive(Clone)]
pub struct Groups {
    me: Member,
    dir: LogDir,
    clock: Arc<dyn Clock>,
    config: Arc<Config>,
    cluster: Option<Arc<Cluster>>,
    damaged: Arc<Damaged>,
}

/// What is needed to open a partition's replica.
#[derive(Debug, Clone)]
pub struct PartitionSpec {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number.
    pub partition: i32,
    /// Topic id.
    pub topic_id: TopicId,
    /// Group id, issued by metadata and never reused.
    pub group_id: u64,
    /// Brokers that hold a replica, preferred leader first; none: those that the log says.
    pub replicas: Vec<ReplicaKey>,
    /// Whether the replica may begin with an empty log.
    pub beginning: Beginning,
    /// Settings of the log.
    pub config: LogConfig,
}

/// Whether a replica may begin with an empty log, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// It was placed in this very directory when the partition was created: it may begin empty, and
    /// found the group with the others of the creation, who are these.
    Founds(Vec<ReplicaKey>),
    /// It was placed here later: it may begin empty, founds nothing, and has everything from the
    /// leader, which is to take it in.
    Joins,
    /// It was here before: an absent log is an error, never a new beginning.
    Continues,
}

/// Why a partition cannot be opened. The others are not touched by it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] ottla_storage::OpenError),
    /// The log should be there and is not: a wiped or swapped disk.
    #[error("the partition's data is not in this log directory any more")]
    Lost,
    /// Acknowledged data is damaged, and no other replica that can be reached has it. Nothing was
    /// changed, and this replica takes part in nothing.
    #[error("{0}, and no other replica that can be reached has it")]
    Damaged(Damage),
    /// More than one replica, which needs peers.
    #[error("the partition has {0} replicas; this broker has no peers")]
    NoPeers(usize),
    /// Reading or writing failed on the way.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The group stopped or did not come up.
    #[error("the group did not start: {0}")]
    Raft(String),
}

impl OpenError {
    /// Whether it may be opened when there is room on the disk, when who has it open still has let go
    /// of it, or when another replica is there to mend it.
    pub fn is_passing(&self) -> bool {
        match self {
            OpenError::Io(error) | OpenError::Log(ottla_storage::OpenError::Io(error)) => {
                is_exhaustion(error)
            }
            OpenError::Log(error) => matches!(error, ottla_storage::OpenError::InUse),
            OpenError::Raft(_) | OpenError::Damaged(_) => true,
            OpenError::Lost | OpenError::NoPeers(_) => false,
        }
    }
}

impl Groups {
    /// The groups in `dir`, of which this broker, alone or among others, is the member `node_id`.
    pub fn new(
        node_id: NodeId,
        dir: LogDir,
        clock: Arc<dyn Clock>,
        cluster: Option<Arc<Cluster>>,
    ) -> Groups {
        let config = Config {
            cluster_name: String::new(),
            // Nodes drive liveness, not groups: an idle group costs no CPU.
            enable_tick: false,
            enable_heartbeat: false,
            enable_elect: false,
            enable_pre_vote: Some(true),
            enable_leader_restore: Some(false),
            // A follower whose flushes are asynchronous comes back from a power cut with less than it had
            // told. The leader has to begin again where its log ends now.
            allow_log_reversion: Some(true),
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: 0,
            purge_batch_size: 1,
            heartbeat_interval: 100,
            election_timeout_min: 300,
            election_timeout_max: LEASE_MS,
            ..Config::default()
        };
        Groups {
            me: Member(node_id.0),
            dir,
            clock,
            config: Arc::new(config.validate().expect("the settings are constants")),
            cluster,
            damaged: Arc::default(),
        }
    }

    /// What is to look after what the disk holds of all logs, of which there should be one.
    pub fn scrubber(&self) -> Scrubber {
        let (dir, cluster) = (self.dir.clone(), self.cluster.clone());
        Scrubber::new(dir, cluster, Arc::clone(&self.damaged))
    }

    /// What is to compact the logs of partitions that are open, of which there should be one.
    pub fn cleaner(&self, pace: CleanerPace) -> Cleaner {
        Cleaner::new(self.cluster.clone(), Arc::clone(&self.clock), pace)
    }

    /// Opens a partition's log and checks it. A replica that is the only one leads and is readable
    /// when this returns; one of several follows or leads as soon as they have agreed.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(&self, spec: PartitionSpec) -> Result<Partition, OpenError> {
        let me = NodeId(self.me.0);
        if spec.replicas.len() > 1 && self.cluster.is_none() {
            return Err(OpenError::NoPeers(spec.replicas.len()));
        }
        let name = format!("{}-{}", spec.topic, spec.partition);
        let identity = Identity {
            topic_id: spec.topic_id.0,
            partition: spec.partition,
            group_id: spec.group_id,
        };
        let (log, recovered) = self.open_log(&name, identity, &spec).await?;
        tell(&name, &recovered);
        let fresh = log.state().last.is_none() && log.read_vote().is_none();
        if fresh && spec.beginning == Beginning::Continues {
            return Err(OpenError::Lost);
        }
        if let Beginning::Founds(founders) = &spec.beginning
            && !fresh
            && log.state().last.is_none()
        {
            begin_again(&log, founders);
        }
        let partition = self.start(log).await?;
        let (voters, held) = match spec.replicas.is_empty() {
            true => (partition.shared.members().voters(), Held::Never),
            false => (spec.replicas, Held::Always),
        };
        let joins = spec.beginning == Beginning::Joins;
        if joins {
            let shared = Arc::clone(&partition.shared);
            blocking(move || shared.begin_to_catch_up()).await??;
        }
        let founders = match spec.beginning {
            Beginning::Founds(founders) if fresh => founders,
            Beginning::Founds(_) | Beginning::Joins | Beginning::Continues => Vec::new(),
        };
        let is_me = |keys: &[ReplicaKey]| keys.len() == 1 && keys[0].node == me;
        partition.shared.want_alone(is_me(&voters));
        let is_only = !joins && partition.shared.votes_alone() || is_me(&founders);
        if let Some(cluster) = &self.cluster {
            // It is set once, here.
            let _ = partition.shared.bell.set(cluster.bell(spec.group_id));
        }
        if is_only && let Err(error) = self.elect(&partition, &founders).await {
            // It may have no room; what can be said of it is said by what did not work.
            let _ = end(partition, Log::close).await;
            return Err(error);
        }
        if let Some(cluster) = &self.cluster {
            let replica = Replica {
                partition: partition.clone(),
                voters: voters.into(),
                learners: Arc::default(),
                held,
                founders: founders.into(),
            };
            cluster.adopt(spec.group_id, replica);
        }
        Ok(partition)
    }

    /// Opens a log, after mending what is damaged in it.
    async fn open_log(
        &self,
        name: &str,
        identity: Identity,
        spec: &PartitionSpec,
    ) -> Result<(Log, Recovered), OpenError> {
        let mut mended_at = None;
        loop {
            let (dir, config) = (self.dir.clone(), spec.config.clone());
            let folder = name.to_owned();
            let opened =
                blocking(move || Log::open(&dir, &folder, identity, config, OnDamage::Refuse))
                    .await?;
            let damage = match opened {
                Err(ottla_storage::OpenError::Damaged(damage)) => damage,
                opened => return Ok(opened?),
            };
            let is_mended =
                mended_at != Some(damage.index) && self.mend(name, identity, spec, &damage).await?;
            if !is_mended {
                return Err(match (&self.cluster, spec.replicas.len()) {
                    (None, _) | (_, 1) => ottla_storage::OpenError::Damaged(damage).into(),
                    _ => OpenError::Damaged(damage),
                });
            }
            mended_at = Some(damage.index);
        }
    }

    /// Puts what another replica has committed in the place of what is damaged; whether one had it.
    async fn mend(
        &self,
        name: &str,
        identity: Identity,
        spec: &PartitionSpec,
        damage: &Damage,
    ) -> Result<bool, OpenError> {
        let Some(cluster) = &self.cluster else {
            return Ok(false);
        };
        let (group, index) = (identity.group_id, damage.index);
        let frames = cluster.committed_frames(group, index, &spec.replicas).await;
        let (dir, place) = (self.dir.clone(), damage.clone());
        let count = blocking(move || Log::mend(&dir, identity, &place, frames)).await??;
        if count > 0 {
            tracing::warn!(log = name, %damage, count, "frames were mended from another replica");
        }
        Ok(count > 0)
    }

    async fn start(&self, log: Log) -> Result<Partition, OpenError> {
        let directory = self.dir.meta().directory_id;
        let (clock, damaged) = (self.clock.clone(), Arc::clone(&self.damaged));
        let shared = Shared::new(self.me, directory, log, clock, damaged)?;
        let machine = StateMachine::new(shared.clone())?;
        let store = LogStore(shared.clone());
        let endpoint = self
            .cluster
            .as_ref()
            .map(|cluster| Arc::clone(cluster.endpoint()));
        let gate = self.cluster.as_ref().map(|cluster| Gate {
            shared: Arc::clone(&shared),
            throttles: Arc::clone(cluster.throttles()),
        });
        let network = Network::new(&shared, endpoint, gate);
        let starting = Raft::new(self.me, self.config.clone(), network, store, machine);
        #[cfg(ottla_sim)]
        let starting = crate::types::Runtime::scope(0, starting);
        let raft = starting
            .await
            .map_err(|error| OpenError::Raft(error.to_string()))?;
        Ok(Partition { shared, raft })
    }

    /// A group of one elects itself; waits until it leads and its first entry is committed.
    async fn elect(&self, partition: &Partition, founders: &[ReplicaKey]) -> Result<(), OpenError> {
        let stopped = |error: &dyn std::fmt::Display| OpenError::Raft(error.to_string());
        let mut leadership = partition.shared.watch_leadership();
        if founders.is_empty() {
            let asked = partition.raft.trigger().elect(false).await;
            asked.map_err(|error| stopped(&error))?;
        } else {
            let started = partition.raft.initialize(nodes(founders)).await;
            started.map_err(|error| stopped(&error))?;
        }
        let settled = leadership.wait_for(|now| now.leader == Some(self.me) && now.settled);
        match tokio::time::timeout(SETTLE_TIMEOUT, settled).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(stopped(&error)),
            Err(_) => Err(OpenError::Raft("no leader in time".to_owned())),
        }
    }

    /// Stops the group and closes its log in order.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn close(&self, partition: Partition) -> io::Result<()> {
        if let Some(cluster) = &self.cluster {
            cluster.abandon(partition.log().identity().group_id);
        }
        end(partition, Log::close).await
    }

    /// Stops the group and drops its log; the files go after `file.delete.delay.ms`.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn delete(&self, partition: Partition) -> io::Result<()> {
        if let Some(cluster) = &self.cluster {
            cluster.abandon(partition.log().identity().group_id);
        }
        end(partition, Log::delete).await
    }

    /// Says who is to hold a replica of a partition that is open here, the preferred leader first,
    /// and who else is to have its log. Its leader makes it so, step by step, while that holds.
    pub fn set_members(
        &self,
        partition: &Partition,
        voters: Vec<ReplicaKey>,
        learners: Vec<ReplicaKey>,
        held: Held,
    ) {
        let is_me = voters.len() == 1 && voters[0].node == NodeId(self.me.0);
        partition.shared.want_alone(is_me && learners.is_empty());
        if let Some(cluster) = &self.cluster {
            let group = partition.log().identity().group_id;
            cluster.set_members(group, voters, learners, held);
        }
    }

    /// The log directory.
    pub fn dir(&self) -> &LogDir {
        &self.dir
    }
}

/// Begins a group's log as its founding does. The replica has voted, and a crash came before it had its first entry:
/// Raft founds no group then. If all are in that case, nobody has heard of the others, and there is never a leader.
fn begin_again(log: &Log, founders: &[ReplicaKey]) {
    let members = encode_membership(&Membership::from(nodes(founders)));
    let first = LogId { term: 0, index: 0 };
    log.append_private(first, &Private::Membership(members));
    // on the disk before whatever comes next
    log.submit(Box::new(drop));
}

async fn end(partition: Partition, last: fn(&Log) -> io::Result<()>) -> io::Result<()> {
    partition.shared.end();
    partition
        .raft
        .shutdown()
        .await
        .map_err(|error| io::Error::other(error.to_string()))?;
    partition.shared.truncated(0);
    partition.shared.waiters.wake();
    let close = move || {
        let log = partition.log();
        let theirs = partition.shared.contradicted_by();
        if let Some(error) = theirs.and_then(|theirs| give_up(log, theirs).err()) {
            tracing::warn!(log = %log.identity(), %error, "what the others have lost is not given up yet");
        }
        last(log)
    };
    blocking(close).await?
}

/// One line about what a crash left, if it left anything.
fn tell(name: &str, recovered: &Recovered) {
    if recovered.torn_bytes > 0 {
        tracing::warn!(
            log = name,
            torn_bytes = recovered.torn_bytes,
            "cut off a write that the last crash interrupted; nothing acknowledged was in it"
        );
    }
    if !recovered.clean && !recovered.created {
        tracing::info!(
            log = name,
            scanned_bytes = recovered.scanned_bytes,
            "checked a log that was not closed in order"
        );
    }
}
