//! What handlers reach: the node's parts, and who is calling.
//!
//! Handlers own no state. Whatever outlives a request lives in one of these parts.

use std::sync::Arc;

use ottla_metadata::image::Image;
use ottla_platform::clock::Clock;
use ottla_platform::seed::Random;
use ottla_protocol::NodeId;
use ottla_protocol::request::RequestHeader;
use ottla_replication::cluster::Cluster;
use ottla_storage::LogDir;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::authorize::{Gate, Operation, Resource};
use crate::config::Config;
use crate::defaults::Defaults;
use crate::fetch_session::FetchSessionCache;
use crate::groups::{GroupShards, LagMeter};
use crate::images::Images;
use crate::loggers::Loggers;
use crate::metadata_runner::MetadataHandle;
use crate::metrics::Metrics;
use crate::net::Peer;
use crate::partitions::Partitions;
use crate::producer_ids::ProducerIds;
use crate::purgatory::Purgatory;
use crate::transactions::{FirstWrites, Speakers, TransactionShards};

/// The parts of a running node, as handlers see them.
pub struct Broker {
    /// This node.
    pub node_id: NodeId,
    /// Its settings.
    pub config: Arc<Config>,
    /// Its counters.
    pub metrics: Arc<Metrics>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Who may do what.
    pub gate: Gate,
    /// The cluster as this node knows it.
    pub images: Arc<Images>,
    /// The partitions that this node has replicas of.
    pub partitions: Arc<Partitions>,
    /// The consumer groups that this node holds.
    pub groups: Arc<GroupShards>,
    /// How far those groups are behind.
    pub lags: Arc<LagMeter>,
    /// The transactional ids that this node holds.
    pub transactions: Arc<TransactionShards>,
    /// Who speaks for transactional ids.
    pub speakers: Speakers,
    /// Which transactions may write to the partitions that this node leads.
    pub first_writes: FirstWrites,
    /// Where changes of the cluster are decided.
    pub metadata: MetadataHandle,
    /// The other brokers, and who leads what.
    pub peers: Arc<Cluster>,
    /// What topics get where nobody says.
    pub defaults: Arc<Defaults>,
    /// Where its logs are.
    pub directory: LogDir,
    /// What of itself it writes to its log lines.
    pub loggers: Loggers,
    /// Random numbers: ids. Held for a draw.
    pub random: Mutex<Random>,
    /// Ids for producers.
    pub producer_ids: ProducerIds,
    /// What consumers asked for before. Held for the length of a lookup.
    pub fetch_sessions: Mutex<FetchSessionCache>,
    /// Fetches that wait for records.
    pub purgatory: Purgatory,
}

impl Broker {
    /// Whether a broker was heard lately; this one always is.
    pub fn is_alive(&self, node: NodeId) -> bool {
        node == self.node_id || self.peers.is_alive(node)
    }

    /// Whether the cluster has forgotten this broker: it is told nothing any more, so that whatever it
    /// would tell clients gets old. They find others when it hangs up.
    pub fn was_unregistered(&self) -> bool {
        let image = self.images.current();
        image.broker(self.node_id).is_none() && image.has_known(self.node_id)
    }

    /// An id that nothing else has.
    pub fn random_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random.lock().bytes16()).into_uuid()
    }
}

/// One request as its handler sees it, beside the request itself.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The node.
    pub broker: &'a Arc<Broker>,
    /// Who asks.
    pub peer: &'a Arc<Peer>,
    /// What was asked, in which version.
    pub header: &'a RequestHeader,
}

impl Call<'_> {
    /// The version of the request, and so of the response.
    pub fn version(&self) -> i16 {
        self.header.version
    }

    /// The cluster as it is now.
    pub fn image(&self) -> Arc<Image> {
        self.broker.images.current()
    }

    /// Whether the peer may do this.
    pub fn may(&self, operation: Operation, resource: Resource<'_>) -> bool {
        self.broker.gate.allows(self.peer, operation, resource)
    }

    /// All that the peer may do to a resource.
    pub fn allowed_operations(&self, resource: Resource<'_>) -> i32 {
        self.broker.gate.allowed_operations(self.peer, resource)
    }
}
