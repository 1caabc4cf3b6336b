//! From a configuration to a node that serves.
//!
//! Ports are taken first, so that a second process on the same machine fails before it touches
//! anything; clients that come early are refused. Then the directory, the metadata and the
//! partitions come up, and only then is anyone served.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::join;
use ottla_metadata::config::{InvalidDefault, TopicDefaults};
use ottla_metadata::image::{Image, Topic};
use ottla_metadata::machine::Metadata;
use ottla_metadata::operations::{CreationDefaults, GROWN_FACTOR, Refused};
use ottla_metadata::reconcile::LocalNode;
use ottla_metadata::topic_name::{CONSUMER_OFFSETS, TRANSACTION_STATE};
use ottla_platform::clock::{self, Clock};
use ottla_platform::disk::{self, Disk};
use ottla_platform::seed::Random;
use ottla_protocol::{ErrorCode, NodeId};
use ottla_replication::cluster::Cluster;
use ottla_replication::{OpenError, Partition};
use ottla_statemachine::{Limits, Replay};
use ottla_storage::{LogDir, LogDirError};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::doors::{Doors, Http, serve_http};
use super::store::Store;
use super::{founding, gauges, strays};
use crate::authorize::Gate;
use crate::chores::Chores;
use crate::config::{Config, HostPort, is_setting};
use crate::context::Broker;
use crate::defaults::Defaults;
use crate::dispatch::Dispatch;
use crate::fetch_session::FetchSessionCache;
use crate::groups::{self, GroupShards, LagMeter};
use crate::http::Health;
use crate::images::Images;
use crate::limits::{METADATA_REQUESTS_QUEUED_MAX, SHARDS_SETTLE_MAX, START_SETTLE_MAX};
use crate::loggers::Loggers;
use crate::metadata_runner::{
    Following, MetadataHandle, Overseer, Planner, QuorumWatch, Route, Settler,
};
use crate::metrics::Metrics;
use crate::net::{Listening, Network};
use crate::partitions::{Partitions, Resolve};
use crate::preferred::Balancer;
use crate::producer_ids::ProducerIds;
use crate::purgatory::Purgatory;
use crate::settings::Settings;
use crate::shard::{Arriving, HostingTask, LogError, Questions, Shard, ShardOptions, questions};
use crate::transactions::{self, Answering, Completing, FirstWrites, Speakers, TransactionShards};

/// What a node is started with: its settings and its doors to the system.
pub struct NodeOptions {
    /// Its settings.
    pub config: Arc<Config>,
    /// Where its data is.
    pub disk: Arc<dyn Disk>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where its ids come from.
    pub random: Random,
    /// Who may do what.
    pub gate: Gate,
    /// What of itself the process writes to its log lines.
    pub loggers: Loggers,
}

impl NodeOptions {
    /// With the system's own doors.
    pub fn system(config: Arc<Config>, loggers: Loggers) -> NodeOptions {
        NodeOptions {
            config,
            disk: disk::system(),
            clock: clock::system(),
            random: Random::from_system(),
            gate: Gate::default(),
            loggers,
        }
    }
}

/// A node that serves. To be stopped with [`Node::shutdown`].
pub struct Node {
    pub(super) broker: Arc<Broker>,
    pub(super) network: Arc<Network<Dispatch>>,
    pub(super) listening: Vec<Listening>,
    pub(super) listeners: Vec<(String, SocketAddr)>,
    pub(super) http: Option<Http>,
    pub(super) health: Arc<Health>,
    pub(super) chores: Chores,
    pub(super) groups: HostingTask,
    pub(super) transactions: HostingTask,
    pub(super) completing: Completing,
    pub(super) followers: Followers,
    pub(super) store: Store,
    pub(super) failure: watch::Receiver<Option<String>>,
}

