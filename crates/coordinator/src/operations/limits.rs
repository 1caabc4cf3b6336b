//! Bounds that have no setting in Kafka.

/// How long a member that never got an answer is kept. It does not know its id, so its silence
/// says nothing; if it is still there it will ask again.
pub(super) const NEW_MEMBER_JOIN_TIMEOUT_MS: i64 = 5 * 60 * 1000;

/// Most member ids of one group that are given out and not used: an asker that never comes back
/// costs memory for a session timeout. It is not `group.max.size`, because askers that never come
/// back must not keep out of a small group those that would.
pub const PENDING_MEMBERS_MAX: usize = 10_000;

/// How soon a round of expiry goes on that found more than one batch holds.
pub(super) const RETENTION_CONTINUES_AFTER_MS: i64 = 1_000;

/// How soon at the earliest a rebalance is looked at again that nobody joined, whatever rebalance
/// timeout the members gave: it may be 0.
pub(super) const JOIN_RETRY_MS_MIN: i64 = 1_000;
