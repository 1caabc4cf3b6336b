//! What names a log, and positions in it.

use std::fmt;

use uuid::Uuid;

/// A place in the Raft log. Ordered by term, then index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// Raft term; Kafka's leader epoch.
    pub term: i32,
    /// Raft index; the first frame of a partition has 0.
    pub index: u64,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// Which partition a log belongs to. A folder that belongs to another is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Topic id; a topic created anew under an old name has another.
    pub topic_id: Uuid,
    /// Partition number.
    pub partition: i32,
    /// Raft group id, issued once and never reused.
    pub group_id: u64,
}

impl Identity {
    /// A number that no other log has, with overwhelming probability.
    pub(crate) fn fingerprint(&self) -> u128 {
        self.topic_id.as_u128() ^ u128::from(self.group_id)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "topic {} partition {} group {}",
            self.topic_id, self.partition, self.group_id
        )
    }
}