/// The tasks that follow the metadata.
pub(super) struct Followers {
    pub(super) stop_metadata: oneshot::Sender<()>,
    pub(super) metadata: JoinHandle<()>,
    pub(super) partitions: JoinHandle<()>,
    /// Those who look after the cluster.
    pub(super) overseeing: JoinSet<()>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error("{key}: cannot listen on {address}: {source}")]
    Listen {
        /// Which setting names it.
        key: &'static str,
        /// Which.
        address: HostPort,
        /// Why.
        source: io::Error,
    },
    /// The directory is another node's.
    #[error("{} belongs to node {found}, but node.id is {configured}", directory.display())]
    OtherNode {
        /// The directory.
        directory: PathBuf,
        /// Whose it is.
        found: NodeId,
        /// Whose it should be.
        configured: NodeId,
    },
    /// The disk fails.
    #[error("the data directory cannot be used: {0}")]
    Disk(#[from] io::Error),
    /// The log directory cannot be used.
    #[error(transparent)]
    Directory(#[from] LogDirError),
    /// The metadata log cannot be opened.
    #[error("the metadata log cannot be opened: {0}")]
    Open(#[from] OpenError),
    /// The metadata log cannot be read.
    #[error("the metadata log cannot be read: {0}")]
    Metadata(#[from] LogError),
    /// A setting cannot be a default for topics.
    #[error(transparent)]
    TopicDefault(#[from] InvalidDefault),
    /// The cluster does not take this broker.
    #[error("the cluster does not take this broker: {0}")]
    Refused(Refused),
    /// Nobody decided about this broker.
    #[error("the metadata log takes no changes: {0}")]
    Undecided(ErrorCode),
}

impl Node {
    /// Starts a node; it serves when this returns.
    ///
    /// # Errors
    /// See [`StartError`]; nothing runs any more then.
    pub async fn start(options: NodeOptions) -> Result<Node, StartError> {
        let NodeOptions {
            config,
            disk,
            clock,
            random,
            gate,
            loggers,
        } = options;
        let doors = Doors::open(&config).await?;
        let (failed, failure) = watch::channel(None);
        let (asked, arriving) = questions(METADATA_REQUESTS_QUEUED_MAX);
        let quorum = Arc::new(QuorumWatch::new(config.node_id, Arc::clone(&clock)));
        let mut ground = Ground {
            defaults: Arc::new(Defaults::new(config.node_id, creation_defaults(&config)?)),
            metrics: Arc::new(Metrics::new()),
            health: Arc::new(Health::starting()),
            config,
            clock,
            random,
            gate,
            loggers,
            images: Arc::new(Images::new()),
            quorum,
            questions: (asked, Some(arriving)),
            answering: Arc::default(),
            failed,
        };
        let http = doors
            .http
            .map(|door| serve_http(door, &ground.metrics, &ground.health));
        let peers_door = (doors.peers, &doors.peers_advertised);
        let store = Store::open(&mut ground, disk, peers_door).await?;
        let advertised = (&*doors.advertised, &doors.peers_advertised);
        let (cluster, followers) = Followed::join(&mut ground, &store, advertised).await?;
        let health = Arc::clone(&ground.health);
        let (groups, following_groups) = groups::start(
            Arc::clone(&cluster.images),
            Arc::clone(&cluster.partitions),
            Arc::clone(&ground.clock),
            ground.config.groups.clone(),
        );
        let (transactions, following_transactions) = transactions::start(
            Arc::clone(&cluster.images),
            Arc::clone(&cluster.partitions),
            Arc::clone(&ground.clock),
            ground.config.transactions.coordinator.clone(),
        );
        let settled = join(
            groups.settle(SHARDS_SETTLE_MAX),
            transactions.settle(SHARDS_SETTLE_MAX),
        );
        settled.await;
        let answering = Arc::clone(&ground.answering);
        let directory = store.directory.clone();
        let broker = Arc::new(ground.into_broker(cluster, groups, transactions, directory));
        answering.begin(&broker);
        let completing = Completing::start(&broker);

        let dispatch = Arc::new(Dispatch::new(Arc::clone(&broker)));
        let limits = broker.config.network.clone();
        let network = Network::new(dispatch, limits, Arc::clone(&broker.metrics));
        let cleaner = store.groups.cleaner(broker.config.log.cleaner);
        gauges::register(&broker, &network, &store.directory, cleaner.stats());
        let chores = Chores::start(&broker, &store.directory, cleaner);
        let mut listening = Vec::new();
        let mut listeners = Vec::new();
        for (name, reserved, address) in doors.listeners {
            let listener = reserved.listen().map_err(|source| StartError::Listen {
                key: "listeners",
                address: HostPort {
                    host: address.ip().to_string(),
                    port: address.port(),
                },
                source,
            })?;
            listening.push(network.listen(listener, &name));
            listeners.push((name, address));
        }
        health.ready();
        Ok(Node {
            broker,
            network,
            listening,
            listeners,
            http,
            health,
            chores,
            groups: following_groups,
            transactions: following_transactions,
            completing,
            followers,
            store,
            failure,
        })
    }

    /// Where clients are served: names and bound addresses of the listeners.
    pub fn listeners(&self) -> &[(String, SocketAddr)] {
        &self.listeners
    }

    /// Where the second port is, if there is one.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|http| http.address)
    }

    /// Fetches that wait for records now.
    pub fn fetches_waiting(&self) -> usize {
        self.broker.purgatory.waiting()
    }

    /// The cluster's name.
    pub fn cluster_id(&self) -> Option<String> {
        self.broker.images.current().cluster_id().map(str::to_owned)
    }

    /// Waits until the node cannot go on; why.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        match failure.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // Whoever could fail is gone, and nothing has failed.
            Err(_) => std::future::pending().await,
        }
    }
}

/// What is there before anything of the cluster is known.
pub(super) struct Ground {
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Random,
    gate: Gate,
    loggers: Loggers,
    pub(super) defaults: Arc<Defaults>,
    metrics: Arc<Metrics>,
    pub(super) health: Arc<Health>,
    pub(super) images: Arc<Images>,
    pub(super) quorum: Arc<QuorumWatch>,
    /// Asks the machine of the metadata, and where it is asked until that takes it.
    pub(super) questions: (Questions<Metadata>, Option<Arriving<Metadata>>),
    /// Answers what other brokers ask about transactions.
    pub(super) answering: Arc<Answering>,
    failed: watch::Sender<Option<String>>,
}

impl Ground {
    /// Says that the node cannot go on.
    pub(super) fn failure(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let (health, failed) = (Arc::clone(&self.health), self.failed.clone());
        move |reason| {
            health.dead(reason);
            failed.send_replace(Some(reason.to_owned()));
        }
    }

    fn into_broker(
        self,
        cluster: Followed,
        groups: Arc<GroupShards>,
        transactions: Arc<TransactionShards>,
        directory: LogDir,
    ) -> Broker {
        let lags = LagMeter::new(
            Arc::clone(&groups),
            Arc::clone(&cluster.images),
            Arc::clone(&cluster.partitions),
        );
        Broker {
            node_id: self.config.node_id,
            fetch_sessions: Mutex::new(FetchSessionCache::new(self.config.fetch.sessions_max)),
            config: self.config,
            metrics: self.metrics,
            clock: self.clock,
            gate: self.gate,
            images: cluster.images,
            partitions: cluster.partitions,
            groups,
            lags: Arc::new(lags),
            transactions,
            speakers: Speakers::default(),
            first_writes: FirstWrites::default(),
            metadata: cluster.metadata,
            peers: cluster.peers,
            defaults: self.defaults,
            directory,
            loggers: self.loggers,
            random: Mutex::new(self.random),
            producer_ids: ProducerIds::default(),
            purgatory: Purgatory::default(),
        }
    }
}

/// The cluster as this node follows it.
struct Followed {
    images: Arc<Images>,
    partitions: Arc<Partitions>,
    metadata: MetadataHandle,
    peers: Arc<Cluster>,
}

impl Followed {
    /// Follows the metadata, registers in it, and opens what it gives this node.
    async fn join(
        ground: &mut Ground,
        store: &Store,
        advertised: (&[(String, HostPort)], &HostPort),
    ) -> Result<(Followed, Followers), StartError> {
        let node_id = ground.config.node_id;
        let resolve = resolve(&ground.config, &ground.defaults);
        let partitions = Arc::new(Partitions::new(store.groups.clone(), resolve));
        let (plans, following_partitions) = partitions.follow();
        let node = LocalNode {
            id: node_id,
            directories: [store.meta.directory_id].into(),
        };
        let planner = Arc::new(Planner::new(node, plans));
        let images = Arc::clone(&ground.images);
        let following = Following {
            images: Arc::clone(&images),
            defaults: Arc::clone(&ground.defaults),
            peers: Arc::clone(&store.peers),
            meeting: Arc::clone(&store.meeting),
            planner: Arc::clone(&planner),
        };
        let route = Route {
            partition: store.metadata.clone(),
            questions: ground.questions.0.clone(),
            peers: Arc::clone(&store.peers),
            images: Arc::clone(&images),
            quorum: Arc::clone(&ground.quorum),
        };
        let metadata = MetadataHandle::new(node_id, route);
        let options = ShardOptions {
            partition: store.metadata.clone(),
            empty: Image::default(),
            follower: following,
            clock: Arc::clone(&ground.clock),
            limits: Limits::default(),
        };
        let arriving = ground.questions.1.take().expect("a node is started once");
        let shard = Shard::new(options, arriving);
        let loaded = shard.load().await?;
        let (stop_metadata, stopped) = oneshot::channel();
        let following_metadata = tokio::spawn(lead(
            shard,
            loaded,
            stopped,
            store.metadata.clone(),
            ground.failure(),
        ));
        let overseer = overseer(ground, store, &images, &metadata);
        let mut overseeing = JoinSet::new();
        overseeing.spawn(overseer.run());
        let settler = Settler {
            images: Arc::clone(&images),
            partitions: Arc::clone(&partitions),
            metadata: metadata.clone(),
        };
        overseeing.spawn(settler.run());
        if let Some(interval) = ground.config.peers.balance_interval {
            let balancer = Balancer {
                node_id,
                images: Arc::clone(&images),
                peers: Arc::clone(&store.peers),
                interval,
            };
            overseeing.spawn(balancer.run());
        }
        let incarnation = store.incarnation;
        founding::join(
            &metadata,
            &ground.config,
            &store.meta,
            advertised,
            incarnation,
        )
        .await?;
        strays::set_aside(&store.directory, &images.current(), node_id).await?;
        planner.begin(&images).await;
        settle(&images, &partitions, node_id).await;
        let followers = Followers {
            stop_metadata,
            metadata: following_metadata,
            partitions: following_partitions,
            overseeing,
        };
        let followed = Followed {
            images,
            partitions,
            metadata,
            peers: Arc::clone(&store.peers),
        };
        Ok((followed, followers))
    }
}

fn overseer(
    ground: &Ground,
    store: &Store,
    images: &Arc<Images>,
    metadata: &MetadataHandle,
) -> Overseer {
    let meeting = Arc::clone(&store.meeting);
    Overseer {
        node_id: ground.config.node_id,
        partition: store.metadata.clone(),
        groups: store.groups.clone(),
        peers: Arc::clone(&store.peers),
        images: Arc::clone(images),
        metadata: metadata.clone(),
        clock: Arc::clone(&ground.clock),
        session_max: ground.config.peers.session_max,
        factor: Box::new(factor(&ground.config)),
        quorum: Arc::clone(&ground.quorum),
        has_begun: Box::new(move || meeting.has_begun()),
    }
}

/// How many replicas the partitions of a topic are to have that nobody said it of.
fn factor(config: &Config) -> impl Fn(&Topic) -> i16 + Send + Sync + use<> {
    let groups = config.offsets_topic.replicas_max;
    let transactions = config.transactions_topic.replicas_max;
    let others = config.topics.replication_factor.unwrap_or(GROWN_FACTOR);
    move |topic| match &*topic.name {
        CONSUMER_OFFSETS => groups,
        TRANSACTION_STATE => transactions,
        _ => others,
    }
}

async fn lead(
    shard: Shard<Metadata, Following>,
    loaded: Replay<Metadata>,
    stopped: oneshot::Receiver<()>,
    partition: Partition,
    fail: impl Fn(&str),
) {
    let error = tokio::select! {
        outcome = shard.run(loaded, stopped) => match outcome {
            Ok(()) => return,
            Err(error) => error.to_string(),
        },
        // A partition's replica is opened anew; this one all else stands on.
        reason = partition.stopped() => reason,
    };
    tracing::error!(%error, "the metadata log cannot be followed");
    fail(&format!("the metadata log cannot be followed: {error}"));
}

fn creation_defaults(config: &Config) -> Result<CreationDefaults, InvalidDefault> {
    Ok(CreationDefaults {
        partitions: config.topics.partitions,
        replication_factor: config.topics.replication_factor,
        configs: TopicDefaults::new(&config.broker_values())?,
        is_broker_setting: is_setting,
        limits: Default::default(),
    })
}

/// How a topic's overrides become what it runs with here.
fn resolve(config: &Config, defaults: &Arc<Defaults>) -> Resolve {
    let (defaults, expiration) = (Arc::clone(defaults), config.producers.expiration);
    Box::new(move |configs| {
        let config = defaults.current().configs.resolve(configs);
        Settings::new(config, expiration)
    })
}

/// Waits until this node's partitions are open, within a bound: what takes longer answers
/// NOT_LEADER_OR_FOLLOWER until then.
async fn settle(images: &Images, partitions: &Partitions, node_id: NodeId) {
    let own = || {
        let image = images.current();
        let own = image.topics().flat_map(|topic| {
            let all = topic.partitions.iter().zip(0..);
            let own = all.filter(|(partition, _)| partition.directory(node_id).is_some());
            own.map(|(_, number)| (topic.id, number))
        });
        own.collect()
    };
    let deadline = Instant::now() + START_SETTLE_MAX;
    let published = images.published();
    if !partitions.wait_for_newest(own, published, deadline).await {
        tracing::warn!("serving while partitions are still being opened");
    }
}
