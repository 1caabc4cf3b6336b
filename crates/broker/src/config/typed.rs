//! The configuration as the node reads it: typed, checked, in units of its own.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ottla_coordinator::config::GroupConfig;
use ottla_protocol::types::NodeId;
use ottla_replication::{CleanerPace, ScrubPace};
use ottla_transactions::config::TransactionConfig;

use super::address::HostPort;
use super::listeners::Listener;
use super::settings::{KeyView, Settings};
use crate::transactions::ConcurrentRetries;

/// A configuration that can start. It never changes; share it by `Arc`.
#[derive(Clone, Debug)]
pub struct Config {
    /// `node.id`.
    pub node_id: NodeId,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// `log.dirs`, which holds exactly one for now.
    pub data_dir: PathBuf,
    /// `ottla.http.address`; `None` opens no port.
    pub http: Option<HostPort>,
    /// Where brokers meet.
    pub peers: PeerSettings,
    /// Where clients are served; never empty.
    pub listeners: Vec<Listener>,
    /// The one of `listeners` that other brokers connect to.
    pub inter_broker_listener: String,
    /// Bounds of connections and requests.
    pub network: NetworkLimits,
    /// How topics come and go.
    pub topics: TopicDefaults,
    /// Bounds of single answers.
    pub fetch: FetchLimits,
    /// What concerns logs besides topic settings.
    pub log: LogDefaults,
    /// How long idle producers are remembered.
    pub producers: ProducerLimits,
    /// Bounds of consumer groups.
    pub groups: GroupConfig,
    /// The topic that holds consumer groups.
    pub offsets_topic: InternalTopic,
    /// Bounds of transactions.
    pub transactions: TransactionSettings,
    /// The topic that holds transactions.
    pub transactions_topic: InternalTopic,
    /// How the lag of groups is measured.
    pub lags: LagLimits,
    pub(super) settings: Settings,
}

/// Where this broker meets the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// `ottla.peer.listener`.
    pub listen: HostPort,
    /// `ottla.peer.advertised`, or what follows from where it listens; port 0 is the one that was
    /// bound.
    pub advertised: HostPort,
    /// `ottla.peer.seeds`.
    pub seeds: Vec<HostPort>,
    /// `broker.session.timeout.ms`.
    pub session_max: Duration,
    /// `leader.imbalance.check.interval.seconds`, if `auto.leader.rebalance.enable`.
    pub balance_interval: Option<Duration>,
}

/// Bounds of connections and requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkLimits {
    /// `socket.request.max.bytes`.
    pub request_bytes_max: usize,
    /// `queued.max.request.bytes`; at least `request_bytes_max`, so that any request can be held.
    pub queued_request_bytes_max: usize,
    /// `max.connections`.
    pub connections_max: usize,
    /// `max.connections.per.ip`.
    pub connections_per_ip_max: usize,
    /// `max.connections.per.ip.overrides`.
    pub connections_per_ip_overrides: BTreeMap<IpAddr, usize>,
    /// `connections.max.idle.ms`; `None` is never.
    pub connection_idle_max: Option<Duration>,
    /// `socket.send.buffer.bytes`; `None` leaves it to the system.
    pub send_buffer_bytes: Option<u32>,
    /// `socket.receive.buffer.bytes`; `None` leaves it to the system.
    pub receive_buffer_bytes: Option<u32>,
    /// `socket.listen.backlog.size`.
    pub listen_backlog: u32,
}

/// How topics come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDefaults {
    /// `auto.create.topics.enable`.
    pub auto_create: bool,
    /// `delete.topic.enable`.
    pub deletable: bool,
    /// `num.partitions`.
    pub partitions: i32,
    /// `default.replication.factor`, if it is set.
    pub replication_factor: Option<i16>,
}

/// Which replica consumers are told to read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaSelector {
    /// The leader.
    Leader,
    /// One in the consumer's rack, if there is one and the leader is not.
    RackAware,
}

/// Bounds of single answers, and who gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// `fetch.max.bytes`.
    pub response_bytes_max: usize,
    /// `max.incremental.fetch.session.cache.slots`.
    pub sessions_max: usize,
    /// `replica.selector.class`.
    pub replica_selector: ReplicaSelector,
    /// `max.request.partition.size.limit`.
    pub described_partitions_max: usize,
}

/// What concerns logs besides topic settings, which metadata reads from [`Config::broker_values`].
#[derive(Clone, Debug, PartialEq)]
pub struct LogDefaults {
    /// `ottla.flush`.
    pub flush: Flush,
    /// `ottla.scrub.interval.ms` and `ottla.scrub.bytes.per.second`.
    pub scrub: ScrubPace,
    /// `log.cleaner.*`; no threads if `log.cleaner.enable` is false.
    pub cleaner: CleanerPace,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval: Duration,
}

/// What an acknowledged record has survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// It is on disk.
    Fsync,
    /// It is in the page cache.
    Async,
}

/// How long idle producers are remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerLimits {
    /// `producer.id.expiration.ms`.
    pub expiration: Duration,
    /// `producer.id.expiration.check.interval.ms`.
    pub expiration_check_interval: Duration,
}

/// A topic that the cluster makes for itself, when it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InternalTopic {
    /// `offsets.topic.num.partitions`, `transaction.state.log.num.partitions`.
    pub partitions: i32,
    /// `offsets.topic.replication.factor`, `transaction.state.log.replication.factor`, of which fewer brokers make less.
    pub replicas_max: i16,
    /// `offsets.topic.segment.bytes`, `transaction.state.log.segment.bytes`.
    pub segment_bytes: i32,
    /// `transaction.state.log.min.isr`.
    pub min_in_sync: Option<i32>,
}

/// Bounds of transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionSettings {
    /// Those of the coordinator.
    pub coordinator: TransactionConfig,
    /// How long a first write asks again while the transaction before is not complete.
    pub concurrent_retries: ConcurrentRetries,
}

/// How the lag of consumer groups is measured for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagLimits {
    /// `ottla.group.lag.listed.max`; 0 measures nothing.
    pub listed_max: usize,
    /// `ottla.group.lag.interval.ms`.
    pub interval: Duration,
}

impl Config {
    /// What somebody set, by key, in canonical text: the defaults of topic settings are among it.
    /// Of keys that say the same (`log.retention.ms`, `log.retention.hours`) those of the strongest
    /// source are left, so that Kafka's order among them gives the right answer.
    pub fn broker_values(&self) -> BTreeMap<String, String> {
        self.settings.explicit()
    }

    /// Every key that is obeyed, by name, with its value and source.
    pub fn describe(&self) -> Vec<KeyView<'_>> {
        self.settings.view()
    }
}
