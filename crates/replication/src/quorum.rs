//! How far each member of a group has its log, as the group's leader knows.

use std::collections::BTreeMap;

use ottla_protocol::types::NodeId;

use crate::cluster::ReplicaKey;
use crate::partition::Partition;

/// A group as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// In which epoch it leads.
    pub leader_epoch: i32,
    /// Records below are committed.
    pub high_watermark: i64,
    /// Those who vote, the leader among them.
    pub voters: Vec<ReplicaProgress>,
    /// Those who only have the log.
    pub observers: Vec<ReplicaProgress>,
}

/// How far a member has the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaProgress {
    /// Which member.
    pub replica: ReplicaKey,
    /// The offset after the last record that it has, as far as the leader knows.
    pub log_end_offset: i64,
}

impl Partition {
    /// The group, if this broker leads it.
    pub fn quorum(&self) -> Option<Quorum> {
        let leader_epoch = self.leads_in()?;
        let members = self.members();
        let matched: BTreeMap<NodeId, u64> = self.matched().into_iter().collect();
        let high_watermark = self.watermarks().high_watermark;
        let progress = |(node, directory): (&NodeId, &uuid::Uuid)| ReplicaProgress {
            replica: ReplicaKey {
                node: *node,
                directory: *directory,
            },
            log_end_offset: self.end_offset_of(*node, matched.get(node).copied()),
        };
        Some(Quorum {
            leader_epoch,
            high_watermark,
            voters: members.voters.iter().map(progress).collect(),
            observers: members.learners.iter().map(progress).collect(),
        })
    }

    /// The offset after what a member has, whose next index is this.
    fn end_offset_of(&self, node: NodeId, next_index: Option<u64>) -> i64 {
        let state = self.log().state();
        let next_index = match next_index {
            _ if node.0 == self.shared.me.0 => state.next_index,
            Some(next) => next,
            // Nothing was heard of it yet.
            None => return 0,
        };
        if next_index >= state.next_index {
            return state.log_end_offset;
        }
        let last = next_index.checked_sub(1);
        let last = last.and_then(|index| self.log().entry(index));
        last.map_or(0, |entry| entry.next_offset)
    }
}
