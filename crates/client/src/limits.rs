//! Every bound on what this client holds, by name.

/// The largest response taken: a fetch of the default 50 MiB, and one oversized batch on top of it.
pub const RESPONSE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Requests written or queued on one connection without a response.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// Requests that the writer of a connection takes from its queue at once.
pub const WRITE_BATCH_REQUESTS: usize = 16;

/// Room made in a connection's read buffer when it is empty.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Produce requests in flight to one broker: Kafka remembers the last five batches of a producer, so a sixth could
/// be retried without being recognized.
pub const PRODUCE_IN_FLIGHT_MAX: usize = 5;

/// Fetched ranges handed over and not yet taken by the consumer's user.
pub const FETCHED_QUEUE_MAX: usize = 4;

/// Partitions asked for in one page of DescribeTopicPartitions.
pub const DESCRIBE_PARTITIONS_PAGE: i32 = 2000;

/// What one compressed batch may inflate to.
pub const INFLATED_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Groups that are asked about at once, each of its coordinator.
pub const GROUPS_IN_FLIGHT_MAX: usize = 16;
