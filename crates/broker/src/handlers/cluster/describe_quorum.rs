//! DescribeQuorum (KIP-595, KIP-836): who leads the cluster's metadata, who votes on it and who only has
//! it, and how far. Whichever broker is asked, the one that leads tells.

use std::sync::Arc;

use ottla_metadata::image::Image;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use ottla_protocol::messages::{
    BrokerId, DescribeQuorumRequest, DescribeQuorumResponse, StrBytes, TopicName,
};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::metadata_runner::{METADATA_TOPIC, PEER_LISTENER, QuorumView, ReplicaView};
use crate::net::Reply;

/// Versions that tell directories and where voters are reached.
const FIRST_WITH_NODES: i16 = 2;
/// What clients are told the listener of brokers is called: theirs take nothing but capitals.
const QUORUM_LISTENER: &str = "PEER";

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeQuorumRequest) -> Reply {
    if !call.may(Operation::Describe, Resource::Cluster) {
        return Reply::now(failure(ErrorCode::ClusterAuthorizationFailed));
    }
    if !is_of_the_metadata(&request) {
        return Reply::now(unknown(request));
    }
    let broker = Arc::clone(call.broker);
    let asked = call.broker.metadata.describe_quorum();
    let version = call.version();
    Reply::later(async move {
        match asked.await {
            Ok(view) => answer(&view, &broker.images.current(), version),
            Err(code) => failure(code),
        }
    })
}

/// There is one group whose members clients are told: the metadata's.
fn is_of_the_metadata(request: &DescribeQuorumRequest) -> bool {
    let [topic] = &*request.topics else {
        return false;
    };
    let [partition] = &*topic.partitions else {
        return false;
    };
    **topic.topic_name == *METADATA_TOPIC && partition.partition_index == 0
}

fn failure(code: ErrorCode) -> DescribeQuorumResponse {
    DescribeQuorumResponse::default()
        .with_error_code(code.code())
        .with_error_message(Some(StrBytes::from_static_str(code.message())))
}

fn unknown(request: DescribeQuorumRequest) -> DescribeQuorumResponse {
    let code = ErrorCode::UnknownTopicOrPartition;
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            PartitionData::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_static_str(code.message())))
        });
        TopicData::default()
            .with_topic_name(topic.topic_name)
            .with_partitions(partitions.collect())
    });
    DescribeQuorumResponse::default().with_topics(topics.collect())
}

fn answer(view: &QuorumView, image: &Image, version: i16) -> DescribeQuorumResponse {
    let with_nodes = version >= FIRST_WITH_NODES;
    let state = |replica| state(replica, with_nodes);
    let partition = PartitionData::default()
        .with_leader_id(BrokerId(view.leader.0))
        .with_leader_epoch(view.leader_epoch)
        .with_high_watermark(view.high_watermark)
        .with_current_voters(view.voters.iter().map(state).collect())
        .with_observers(view.observers.iter().map(state).collect());
    let topic = TopicData::default()
        .with_topic_name(TopicName::from(StrBytes::from_static_str(METADATA_TOPIC)))
        .with_partitions(vec![partition]);
    let voters = view.voters.iter().filter(|_| with_nodes);
    let nodes = voters.map(|voter| {
        let broker = image.broker(voter.node);
        // Voters reach each other there, as Kafka's do through the listener of controllers.
        let endpoint = broker.and_then(|broker| broker.endpoint(PEER_LISTENER));
        let listener = endpoint.map(|endpoint| {
            Listener::default()
                .with_name(StrBytes::from_static_str(QUORUM_LISTENER))
                .with_host(StrBytes::from_string(endpoint.host.clone()))
                .with_port(endpoint.port)
        });
        Node::default()
            .with_node_id(BrokerId(voter.node.0))
            .with_listeners(listener.into_iter().collect())
    });
    DescribeQuorumResponse::default()
        .with_topics(vec![topic])
        .with_nodes(nodes.collect())
}

fn state(replica: &ReplicaView, with_directory: bool) -> ReplicaState {
    let directory = with_directory.then_some(replica.directory);
    ReplicaState::default()
        .with_replica_id(BrokerId(replica.node.0))
        .with_replica_directory_id(directory.unwrap_or_default())
        .with_log_end_offset(replica.log_end_offset)
        .with_last_fetch_timestamp(replica.last_fetch_ms)
        .with_last_caught_up_timestamp(replica.last_caught_up_ms)
}
