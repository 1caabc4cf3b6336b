//! Who votes on the cluster's metadata, and brokers that leave for good.

use ottla_protocol::NodeId;
use ottla_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use ottla_protocol::messages::describe_quorum_response::ReplicaState;
use ottla_protocol::messages::{
    AddRaftVoterRequest, DescribeQuorumRequest, RemoveRaftVoterRequest, TopicName,
    UnregisterBrokerRequest,
};
use uuid::Uuid;

use super::Admin;
use super::reassignments::check;
use crate::error::ClientError;
use crate::wire::text;

const METADATA_TOPIC: &str = "__cluster_metadata";

/// Who holds the metadata.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuorumDescription {
    /// Who leads it.
    pub leader: NodeId,
    /// In which epoch.
    pub leader_epoch: i32,
    /// Records below are committed.
    pub high_watermark: i64,
    /// Who votes.
    pub voters: Vec<QuorumMember>,
    /// Who else has it.
    pub observers: Vec<QuorumMember>,
}

/// One that holds the metadata.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuorumMember {
    /// Which broker.
    pub node: NodeId,
    /// The log directory that it has it in; zero from a broker that does not tell.
    pub directory: Uuid,
    /// The offset after its last record.
    pub log_end_offset: i64,
}

impl Admin<'_> {
    /// Who holds the metadata, by its leader's word.
    pub async fn describe_quorum(&self) -> Result<QuorumDescription, ClientError> {
        let build = |_| {
            let topic = TopicData::default()
                .with_topic_name(TopicName(text(METADATA_TOPIC)))
                .with_partitions(vec![PartitionData::default()]);
            DescribeQuorumRequest::default().with_topics(vec![topic])
        };
        let attempt = |_| async {
            let response = self.client.ask_any(build).await?;
            let message = response.error_message.as_deref();
            check("the quorum", response.error_code, message)?;
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            let told = partitions.into_iter().next();
            let told = told.ok_or_else(|| ClientError::Incomplete {
                api: "DescribeQuorum",
                subject: METADATA_TOPIC.to_owned(),
            })?;
            check("the quorum", told.error_code, told.error_message.as_deref())?;
            Ok(QuorumDescription {
                leader: NodeId(told.leader_id.0),
                leader_epoch: told.leader_epoch,
                high_watermark: told.high_watermark,
                voters: told.current_voters.iter().map(member).collect(),
                observers: told.observers.iter().map(member).collect(),
            })
        };
        self.client.retry(attempt).await
    }

    /// Has a broker vote on the metadata.
    pub async fn add_voter(&self, member: &QuorumMember) -> Result<(), ClientError> {
        let build = |_| AddRaftVoterRequest {
            timeout_ms: self.broker_timeout_ms(),
            voter_id: member.node.0,
            voter_directory_id: member.directory,
            ..AddRaftVoterRequest::default()
        };
        let response = self.client.ask_any(build).await?;
        let message = response.error_message.as_deref();
        check(&subject(member.node), response.error_code, message)
    }

    /// Has a broker vote on the metadata no more.
    pub async fn remove_voter(&self, member: &QuorumMember) -> Result<(), ClientError> {
        let build = |_| {
            RemoveRaftVoterRequest::default()
                .with_cluster_id(None)
                .with_voter_id(member.node.0)
                .with_voter_directory_id(member.directory)
        };
        let response = self.client.ask_any(build).await?;
        let message = response.error_message.as_deref();
        check(&subject(member.node), response.error_code, message)
    }

    /// Has the cluster forget a broker.
    pub async fn unregister_broker(&self, node: NodeId) -> Result<(), ClientError> {
        let build = |_| UnregisterBrokerRequest::default().with_broker_id(node.0.into());
        let response = self.client.ask_any(build).await?;
        let message = response.error_message.as_deref();
        check(&subject(node), response.error_code, message)
    }
}

fn subject(node: NodeId) -> String {
    format!("broker {node}")
}

fn member(state: &ReplicaState) -> QuorumMember {
    QuorumMember {
        node: NodeId(state.replica_id.0),
        directory: state.replica_directory_id,
        log_end_offset: state.log_end_offset,
    }
}
