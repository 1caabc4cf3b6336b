//! Kafka's error codes, all 138 of Kafka 4.4.
//!
//! Which error an operation answers with is decided by state machines, handlers and one error map, never here.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($name:ident = $code:literal, $kafka_name:literal, $class:ident, $message:literal;)+) => {
        /// What Kafka's clients are told: a number that each of them knows, success among them.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(into = "i16", from = "i16")]
        #[repr(i16)]
        pub enum ErrorCode {
            $(#[doc = concat!($kafka_name, ": ", $message, ".")] $name = $code,)+
        }

        impl ErrorCode {
            /// All of them, in order of their codes.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name,)+];

            /// The error for a code from the wire; codes from the future are [`ErrorCode::UnknownServerError`], as
            /// Kafka's clients see them.
            pub fn from_code(code: i16) -> ErrorCode {
                match code {
                    $($code => ErrorCode::$name,)+
                    _ => ErrorCode::UnknownServerError,
                }
            }

            /// Kafka's name, as its tools print it.
            pub fn name(self) -> &'static str {
                match self {
                    $(ErrorCode::$name => $kafka_name,)+
                }
            }

            /// What it means, in a few words.
            pub fn message(self) -> &'static str {
                match self {
                    $(ErrorCode::$name => $message,)+
                }
            }

            /// Whether Kafka's clients try again by themselves.
            pub fn retriable(self) -> bool {
                match self {
                    $(ErrorCode::$name => is_retriable!($class),)+
                }
            }
        }
    };
}

impl From<ErrorCode> for i16 {
    fn from(error: ErrorCode) -> i16 {
        error.code()
    }
}

impl From<i16> for ErrorCode {
    fn from(code: i16) -> ErrorCode {
        ErrorCode::from_code(code)
    }
}

macro_rules! is_retriable {
    (retriable) => {
        true
    };
    (permanent) => {
        false
    };
}

impl ErrorCode {
    /// The number on the wire.
    pub fn code(self) -> i16 {
        self as i16
    }

