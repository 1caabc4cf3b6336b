//! Who is in the cluster.

use ottla_protocol::messages::DescribeClusterRequest;
use ottla_protocol::{ErrorCode, NodeId};

use super::Admin;
use crate::cluster::Broker;
use crate::error::ClientError;

/// A cluster and its brokers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClusterDescription {
    /// The cluster's id.
    pub cluster_id: String,
    /// The controller, if one is known.
    pub controller: Option<NodeId>,
    /// The brokers in order of their ids.
    pub brokers: Vec<DescribedBroker>,
}

/// A broker and its state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedBroker {
    /// Who and where.
    pub broker: Broker,
    /// Whether it is known but not taking part.
    pub is_fenced: bool,
}

impl Admin<'_> {
    /// The cluster as any broker sees it.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, ClientError> {
        let build = |version| {
            DescribeClusterRequest::default()
                .with_include_fenced_brokers(version >= FIRST_WITH_FENCED)
        };
        let attempt = |_| async {
            let response = self.client.ask_any(build).await?;
            let code = ErrorCode::from_code(response.error_code);
            if code != ErrorCode::None {
                let message = response.error_message.as_ref().map(|text| text.as_str());
                return Err(ClientError::refused("the cluster", code, message));
            }
            let mut brokers: Vec<DescribedBroker> = response
                .brokers
                .iter()
                .map(|broker| DescribedBroker {
                    broker: Broker::new(
                        broker.broker_id,
                        &broker.host,
                        broker.port,
                        broker.rack.as_ref(),
                    ),
                    is_fenced: broker.is_fenced,
                })
                .collect();
            brokers.sort_by_key(|described| described.broker.id);
            Ok(ClusterDescription {
                cluster_id: response.cluster_id.to_string(),
                controller: Some(NodeId(response.controller_id.0)).filter(|id| id.0 >= 0),
                brokers,
            })
        };
        self.client.retry(attempt).await
    }
}

/// The version of DescribeCluster from which on fenced brokers can be asked for.
const FIRST_WITH_FENCED: i16 = 2;
