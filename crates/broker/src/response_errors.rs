//! The error codes in a response, for counting. One exhaustive match; success is not an error.

use ottla_protocol::response::Response;

/// Calls `tell` with each error code of the response that is not 0.
pub(crate) fn each_error(response: &Response, mut tell: impl FnMut(i16)) {
    let mut look = |code: i16| {
        if code != 0 {
            tell(code);
        }
    };
    match response {
        Response::Produce(response) => {
            let topics = response.responses.iter();
            let partitions = topics.flat_map(|topic| &topic.partition_responses);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::Fetch(response) => {
            look(response.error_code);
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::ListOffsets(response) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::Metadata(response) => {
            for topic in &response.topics {
                look(topic.error_code);
                topic
                    .partitions
                    .iter()
                    .for_each(|partition| look(partition.error_code));
            }
        }
        Response::OffsetCommit(response) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::OffsetFetch(response) => {
            look(response.error_code);
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
            for group in &response.groups {
                look(group.error_code);
                let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
                partitions.for_each(|partition| look(partition.error_code));
            }
        }
        Response::FindCoordinator(response) => {
            look(response.error_code);
            let coordinators = response.coordinators.iter();
            coordinators.for_each(|coordinator| look(coordinator.error_code));
        }
        Response::JoinGroup(response) => look(response.error_code),
        Response::Heartbeat(response) => look(response.error_code),
        Response::LeaveGroup(response) => {
            look(response.error_code);
            let members = response.members.iter();
            members.for_each(|member| look(member.error_code));
        }
        Response::SyncGroup(response) => look(response.error_code),
        Response::DescribeGroups(response) => {
            let groups = response.groups.iter();
            groups.for_each(|group| look(group.error_code));
        }
        Response::ListGroups(response) => look(response.error_code),
        Response::DeleteGroups(response) => {
            let results = response.results.iter();
            results.for_each(|result| look(result.error_code));
        }
        Response::OffsetDelete(response) => {
            look(response.error_code);
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::AddPartitionsToTxn(response) => {
            look(response.error_code);
            let results = response.results_by_transaction.iter();
            let topics = results.flat_map(|result| &result.topic_results);
            let topics = topics.chain(&response.results_by_topic_v3_and_below);
            let partitions = topics.flat_map(|topic| &topic.results_by_partition);
            partitions.for_each(|partition| look(partition.partition_error_code));
        }
        Response::AddOffsetsToTxn(response) => look(response.error_code),
        Response::EndTxn(response) => look(response.error_code),
        Response::WriteTxnMarkers(response) => {
            let topics = response.markers.iter().flat_map(|marker| &marker.topics);
            let partitions = topics.flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::TxnOffsetCommit(response) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::DescribeProducers(response) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::DescribeTransactions(response) => {
            let states = response.transaction_states.iter();
            states.for_each(|state| look(state.error_code));
        }
        Response::ListTransactions(response) => look(response.error_code),
        Response::UpdateFeatures(response) => look(response.error_code),
        Response::ApiVersions(response) => look(response.error_code),
        Response::CreateTopics(response) => {
            response
                .topics
                .iter()
                .for_each(|topic| look(topic.error_code));
        }
        Response::DeleteTopics(response) => {
            response
                .responses
                .iter()
                .for_each(|topic| look(topic.error_code));
        }
        Response::DeleteRecords(response) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::InitProducerId(response) => look(response.error_code),
        Response::OffsetForLeaderEpoch(response) => {
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::DescribeConfigs(response) => {
            response
                .results
                .iter()
                .for_each(|result| look(result.error_code));
        }
        Response::AlterConfigs(response) => {
            let resources = response.responses.iter();
            resources.for_each(|resource| look(resource.error_code));
        }
        Response::DescribeLogDirs(response) => {
            look(response.error_code);
            let directories = response.results.iter();
            directories.for_each(|directory| look(directory.error_code));
        }
        Response::CreatePartitions(response) => {
            response
                .results
                .iter()
                .for_each(|result| look(result.error_code));
        }
        Response::IncrementalAlterConfigs(response) => {
            let resources = response.responses.iter();
            resources.for_each(|resource| look(resource.error_code));
        }
        Response::ElectLeaders(response) => {
            look(response.error_code);
            let topics = response.replica_election_results.iter();
            let partitions = topics.flat_map(|topic| &topic.partition_result);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::AlterPartitionReassignments(response) => {
            look(response.error_code);
            let partitions = response
                .responses
                .iter()
                .flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::ListPartitionReassignments(response) => look(response.error_code),
        Response::DescribeQuorum(response) => {
            look(response.error_code);
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            partitions.for_each(|partition| look(partition.error_code));
        }
        Response::UnregisterBroker(response) => look(response.error_code),
        Response::AddRaftVoter(response) => look(response.error_code),
        Response::RemoveRaftVoter(response) => look(response.error_code),
        Response::DescribeCluster(response) => look(response.error_code),
        Response::ListConfigResources(response) => look(response.error_code),
        Response::DescribeTopicPartitions(response) => {
            response
                .topics
                .iter()
                .for_each(|topic| look(topic.error_code));
        }
    }
}
