//! Every bound of the node that is not a setting, by name.
//!
//! Settings live in `config`; what a single frame may make the decoder do is bounded in
//! `ottla_protocol::limits`. A number that bounds a queue, a cache or a wait in this crate stands here.

use std::time::Duration;

/// Requests of one connection whose replies are still due. Only produces overlap, so this bounds the
/// produces that one client may have under way; the next one waits in the socket.
pub const IN_FLIGHT_PER_CONNECTION_MAX: usize = 64;

/// Reply bytes of one connection that wait for its socket before its next request is looked at. What
/// a fetch sends are slices of the log, so this bounds encoded heads, not memory for records.
pub const UNSENT_REPLY_BYTES_MAX: usize = 1 << 20;

/// Slices handed to the socket in one call; what Linux takes at most is 1,024.
pub const SLICES_PER_WRITE_MAX: usize = 64;

/// A frame larger than this is read into a buffer of its own, of its exact size.
pub const SHARED_READ_BYTES_MAX: usize = 64 * 1024;

/// How long a peer may stop in the middle of a frame. Its bytes are reserved by then, and others may
/// be waiting for them.
pub const STALLED_FRAME_MAX: Duration = Duration::from_secs(30);

/// How long replies that are due may take to leave at shutdown.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long an accept loop rests after the system refused it a socket (no descriptors left).
pub const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Plans for new images that wait for the partition manager; the metadata runner waits behind them.
pub const CHANGES_QUEUED_MAX: usize = 1024;

/// Replicas that are opened, deleted or closed at the same time.
pub const OPENING_AT_ONCE_MAX: usize = 64;

/// Requests to the metadata that wait for their turn.
pub const METADATA_REQUESTS_QUEUED_MAX: usize = 1024;

/// Requests to the state machine of one partition (groups, transactions) that wait for their turn.
pub const SHARD_REQUESTS_QUEUED_MAX: usize = 4096;

/// Producers that are known to have a transaction open, of each partition led here.
pub const TRANSACTION_WRITERS_KNOWN_MAX: usize = 65_536;

/// Batches of one producer for one partition that wait until it is known whether they may be written.
pub const FIRST_WRITES_WAITING_MAX: usize = 64;

/// Transactional ids of which it is known on which connection somebody speaks for them.
pub const SPEAKERS_KNOWN_MAX: usize = 65_536;

/// Transactions of one coordinator whose markers are written at the same time.
pub const TRANSACTIONS_COMPLETED_AT_ONCE_MAX: usize = 10_000;

/// How long to rest before what completes a transaction is tried again.
pub const TRANSACTION_RETRY: Duration = Duration::from_millis(50);

/// How long the start, and the first question about a group or a transaction, wait for them to be loaded. They
/// say that they are being loaded to who asks earlier, and clients ask again.
pub const SHARDS_SETTLE_MAX: Duration = Duration::from_secs(1);

/// How long a producer that came to the wrong broker is kept when it is not known who leads.
pub const LEADER_KNOWN_MAX: Duration = Duration::from_millis(300);

/// How long an answer about new partitions waits for them to be open, at most. They are created by
/// then; what is not open yet answers NOT_LEADER_OR_FOLLOWER for a moment.
pub const CREATION_SETTLE_MAX: Duration = Duration::from_secs(10);

/// How long a metadata request of a client waits for the topics that it creates on the way.
pub const AUTO_CREATION_MAX: Duration = Duration::from_secs(5);

/// How long a change of configurations waits to be committed, at most. The request has no bound of
/// its own.
pub const ALTER_CONFIGS_MAX: Duration = Duration::from_secs(30);

/// How often files of deleted logs, idle logs and free space are looked after.
pub const TIDY_INTERVAL: Duration = Duration::from_secs(5);

/// Partitions that retention looks at, at the same time.
pub const RETENTION_AT_ONCE_MAX: usize = 4;

/// How long the start waits for the node's partitions to be open before it serves the others.
pub const START_SETTLE_MAX: Duration = Duration::from_secs(30);

/// Segment and index files that are mapped at once; Linux allows a process 65,530 mappings.
pub const MAPPED_FILES_MAX: usize = 16 * 1024;

/// Free space below which produces are refused, so that retention and deletion can still work.
pub const DISK_RESERVE_BYTES: u64 = 64 << 20;

/// How long a question about the metadata waits for somebody to lead it.
pub const METADATA_LEADER_MAX: Duration = Duration::from_secs(2);

/// How often it is looked again for a leader, besides whenever one says that it leads.
pub const LEADER_LOOK: Duration = Duration::from_millis(100);

/// How long an answer that another broker decided waits until this broker's image shows it.
pub const METADATA_SHOWN_MAX: Duration = Duration::from_secs(5);

/// Largest message between brokers that is no batch of a client: those are bounded by
/// `socket.request.max.bytes`.
pub const PEER_FRAME_BYTES_MAX: usize = 16 << 20;

/// Preferred leaders that one request has elected at the same time.
pub const ELECTIONS_AT_ONCE_MAX: usize = 64;

/// How long an unregistration and the removal of a voter wait to be done, at most. The requests have no
/// bound of their own.
pub const QUORUM_CHANGE_MAX: Duration = Duration::from_secs(30);

/// How often it is looked whether a broker that is to vote on the metadata does, while somebody waits.
pub const VOTERS_LOOK: Duration = Duration::from_millis(50);

/// How long the answer to a cancelled reassignment waits for what had begun to be undone.
pub const CANCELLED_SETTLE_MAX: Duration = Duration::from_secs(10);
