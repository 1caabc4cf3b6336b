//! Records read by clients, by who gave them: this node as the leader of their partition or as one of
//! its followers.

use super::counter::Counter;
use super::page::{Page, Type};

/// What fetches got.
#[derive(Debug, Default)]
pub struct FetchMetrics {
    leader_bytes: Counter,
    follower_bytes: Counter,
    sent_nearer: Counter,
}

impl FetchMetrics {
    /// Records of a partition that this node leads.
    pub fn read_from_leader(&self, bytes: usize) {
        self.leader_bytes.add(bytes as u64);
    }

    /// Records of a partition that another node leads.
    pub fn read_from_follower(&self, bytes: usize) {
        self.follower_bytes.add(bytes as u64);
    }

    /// A consumer was told of a replica nearer to it.
    pub fn sent_nearer(&self) {
        self.sent_nearer.increment();
    }

    pub(super) fn write(&self, page: &mut Page) {
        page.family(
            "ottla_fetched_bytes_total",
            Type::Counter,
            "Bytes of records fetched by clients, by what this node is to their partition.",
        )
        .sample(&[("from", "leader")], self.leader_bytes.get())
        .sample(&[("from", "follower")], self.follower_bytes.get());
        page.counter(
            "ottla_fetches_sent_nearer_total",
            "Partitions of fetches for which a replica nearer to the consumer was named.",
            self.sent_nearer.get(),
        );
    }
}
