//! A broker as the metadata log tells it.

use ottla_protocol::types::NodeId;
use uuid::Uuid;

use crate::record::{BrokerEndpoint, FeatureRange, Vote};

/// A registered broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its number.
    pub id: NodeId,
    /// The offset of the registration that began this incarnation.
    pub epoch: i64,
    /// This run of its process.
    pub incarnation_id: Uuid,
    /// Where clients and brokers reach it.
    pub endpoints: Vec<BrokerEndpoint>,
    /// What it can do.
    pub features: Vec<FeatureRange>,
    /// Where it stands.
    pub rack: Option<String>,
    /// The ids of its log directories.
    pub directories: Vec<Uuid>,
    /// Whether it must not lead or get replicas.
    pub fenced: bool,
    /// Whether it is about to leave.
    pub in_controlled_shutdown: bool,
    /// Whether it votes on the metadata.
    pub vote: Vote,
    /// How often a broker was started on its log directory, this run among them; 0 if that was not counted.
    pub starts: u64,
}

impl Broker {
    /// Whether it can take replicas and lead them.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    /// Where it is reached through the listener of this name.
    pub fn endpoint(&self, listener: &str) -> Option<&BrokerEndpoint> {
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.name == listener)
    }
}