    /// Whether this is anything but success.
    pub fn is_error(self) -> bool {
        self != ErrorCode::None
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::error::Error for ErrorCode {}

error_codes! {
    UnknownServerError = -1, "UNKNOWN_SERVER_ERROR", permanent, "the server failed in a way it does not expect";
    None = 0, "NONE", permanent, "no error";
    OffsetOutOfRange = 1, "OFFSET_OUT_OF_RANGE", permanent, "the offset is not within the range of offsets of the partition";
    CorruptMessage = 2, "CORRUPT_MESSAGE", retriable, "a record failed its checksum, exceeds a size limit or is malformed";
    UnknownTopicOrPartition = 3, "UNKNOWN_TOPIC_OR_PARTITION", retriable, "this server does not host this topic or partition";
    InvalidFetchSize = 4, "INVALID_FETCH_SIZE", permanent, "the fetch size is not valid";
    LeaderNotAvailable = 5, "LEADER_NOT_AVAILABLE", retriable, "the partition has no leader at the moment";
    NotLeaderOrFollower = 6, "NOT_LEADER_OR_FOLLOWER", retriable, "this broker is not the leader, or for a fetch not a replica, of the partition";
    RequestTimedOut = 7, "REQUEST_TIMED_OUT", retriable, "the request timed out";
    BrokerNotAvailable = 8, "BROKER_NOT_AVAILABLE", permanent, "the broker is not available";
    ReplicaNotAvailable = 9, "REPLICA_NOT_AVAILABLE", retriable, "the replica is not available";
    MessageTooLarge = 10, "MESSAGE_TOO_LARGE", permanent, "the message is larger than the server accepts";
    StaleControllerEpoch = 11, "STALE_CONTROLLER_EPOCH", permanent, "the controller has moved to another broker";
    OffsetMetadataTooLarge = 12, "OFFSET_METADATA_TOO_LARGE", permanent, "the metadata kept with an offset is too large";
    NetworkException = 13, "NETWORK_EXCEPTION", retriable, "the connection was lost before a response arrived";
    CoordinatorLoadInProgress = 14, "COORDINATOR_LOAD_IN_PROGRESS", retriable, "the coordinator is loading its state";
    CoordinatorNotAvailable = 15, "COORDINATOR_NOT_AVAILABLE", retriable, "the coordinator is not available";
    NotCoordinator = 16, "NOT_COORDINATOR", retriable, "this broker is not the coordinator";
    InvalidTopicException = 17, "INVALID_TOPIC_EXCEPTION", permanent, "the topic name is not valid, or the operation is not allowed on this topic";
    RecordListTooLarge = 18, "RECORD_LIST_TOO_LARGE", permanent, "the batch is larger than the segment size of the topic";
    NotEnoughReplicas = 19, "NOT_ENOUGH_REPLICAS", retriable, "fewer in-sync replicas are there than the topic requires";
    NotEnoughReplicasAfterAppend = 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", retriable, "the records were written, but to fewer in-sync replicas than the topic requires";
    InvalidRequiredAcks = 21, "INVALID_REQUIRED_ACKS", permanent, "the requested acks are not valid";
    IllegalGeneration = 22, "ILLEGAL_GENERATION", permanent, "the group generation is not the current one";
    InconsistentGroupProtocol = 23, "INCONSISTENT_GROUP_PROTOCOL", permanent, "the member's protocols do not fit those of the group";
    InvalidGroupId = 24, "INVALID_GROUP_ID", permanent, "the group id is not valid";
    UnknownMemberId = 25, "UNKNOWN_MEMBER_ID", permanent, "the group does not know this member";
    InvalidSessionTimeout = 26, "INVALID_SESSION_TIMEOUT", permanent, "the session timeout is not within the range that the broker allows";
    RebalanceInProgress = 27, "REBALANCE_IN_PROGRESS", permanent, "the group is rebalancing";
    InvalidCommitOffsetSize = 28, "INVALID_COMMIT_OFFSET_SIZE", permanent, "committing these offsets would exceed the size limit of a message";
    TopicAuthorizationFailed = 29, "TOPIC_AUTHORIZATION_FAILED", permanent, "no permission for the topic";
    GroupAuthorizationFailed = 30, "GROUP_AUTHORIZATION_FAILED", permanent, "no permission for the group";
    ClusterAuthorizationFailed = 31, "CLUSTER_AUTHORIZATION_FAILED", permanent, "no permission for the cluster";
    InvalidTimestamp = 32, "INVALID_TIMESTAMP", permanent, "a record's timestamp is out of the range that the topic allows";
    UnsupportedSaslMechanism = 33, "UNSUPPORTED_SASL_MECHANISM", permanent, "the SASL mechanism is not supported";
    IllegalSaslState = 34, "ILLEGAL_SASL_STATE", permanent, "the request is not allowed in the current state of authentication";
    UnsupportedVersion = 35, "UNSUPPORTED_VERSION", permanent, "the version of the API is not supported";
    TopicAlreadyExists = 36, "TOPIC_ALREADY_EXISTS", permanent, "a topic of this name exists already";
    InvalidPartitions = 37, "INVALID_PARTITIONS", permanent, "the number of partitions is not valid";
    InvalidReplicationFactor = 38, "INVALID_REPLICATION_FACTOR", permanent, "the replication factor is not valid, or there are too few brokers for it";
    InvalidReplicaAssignment = 39, "INVALID_REPLICA_ASSIGNMENT", permanent, "the replica assignment is not valid";
    InvalidConfig = 40, "INVALID_CONFIG", permanent, "a configuration is not valid";
    NotController = 41, "NOT_CONTROLLER", retriable, "this broker is not the controller";
    InvalidRequest = 42, "INVALID_REQUEST", permanent, "the request contradicts itself or breaks a rule of its API";
    UnsupportedForMessageFormat = 43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", permanent, "the message format does not support the request";
    PolicyViolation = 44, "POLICY_VIOLATION", permanent, "the request violates a policy";
    OutOfOrderSequenceNumber = 45, "OUT_OF_ORDER_SEQUENCE_NUMBER", permanent, "the producer's sequence number does not follow the last one";
    DuplicateSequenceNumber = 46, "DUPLICATE_SEQUENCE_NUMBER", permanent, "the producer's sequence number was seen before";
    InvalidProducerEpoch = 47, "INVALID_PRODUCER_EPOCH", permanent, "the producer's epoch is older than the current one";
    InvalidTxnState = 48, "INVALID_TXN_STATE", permanent, "the transaction is not in a state that allows the operation";
    InvalidProducerIdMapping = 49, "INVALID_PRODUCER_ID_MAPPING", permanent, "the transactional id is held by another producer id";
    InvalidTransactionTimeout = 50, "INVALID_TRANSACTION_TIMEOUT", permanent, "the transaction timeout is above the limit of the broker";
    ConcurrentTransactions = 51, "CONCURRENT_TRANSACTIONS", retriable, "another operation on the same transactional id is under way";
    TransactionCoordinatorFenced = 52, "TRANSACTION_COORDINATOR_FENCED", permanent, "the transaction coordinator that wrote the marker has been replaced";
    TransactionalIdAuthorizationFailed = 53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", permanent, "no permission for the transactional id";
    SecurityDisabled = 54, "SECURITY_DISABLED", permanent, "security features are disabled";
    OperationNotAttempted = 55, "OPERATION_NOT_ATTEMPTED", permanent, "the operation was not attempted because another part of the request failed";
    KafkaStorageError = 56, "KAFKA_STORAGE_ERROR", retriable, "the disk failed when the log was accessed";
    LogDirNotFound = 57, "LOG_DIR_NOT_FOUND", permanent, "the log directory is not known to this broker";
    SaslAuthenticationFailed = 58, "SASL_AUTHENTICATION_FAILED", permanent, "authentication failed";
    UnknownProducerId = 59, "UNKNOWN_PRODUCER_ID", permanent, "no state is kept for this producer id";
    ReassignmentInProgress = 60, "REASSIGNMENT_IN_PROGRESS", permanent, "the partition is being reassigned";
    DelegationTokenAuthDisabled = 61, "DELEGATION_TOKEN_AUTH_DISABLED", permanent, "delegation tokens are not enabled";
    DelegationTokenNotFound = 62, "DELEGATION_TOKEN_NOT_FOUND", permanent, "there is no such delegation token";
    DelegationTokenOwnerMismatch = 63, "DELEGATION_TOKEN_OWNER_MISMATCH", permanent, "the principal is neither owner nor renewer of the delegation token";
    DelegationTokenRequestNotAllowed = 64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", permanent, "delegation tokens cannot be requested over this connection";
    DelegationTokenAuthorizationFailed = 65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", permanent, "no permission for the delegation token";
    DelegationTokenExpired = 66, "DELEGATION_TOKEN_EXPIRED", permanent, "the delegation token has expired";
    InvalidPrincipalType = 67, "INVALID_PRINCIPAL_TYPE", permanent, "the principal type is not supported";
    NonEmptyGroup = 68, "NON_EMPTY_GROUP", permanent, "the group has members";
    GroupIdNotFound = 69, "GROUP_ID_NOT_FOUND", permanent, "there is no such group";
    FetchSessionIdNotFound = 70, "FETCH_SESSION_ID_NOT_FOUND", retriable, "there is no such fetch session";
    InvalidFetchSessionEpoch = 71, "INVALID_FETCH_SESSION_EPOCH", retriable, "the epoch of the fetch session is not the expected one";
    ListenerNotFound = 72, "LISTENER_NOT_FOUND", retriable, "the leader has no listener of the name that the client used";
    TopicDeletionDisabled = 73, "TOPIC_DELETION_DISABLED", permanent, "deleting topics is disabled";
    FencedLeaderEpoch = 74, "FENCED_LEADER_EPOCH", retriable, "the leader epoch is older than that of the broker";
    UnknownLeaderEpoch = 75, "UNKNOWN_LEADER_EPOCH", retriable, "the leader epoch is newer than that of the broker";
    UnsupportedCompressionType = 76, "UNSUPPORTED_COMPRESSION_TYPE", permanent, "the compression is not supported";
    StaleBrokerEpoch = 77, "STALE_BROKER_EPOCH", permanent, "the broker epoch is not the current one";
    OffsetNotAvailable = 78, "OFFSET_NOT_AVAILABLE", retriable, "the leader's high watermark has not caught up with its term";
    MemberIdRequired = 79, "MEMBER_ID_REQUIRED", permanent, "a member id is needed before the group can be joined";
    PreferredLeaderNotAvailable = 80, "PREFERRED_LEADER_NOT_AVAILABLE", retriable, "the preferred leader is not available";
    GroupMaxSizeReached = 81, "GROUP_MAX_SIZE_REACHED", permanent, "the group is full";
    FencedInstanceId = 82, "FENCED_INSTANCE_ID", permanent, "another member took over this static instance id";
    EligibleLeadersNotAvailable = 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", retriable, "no eligible leader is available";
    ElectionNotNeeded = 84, "ELECTION_NOT_NEEDED", retriable, "the partition needs no election";
    NoReassignmentInProgress = 85, "NO_REASSIGNMENT_IN_PROGRESS", permanent, "no reassignment is under way";
    GroupSubscribedToTopic = 86, "GROUP_SUBSCRIBED_TO_TOPIC", permanent, "the group is subscribed to the topic";
    InvalidRecord = 87, "INVALID_RECORD", permanent, "a record was refused by the broker";
    UnstableOffsetCommit = 88, "UNSTABLE_OFFSET_COMMIT", retriable, "offsets of an unfinished transaction are pending";
    ThrottlingQuotaExceeded = 89, "THROTTLING_QUOTA_EXCEEDED", retriable, "a quota was exceeded";
    ProducerFenced = 90, "PRODUCER_FENCED", permanent, "a newer producer with this transactional id has fenced this one";
    ResourceNotFound = 91, "RESOURCE_NOT_FOUND", permanent, "there is no such resource";
    DuplicateResource = 92, "DUPLICATE_RESOURCE", permanent, "the resource was named more than once";
    UnacceptableCredential = 93, "UNACCEPTABLE_CREDENTIAL", permanent, "the credential does not meet the requirements";
    InconsistentVoterSet = 94, "INCONSISTENT_VOTER_SET", permanent, "the voters differ between sender and receiver";
    InvalidUpdateVersion = 95, "INVALID_UPDATE_VERSION", permanent, "the update version is not valid";
    FeatureUpdateFailed = 96, "FEATURE_UPDATE_FAILED", permanent, "the feature could not be updated";
    PrincipalDeserializationFailure = 97, "PRINCIPAL_DESERIALIZATION_FAILURE", permanent, "the forwarded principal could not be read";
    SnapshotNotFound = 98, "SNAPSHOT_NOT_FOUND", permanent, "there is no such snapshot";
    PositionOutOfRange = 99, "POSITION_OUT_OF_RANGE", permanent, "the position is outside the snapshot";
    UnknownTopicId = 100, "UNKNOWN_TOPIC_ID", retriable, "this server does not host a topic of this id";
    DuplicateBrokerRegistration = 101, "DUPLICATE_BROKER_REGISTRATION", permanent, "the broker id is in use";
    BrokerIdNotRegistered = 102, "BROKER_ID_NOT_REGISTERED", permanent, "the broker id is not registered";
    InconsistentTopicId = 103, "INCONSISTENT_TOPIC_ID", retriable, "the topic id in the log differs from that of the request";
    InconsistentClusterId = 104, "INCONSISTENT_CLUSTER_ID", permanent, "the cluster id differs from that of this cluster";
    TransactionalIdNotFound = 105, "TRANSACTIONAL_ID_NOT_FOUND", permanent, "there is no such transactional id";
    FetchSessionTopicIdError = 106, "FETCH_SESSION_TOPIC_ID_ERROR", retriable, "the fetch session and the request disagree about topic ids";
    IneligibleReplica = 107, "INELIGIBLE_REPLICA", permanent, "the replica may not join the in-sync replicas";
    NewLeaderElected = 108, "NEW_LEADER_ELECTED", permanent, "a new leader was elected by this change";
    OffsetMovedToTieredStorage = 109, "OFFSET_MOVED_TO_TIERED_STORAGE", permanent, "the offset has moved to tiered storage";
    FencedMemberEpoch = 110, "FENCED_MEMBER_EPOCH", permanent, "the group coordinator has fenced this member's epoch";
    UnreleasedInstanceId = 111, "UNRELEASED_INSTANCE_ID", permanent, "another member still holds this static instance id";
    UnsupportedAssignor = 112, "UNSUPPORTED_ASSIGNOR", permanent, "the assignor, or its version, is not supported by the group";
    StaleMemberEpoch = 113, "STALE_MEMBER_EPOCH", permanent, "the member's epoch is stale";
    MismatchedEndpointType = 114, "MISMATCHED_ENDPOINT_TYPE", permanent, "the request reached an endpoint of the wrong type";
    UnsupportedEndpointType = 115, "UNSUPPORTED_ENDPOINT_TYPE", permanent, "the endpoint type is not supported";
    UnknownControllerId = 116, "UNKNOWN_CONTROLLER_ID", permanent, "there is no such controller";
    UnknownSubscriptionId = 117, "UNKNOWN_SUBSCRIPTION_ID", permanent, "there is no such telemetry subscription";
    TelemetryTooLarge = 118, "TELEMETRY_TOO_LARGE", permanent, "the telemetry is larger than the broker accepts";
    InvalidRegistration = 119, "INVALID_REGISTRATION", permanent, "the registration is not valid";
    TransactionAbortable = 120, "TRANSACTION_ABORTABLE", permanent, "the transaction can only be aborted";
    InvalidRecordState = 121, "INVALID_RECORD_STATE", permanent, "the record's state does not allow the operation";
    ShareSessionNotFound = 122, "SHARE_SESSION_NOT_FOUND", retriable, "there is no such share session";
    InvalidShareSessionEpoch = 123, "INVALID_SHARE_SESSION_EPOCH", retriable, "the epoch of the share session is not the expected one";
    FencedStateEpoch = 124, "FENCED_STATE_EPOCH", permanent, "the share coordinator has fenced this state epoch";
    InvalidVoterKey = 125, "INVALID_VOTER_KEY", permanent, "the voter's key does not match the request";
    DuplicateVoter = 126, "DUPLICATE_VOTER", permanent, "the voter is in the set already";
    VoterNotFound = 127, "VOTER_NOT_FOUND", permanent, "the voter is not in the set";
    InvalidRegularExpression = 128, "INVALID_REGULAR_EXPRESSION", permanent, "the regular expression is not valid";
    RebootstrapRequired = 129, "REBOOTSTRAP_REQUIRED", permanent, "the client's view of the cluster is stale: it must start again from its bootstrap servers";
    StreamsInvalidTopology = 130, "STREAMS_INVALID_TOPOLOGY", permanent, "the streams topology is not valid";
    StreamsInvalidTopologyEpoch = 131, "STREAMS_INVALID_TOPOLOGY_EPOCH", permanent, "the epoch of the streams topology is not valid";
    StreamsTopologyFenced = 132, "STREAMS_TOPOLOGY_FENCED", permanent, "the epoch of the streams topology is outdated";
    ShareSessionLimitReached = 133, "SHARE_SESSION_LIMIT_REACHED", retriable, "the broker has no room for another share session";
    GroupDeletionFailed = 134, "GROUP_DELETION_FAILED", permanent, "the group could not be deleted";
    StreamsTopologyDescriptionUpdateFailed = 135, "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED", permanent, "the description of the streams topology could not be updated";
    ControllerIdNotRegistered = 136, "CONTROLLER_ID_NOT_REGISTERED", permanent, "the controller id is not registered";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_codes_of_kafka_4_4_are_there_without_gaps() {
        let codes: Vec<i16> = ErrorCode::ALL.iter().map(|error| error.code()).collect();
        assert_eq!(codes, (-1..=136).collect::<Vec<i16>>());
    }

    #[test]
    fn every_code_reads_back() {
        for &error in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_code(error.code()), error);
        }
    }

