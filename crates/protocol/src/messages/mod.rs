//! The message types of the APIs served, whoever defines them.
//!
//! Most are kafka-protocol's; their fields and nested types are in its modules, re-exported here. Those that it
//! lacks, or lacks in the newest version, are defined here in its traits:
//!
//! - [`api_versions`]: request of version 5; response of version 5;
//! - [`list_offsets`]: version 11.

pub mod api_versions;
pub mod list_offsets;
mod newest_version;

pub use kafka_protocol::messages::{
    BrokerId, ProducerId, TopicName, TransactionalId,
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
    describe_topic_partitions_request::{self, DescribeTopicPartitionsRequest},
    describe_topic_partitions_response::{self, DescribeTopicPartitionsResponse},
    fetch_request::{self, FetchRequest},
    fetch_response::{self, FetchResponse},
    init_producer_id_request::{self, InitProducerIdRequest},
    init_producer_id_response::{self, InitProducerIdResponse},
    list_partition_reassignments_request::{self, ListPartitionReassignmentsRequest},
    list_partition_reassignments_response::{self, ListPartitionReassignmentsResponse},
    metadata_request::{self, MetadataRequest},
    metadata_response::{self, MetadataResponse},
    offset_for_leader_epoch_request::{self, OffsetForLeaderEpochRequest},
    offset_for_leader_epoch_response::{self, OffsetForLeaderEpochResponse},
    produce_request::{self, ProduceRequest},
    produce_response::{self, ProduceResponse},
};
pub use kafka_protocol::messages::{
    api_versions_response, list_offsets_request, list_offsets_response,
};
pub use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request as ApiRequest, StrBytes, VersionRange,
};

pub use api_versions::{ApiVersionsRequest, ApiVersionsResponse};
pub use list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
