//! The message types of the APIs served, whoever defines them.
//!
//! Most are kafka-protocol's; their fields and nested types are in its modules, re-exported here. Those that it
//! lacks, or lacks in the newest version, are defined here in its traits:
//!
//! - [`add_raft_voter`]: version 1;
//! - [`api_versions`]: request of version 5; response of version 5;
//! - [`list_offsets`]: version 11;
//! - [`delete_groups`]: version 3;
//! - [`describe_log_dirs`]: version 5;
//! - [`offset_commit`], [`offset_fetch`]: requests of version 10;
//! - [`txn_offset_commit`]: version 6;
//! - [`write_txn_markers`]: version 2;
//! - `newest_version`, `encoding`: what they are written with.

pub mod add_raft_voter;
pub mod api_versions;
pub mod delete_groups;
pub mod describe_log_dirs;
mod encoding;
pub mod list_offsets;
mod newest_version;
pub mod offset_commit;
pub mod offset_fetch;
pub mod txn_offset_commit;
pub mod write_txn_markers;

pub use kafka_protocol::messages::{
    BrokerId, GroupId, ProducerId, TopicName, TransactionalId,
    add_offsets_to_txn_request::{self, AddOffsetsToTxnRequest},
    add_offsets_to_txn_response::{self, AddOffsetsToTxnResponse},
    add_partitions_to_txn_request::{self, AddPartitionsToTxnRequest},
    add_partitions_to_txn_response::{self, AddPartitionsToTxnResponse},
    alter_configs_request::{self, AlterConfigsRequest},
    alter_configs_response::{self, AlterConfigsResponse},
    alter_partition_reassignments_request::{self, AlterPartitionReassignmentsRequest},
    alter_partition_reassignments_response::{self, AlterPartitionReassignmentsResponse},
    create_partitions_request::{self, CreatePartitionsRequest},
    create_partitions_response::{self, CreatePartitionsResponse},
    create_topics_request::{self, CreateTopicsRequest},
    create_topics_response::{self, CreateTopicsResponse},
    delete_records_request::{self, DeleteRecordsRequest},
    delete_records_response::{self, DeleteRecordsResponse},
    delete_topics_request::{self, DeleteTopicsRequest},
    delete_topics_response::{self, DeleteTopicsResponse},
    describe_cluster_request::{self, DescribeClusterRequest},
    describe_cluster_response::{self, DescribeClusterResponse},
    describe_configs_request::{self, DescribeConfigsRequest},
    describe_configs_response::{self, DescribeConfigsResponse},
    describe_groups_request::{self, DescribeGroupsRequest},
    describe_groups_response::{self, DescribeGroupsResponse},
    describe_producers_request::{self, DescribeProducersRequest},
    describe_producers_response::{self, DescribeProducersResponse},
    describe_quorum_request::{self, DescribeQuorumRequest},
    describe_quorum_response::{self, DescribeQuorumResponse},
    describe_topic_partitions_request::{self, DescribeTopicPartitionsRequest},
    describe_topic_partitions_response::{self, DescribeTopicPartitionsResponse},
    describe_transactions_request::{self, DescribeTransactionsRequest},
    describe_transactions_response::{self, DescribeTransactionsResponse},
    elect_leaders_request::{self, ElectLeadersRequest},
    elect_leaders_response::{self, ElectLeadersResponse},
    end_txn_request::{self, EndTxnRequest},
    end_txn_response::{self, EndTxnResponse},
    fetch_request::{self, FetchRequest},
    fetch_response::{self, FetchResponse},
    find_coordinator_request::{self, FindCoordinatorRequest},
    find_coordinator_response::{self, FindCoordinatorResponse},
    heartbeat_request::{self, HeartbeatRequest},
    heartbeat_response::{self, HeartbeatResponse},
    incremental_alter_configs_request::{self, IncrementalAlterConfigsRequest},
    incremental_alter_configs_response::{self, IncrementalAlterConfigsResponse},
    init_producer_id_request::{self, InitProducerIdRequest},
    init_producer_id_response::{self, InitProducerIdResponse},
    join_group_request::{self, JoinGroupRequest},
    join_group_response::{self, JoinGroupResponse},
    leave_group_request::{self, LeaveGroupRequest},
    leave_group_response::{self, LeaveGroupResponse},
    list_config_resources_request::{self, ListConfigResourcesRequest},
    list_config_resources_response::{self, ListConfigResourcesResponse},
    list_groups_request::{self, ListGroupsRequest},
    list_groups_response::{self, ListGroupsResponse},
    list_partition_reassignments_request::{self, ListPartitionReassignmentsRequest},
    list_partition_reassignments_response::{self, ListPartitionReassignmentsResponse},
    list_transactions_request::{self, ListTransactionsRequest},
    list_transactions_response::{self, ListTransactionsResponse},
    metadata_request::{self, MetadataRequest},
    metadata_response::{self, MetadataResponse},
    offset_commit_response::{self, OffsetCommitResponse},
    offset_delete_request::{self, OffsetDeleteRequest},
    offset_delete_response::{self, OffsetDeleteResponse},
    offset_fetch_response::{self, OffsetFetchResponse},
    offset_for_leader_epoch_request::{self, OffsetForLeaderEpochRequest},
    offset_for_leader_epoch_response::{self, OffsetForLeaderEpochResponse},
    produce_request::{self, ProduceRequest},
    produce_response::{self, ProduceResponse},
    remove_raft_voter_request::{self, RemoveRaftVoterRequest},
    remove_raft_voter_response::{self, RemoveRaftVoterResponse},
    sync_group_request::{self, SyncGroupRequest},
    sync_group_response::{self, SyncGroupResponse},
    unregister_broker_request::{self, UnregisterBrokerRequest},
    unregister_broker_response::{self, UnregisterBrokerResponse},
    update_features_request::{self, UpdateFeaturesRequest},
    update_features_response::{self, UpdateFeaturesResponse},
};
pub use kafka_protocol::messages::{
    add_raft_voter_request, add_raft_voter_response, api_versions_response, delete_groups_request,
    describe_log_dirs_request, list_offsets_request, list_offsets_response, offset_commit_request,
    offset_fetch_request, write_txn_markers_request, write_txn_markers_response,
};
pub use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request as ApiRequest, StrBytes, VersionRange,
};

pub use add_raft_voter::{AddRaftVoterRequest, AddRaftVoterResponse};
pub use api_versions::{ApiVersionsRequest, ApiVersionsResponse};
pub use delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
pub use describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResponse};
pub use list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
pub use offset_commit::OffsetCommitRequest;
pub use offset_fetch::OffsetFetchRequest;
pub use txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
pub use write_txn_markers::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};
