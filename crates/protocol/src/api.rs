//! The one table of APIs and versions that this broker serves.
//!
//! What ApiVersions answers, what is decoded, what dispatch must handle and what docs/compatibility.md says are all
//! made from `for_each_api`: what is not in it does not exist for a client. Tests hold it against the schemas of
//! Apache Kafka and against the message types that do the coding.
//!
//! To serve one more API, add its row, its message types to [`crate::messages`], and its arm where the compiler asks.

use crate::shape::{Shape, table};

/// Gives all rows to a macro. A row: what it is for, name = Kafka's key, message types, versions decoded, the
/// lowest version advertised, the first version with compact encodings and tagged fields.
macro_rules! for_each_api {
    ($then:ident) => {
        $then! {
            /// Append records.
            // Older librdkafka turns compression off unless it sees version 0; Kafka names it too, and refuses it.
            Produce = 0, ProduceRequest => ProduceResponse, 3..=13, advertised 0, flexible 9;
            /// Read records.
            Fetch = 1, FetchRequest => FetchResponse, 4..=18, advertised 4, flexible 12;
            /// Find offsets by timestamp, or the special ones.
            ListOffsets = 2, ListOffsetsRequest => ListOffsetsResponse, 1..=11, advertised 1, flexible 6;
            /// Topics, partitions, who leads them and where.
            Metadata = 3, MetadataRequest => MetadataResponse, 0..=13, advertised 0, flexible 9;
            /// Commit offsets of a group.
            OffsetCommit = 8, OffsetCommitRequest => OffsetCommitResponse, 2..=10, advertised 2, flexible 8;
            /// Read the committed offsets of groups.
            OffsetFetch = 9, OffsetFetchRequest => OffsetFetchResponse, 1..=10, advertised 1, flexible 6;
            /// Which broker coordinates a group or a transactional producer.
            FindCoordinator = 10, FindCoordinatorRequest => FindCoordinatorResponse, 0..=6, advertised 0, flexible 3;
            /// Join a group.
            JoinGroup = 11, JoinGroupRequest => JoinGroupResponse, 0..=9, advertised 0, flexible 6;
            /// Say that a member of a group is alive.
            Heartbeat = 12, HeartbeatRequest => HeartbeatResponse, 0..=4, advertised 0, flexible 4;
            /// Leave a group.
            LeaveGroup = 13, LeaveGroupRequest => LeaveGroupResponse, 0..=5, advertised 0, flexible 4;
            /// Give or get the assignment of a group's generation.
            SyncGroup = 14, SyncGroupRequest => SyncGroupResponse, 0..=5, advertised 0, flexible 4;
            /// The members of groups and what they are assigned.
            DescribeGroups = 15, DescribeGroupsRequest => DescribeGroupsResponse, 0..=6, advertised 0, flexible 5;
            /// The groups of this broker.
            ListGroups = 16, ListGroupsRequest => ListGroupsResponse, 0..=5, advertised 0, flexible 3;
            /// Which APIs, versions and features are here.
            ApiVersions = 18, ApiVersionsRequest => ApiVersionsResponse, 0..=5, advertised 0, flexible 3;
            /// Create topics.
            CreateTopics = 19, CreateTopicsRequest => CreateTopicsResponse, 2..=7, advertised 2, flexible 5;
            /// Delete topics.
            DeleteTopics = 20, DeleteTopicsRequest => DeleteTopicsResponse, 1..=6, advertised 1, flexible 4;
            /// Delete the records before an offset.
            DeleteRecords = 21, DeleteRecordsRequest => DeleteRecordsResponse, 0..=2, advertised 0, flexible 2;
            /// Give a producer its id and epoch.
            InitProducerId = 22, InitProducerIdRequest => InitProducerIdResponse, 0..=5, advertised 0, flexible 2;
            /// Where a leader epoch ends in a log.
            OffsetForLeaderEpoch = 23, OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse, 2..=4, advertised 2, flexible 4;
            /// Say which partitions a transaction writes to, or ask whether it does.
            AddPartitionsToTxn = 24, AddPartitionsToTxnRequest => AddPartitionsToTxnResponse, 0..=5, advertised 0, flexible 3;
            /// Say that a transaction commits offsets of a group.
            AddOffsetsToTxn = 25, AddOffsetsToTxnRequest => AddOffsetsToTxnResponse, 0..=4, advertised 0, flexible 3;
            /// Commit or abort a transaction.
            EndTxn = 26, EndTxnRequest => EndTxnResponse, 0..=5, advertised 0, flexible 3;
            /// Write the ends of transactions to partitions.
            WriteTxnMarkers = 27, WriteTxnMarkersRequest => WriteTxnMarkersResponse, 1..=2, advertised 1, flexible 1;
            /// Commit offsets of a group as part of a transaction.
            TxnOffsetCommit = 28, TxnOffsetCommitRequest => TxnOffsetCommitResponse, 0..=6, advertised 0, flexible 3;
            /// Read configurations.
            DescribeConfigs = 32, DescribeConfigsRequest => DescribeConfigsResponse, 1..=4, advertised 1, flexible 4;
            /// Replace configurations.
            AlterConfigs = 33, AlterConfigsRequest => AlterConfigsResponse, 0..=2, advertised 0, flexible 2;
            /// What the log directories hold and how full they are.
            DescribeLogDirs = 35, DescribeLogDirsRequest => DescribeLogDirsResponse, 1..=5, advertised 1, flexible 2;
            /// Add partitions to topics.
            CreatePartitions = 37, CreatePartitionsRequest => CreatePartitionsResponse, 0..=3, advertised 0, flexible 2;
            /// Delete groups without members.
            DeleteGroups = 42, DeleteGroupsRequest => DeleteGroupsResponse, 0..=3, advertised 0, flexible 2;
            /// Have the preferred replicas lead.
            ElectLeaders = 43, ElectLeadersRequest => ElectLeadersResponse, 0..=2, advertised 0, flexible 2;
            /// Change configurations key by key.
            IncrementalAlterConfigs = 44, IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse, 0..=1, advertised 0, flexible 1;
            /// Say which brokers are to hold the replicas of partitions.
            AlterPartitionReassignments = 45, AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse, 0..=1, advertised 0, flexible 0;
            /// Reassignments under way.
            ListPartitionReassignments = 46, ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse, 0..=0, advertised 0, flexible 0;
            /// Delete committed offsets of a group.
            // No version of it is flexible.
            OffsetDelete = 47, OffsetDeleteRequest => OffsetDeleteResponse, 0..=0, advertised 0, flexible 32767;
            /// Who votes on the cluster's metadata, who leads, and how far each has it.
            DescribeQuorum = 55, DescribeQuorumRequest => DescribeQuorumResponse, 0..=2, advertised 0, flexible 0;
            /// Change the levels of features.
            UpdateFeatures = 57, UpdateFeaturesRequest => UpdateFeaturesResponse, 0..=2, advertised 0, flexible 0;
            /// The brokers of the cluster.
            DescribeCluster = 60, DescribeClusterRequest => DescribeClusterResponse, 0..=2, advertised 0, flexible 0;
            /// Who writes to partitions, and which transactions are open there.
            DescribeProducers = 61, DescribeProducersRequest => DescribeProducersResponse, 0..=0, advertised 0, flexible 0;
            /// Forget a broker.
            UnregisterBroker = 64, UnregisterBrokerRequest => UnregisterBrokerResponse, 0..=0, advertised 0, flexible 0;
            /// How transactions stand.
            DescribeTransactions = 65, DescribeTransactionsRequest => DescribeTransactionsResponse, 0..=0, advertised 0, flexible 0;
            /// The transactional ids of this broker.
            ListTransactions = 66, ListTransactionsRequest => ListTransactionsResponse, 0..=2, advertised 0, flexible 0;
            /// Which resources have configurations of their own.
            ListConfigResources = 74, ListConfigResourcesRequest => ListConfigResourcesResponse, 0..=1, advertised 0, flexible 0;
            /// Partitions of topics, page by page.
            DescribeTopicPartitions = 75, DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse, 0..=0, advertised 0, flexible 0;
            /// Have a broker vote on the cluster's metadata.
            AddRaftVoter = 80, AddRaftVoterRequest => AddRaftVoterResponse, 0..=1, advertised 0, flexible 0;
            /// Have a broker vote on it no more.
            RemoveRaftVoter = 81, RemoveRaftVoterRequest => RemoveRaftVoterResponse, 0..=0, advertised 0, flexible 0;
        }
    };
}
pub(crate) use for_each_api;

