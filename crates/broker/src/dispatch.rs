//! From a decoded request to its handler.

use std::sync::Arc;

use ottla_protocol::request::{Request, RequestHeader};
use ottla_protocol::response::Response;

use crate::context::{Broker, Call};
use crate::handlers::{cluster, configs, groups, records, topics, transactions};
use crate::net::{Answer, Peer, Reply, Service};
use crate::response_errors::each_error;

/// Hands each request to the handler of its API.
pub struct Dispatch {
    broker: Arc<Broker>,
}

impl Dispatch {
    /// Serves requests with the parts of this node.
    pub fn new(broker: Arc<Broker>) -> Self {
        Dispatch { broker }
    }
}

impl Service for Dispatch {
    fn call(&self, peer: &Arc<Peer>, header: &RequestHeader, request: Request) -> Reply {
        let call = Call {
            broker: &self.broker,
            peer,
            header,
        };
        if call.broker.was_unregistered() {
            return Reply::Now(Answer::Hangup);
        }
        match request {
            Request::Produce(request) => records::produce::handle(call, request),
            Request::Fetch(request) => records::fetch::handle(call, request),
            Request::ListOffsets(request) => records::list_offsets::handle(call, request),
            Request::Metadata(request) => cluster::metadata::handle(call, request),
            Request::ApiVersions(request) => cluster::api_versions::handle(call, request),
            Request::OffsetCommit(request) => groups::offset_commit::handle(call, request),
            Request::OffsetFetch(request) => groups::offset_fetch::handle(call, request),
            Request::FindCoordinator(request) => groups::find_coordinator::handle(call, request),
            Request::JoinGroup(request) => groups::join_group::handle(call, request),
            Request::Heartbeat(request) => groups::heartbeat::handle(call, request),
            Request::LeaveGroup(request) => groups::leave_group::handle(call, request),
            Request::SyncGroup(request) => groups::sync_group::handle(call, request),
            Request::DescribeGroups(request) => groups::describe_groups::handle(call, request),
            Request::ListGroups(request) => groups::list_groups::handle(call, request),
            Request::DeleteGroups(request) => groups::delete_groups::handle(call, request),
            Request::OffsetDelete(request) => groups::offset_delete::handle(call, request),
            Request::CreateTopics(request) => topics::create_topics::handle(call, request),
            Request::DeleteTopics(request) => topics::delete_topics::handle(call, request),
            Request::DeleteRecords(request) => records::delete_records::handle(call, request),
            Request::InitProducerId(request) => records::init_producer_id::handle(call, request),
            Request::AddPartitionsToTxn(request) => {
                transactions::add_partitions::handle(call, request)
            }
            Request::AddOffsetsToTxn(request) => transactions::add_offsets::handle(call, request),
            Request::EndTxn(request) => transactions::end::handle(call, request),
            Request::WriteTxnMarkers(request) => transactions::write_markers::handle(call, request),
            Request::TxnOffsetCommit(request) => groups::txn_offset_commit::handle(call, request),
            Request::DescribeProducers(request) => {
                records::describe_producers::handle(call, request)
            }
            Request::DescribeTransactions(request) => transactions::describe::handle(call, request),
            Request::ListTransactions(request) => transactions::list::handle(call, request),
            Request::UpdateFeatures(request) => cluster::update_features::handle(call, request),
            Request::OffsetForLeaderEpoch(request) => {
                records::offset_for_leader_epoch::handle(call, request)
            }
            Request::DescribeConfigs(request) => configs::describe_configs::handle(call, request),
            Request::AlterConfigs(request) => configs::alter_configs::handle(call, request),
            Request::DescribeLogDirs(request) => cluster::describe_log_dirs::handle(call, request),
            Request::CreatePartitions(request) => topics::create_partitions::handle(call, request),
            Request::IncrementalAlterConfigs(request) => {
                configs::incremental_alter_configs::handle(call, request)
            }
            Request::ElectLeaders(request) => topics::elect_leaders::handle(call, request),
            Request::AlterPartitionReassignments(request) => {
                topics::alter_partition_reassignments::handle(call, request)
            }
            Request::ListPartitionReassignments(request) => {
                topics::list_partition_reassignments::handle(call, request)
            }
            Request::DescribeQuorum(request) => cluster::describe_quorum::handle(call, request),
            Request::UnregisterBroker(request) => cluster::unregister_broker::handle(call, request),
            Request::AddRaftVoter(request) => cluster::voters::add(call, request),
            Request::RemoveRaftVoter(request) => cluster::voters::remove(call, request),
            Request::DescribeCluster(request) => cluster::describe_cluster::handle(call, request),
            Request::ListConfigResources(request) => {
                configs::list_config_resources::handle(call, request)
            }
            Request::DescribeTopicPartitions(request) => {
                cluster::describe_topic_partitions::handle(call, request)
            }
        }
    }

    fn answered(&self, header: &RequestHeader, response: &Response) {
        let requests = &self.broker.metrics.requests;
        each_error(response, |code| requests.error(header.api.key.code(), code));
    }
}
