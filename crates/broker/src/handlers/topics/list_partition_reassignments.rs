//! ListPartitionReassignments (KIP-455): the partitions whose replicas move, and from where to where.

use std::collections::BTreeSet;

use ottla_metadata::image::Partition;
use ottla_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use ottla_protocol::messages::{
    BrokerId, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, StrBytes,
    TopicName,
};
use ottla_protocol::{ErrorCode, NodeId};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ListPartitionReassignmentsRequest) -> Reply {
    let response = ListPartitionReassignmentsResponse::default().with_error_message(None);
    if !call.may(Operation::Describe, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        return Reply::now(response.with_error_code(code.code()));
    }
    let image = call.image();
    let asked: Option<BTreeSet<(String, i32)>> = request.topics.map(|topics| {
        let partitions = topics.iter().flat_map(|topic| {
            let numbers = topic.partition_indexes.iter();
            numbers.map(|number| (topic.name.to_string(), *number))
        });
        partitions.collect()
    });
    let mut topics: Vec<OngoingTopicReassignment> = Vec::new();
    for (topic, number, partition) in image.moving() {
        let id = (topic.name.to_string(), number);
        let is_asked = asked.as_ref().is_none_or(|asked| asked.contains(&id));
        // A replica that begins anew on an emptied disk is where it was.
        let is_reassigned = !(partition.adding.is_empty() && partition.removing.is_empty());
        if !(is_asked && is_reassigned) {
            continue;
        }
        match topics.last_mut().filter(|last| **last.name == *id.0) {
            Some(last) => last.partitions.push(ongoing(number, partition)),
            None => {
                let name = TopicName::from(StrBytes::from_string(id.0));
                let topic = OngoingTopicReassignment::default().with_name(name);
                topics.push(topic.with_partitions(vec![ongoing(number, partition)]));
            }
        }
    }
    Reply::now(response.with_topics(topics))
}

fn ongoing(number: i32, partition: &Partition) -> OngoingPartitionReassignment {
    let ids = |nodes: &[NodeId]| nodes.iter().map(|node| BrokerId(node.0)).collect();
    OngoingPartitionReassignment::default()
        .with_partition_index(number)
        .with_replicas(ids(&partition.replicas))
        .with_adding_replicas(ids(&partition.adding))
        .with_removing_replicas(ids(&partition.removing))
}