macro_rules! define_table {
    ($(
        $(#[doc = $purpose:literal])+
        $name:ident = $key:literal, $request:ident => $response:ident,
        $min:literal ..= $max:literal, advertised $advertised:literal, flexible $flexible:literal;
    )+) => {
        /// An API that is served. The number is Kafka's API key.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                $(#[doc = $purpose])+
                $name = $key,
            )+
        }

        /// All that is served, in order of keys.
        pub static SERVED: &[ApiSpec] = &[$(
            ApiSpec {
                key: ApiKey::$name,
                name: stringify!($name),
                purpose: concat!($($purpose),+),
                min: $min,
                max: $max,
                advertised_min: $advertised,
                first_flexible: $flexible,
                request: &table::$request,
                response: &table::$response,
            },
        )+];
    };
}
for_each_api!(define_table);

impl ApiKey {
    /// The row of [`SERVED`] for this API.
    pub fn spec(self) -> &'static ApiSpec {
        ApiSpec::find(self.code()).expect("keys and rows are made from one table")
    }

    /// Kafka's number for this API.
    pub fn code(self) -> i16 {
        self as i16
    }
}

/// One row of [`SERVED`].
#[derive(Debug)]
pub struct ApiSpec {
    /// Which API.
    pub key: ApiKey,
    /// Kafka's name for it.
    pub name: &'static str,
    /// What it is for, as a sentence.
    pub purpose: &'static str,
    /// The lowest version that is decoded.
    pub min: i16,
    /// The highest version that is decoded.
    pub max: i16,
    /// The lowest version that ApiVersions names; below [`Self::min`] where old clients need to see it.
    pub advertised_min: i16,
    /// The first version with compact encodings and tagged fields.
    pub first_flexible: i16,
    /// What a request body must look like.
    pub request: &'static Shape,
    /// What a response body must look like.
    pub response: &'static Shape,
}

impl ApiSpec {
    /// The row for an API key from the wire, if that API is served.
    pub fn find(key: i16) -> Option<&'static ApiSpec> {
        let row = SERVED
            .binary_search_by_key(&key, |spec| spec.key.code())
            .ok()?;
        Some(&SERVED[row])
    }

    /// Whether a request of this version is decoded.
    pub fn serves(&self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }

    /// Whether this version has compact encodings and tagged fields.
    pub fn is_flexible(&self, version: i16) -> bool {
        version >= self.first_flexible
    }

    /// The version of the header in front of a request.
    pub fn request_header_version(&self, version: i16) -> i16 {
        if self.is_flexible(version) { 2 } else { 1 }
    }

    /// The version of the header in front of a response. That of ApiVersions never changes: a client must be able
    /// to read the answer of a broker that is older than itself.
    pub fn response_header_version(&self, version: i16) -> i16 {
        i16::from(self.key != ApiKey::ApiVersions && self.is_flexible(version))
    }
}

impl PartialEq for ApiSpec {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for ApiSpec {}