    #[test]
    fn a_code_from_the_future_is_an_unknown_server_error() {
        assert_eq!(ErrorCode::from_code(1000), ErrorCode::UnknownServerError);
        assert_eq!(
            ErrorCode::from_code(i16::MIN),
            ErrorCode::UnknownServerError
        );
    }

    #[test]
    fn names_are_those_of_kafka_and_differ_from_each_other() {
        let names: std::collections::BTreeSet<_> =
            ErrorCode::ALL.iter().map(|error| error.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert_eq!(
            ErrorCode::NotLeaderOrFollower.to_string(),
            "NOT_LEADER_OR_FOLLOWER"
        );
        assert_eq!(
            ErrorCode::InvalidTopicException.name(),
            "INVALID_TOPIC_EXCEPTION"
        );
    }

    #[test]
    fn clients_retry_exactly_the_retriable_ones() {
        assert!(ErrorCode::NotLeaderOrFollower.retriable());
        assert!(ErrorCode::ConcurrentTransactions.retriable());
        assert!(!ErrorCode::None.retriable());
        assert!(!ErrorCode::OutOfOrderSequenceNumber.retriable());
        assert_eq!(
            ErrorCode::ALL
                .iter()
                .filter(|error| error.retriable())
                .count(),
            RETRIABLE_IN_KAFKA
        );
    }

    const RETRIABLE_IN_KAFKA: usize = 32;
}
