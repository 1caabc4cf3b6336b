//! What a node has a replica do about its group's leadership. All of it is asked of Raft, which
//! decides; nobody waits for the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use ottla_protocol::types::NodeId;

use crate::cluster::{Members, Step};
use crate::partition::Partition;
use crate::types::Member;

impl Partition {
    /// The leader epoch in which this broker leads and knows all that was committed before.
    pub fn leads_in(&self) -> Option<i32> {
        let now = self.shared.leadership();
        (now.leader == Some(self.shared.me) && now.settled).then_some(now.term)
    }

    /// Resolves as soon as this broker does not lead in that epoch.
    pub async fn deposed(&self, epoch: i32) {
        let me = Some(self.shared.me);
        let mut leadership = self.shared.watch_leadership();
        let deposed = leadership.wait_for(|now| now.leader != me || now.term != epoch);
        // A group that is no more has no leader either.
        let _ = deposed.await;
    }

    /// Founds the group with these members, if it was not founded yet.
    pub(crate) async fn found(&self, members: &[NodeId]) {
        let members: BTreeMap<Member, ()> =
            members.iter().map(|node| (Member(node.0), ())).collect();
        if let Err(reason) = self.raft.initialize(members).await {
            tracing::debug!(log = %self.log().identity(), %reason, "not founded");
        }
    }

    /// Stands for election, if the others would vote for it.
    pub(crate) async fn stand(&self) {
        if let Err(reason) = self.raft.trigger().elect(true).await {
            tracing::debug!(log = %self.log().identity(), %reason, "did not stand");
        }
    }

    /// Whether all that is in the log here is committed and applied.
    pub(crate) fn has_applied_all(&self) -> bool {
        let log = self.log();
        log.read_committed() == log.state().last
    }

    /// Tells the followers that this replica leads, and what is committed.
    pub(crate) async fn tell_followers(&self) {
        if let Err(reason) = self.raft.trigger().heartbeat().await {
            tracing::debug!(log = %self.log().identity(), %reason, "followers were not told");
        }
    }

    /// Hands leadership to another replica, if this one leads and the other has all entries.
    pub async fn transfer_to(&self, node: NodeId) {
        if let Err(reason) = self.raft.trigger().transfer_leader(Member(node.0)).await {
            tracing::debug!(log = %self.log().identity(), %reason, "did not hand over");
        }
    }

    /// Who has the group's log, by the leader's newest word, committed or not.
    pub(crate) fn members(&self) -> Members {
        let metrics = self.raft.server_metrics();
        let membership = Arc::clone(&metrics.borrow_watched().membership_config);
        let membership = membership.membership();
        let voters: BTreeSet<NodeId> = membership.voter_ids().map(|one| NodeId(one.0)).collect();
        let nodes = membership.nodes().map(|(one, ())| NodeId(one.0));
        Members {
            learners: nodes.filter(|node| !voters.contains(node)).collect(),
            voters,
        }
    }

    /// Has the group's members change by a step. Only its leader can.
    pub(crate) async fn change_members(&self, step: Step) {
        let group = self.log().identity();
        let members = |nodes: &BTreeSet<NodeId>| nodes.iter().map(|node| Member(node.0)).collect();
        let changed = match &step {
            Step::Learn(node) => self.raft.add_learner(Member(node.0), (), false).await,
            Step::Vote(voters) => {
                let voters = ChangeMembers::ReplaceAllVoters(members(voters));
                self.raft.change_membership(voters, true).await
            }
            Step::Forget(gone) => {
                let gone = ChangeMembers::RemoveNodes(members(gone));
                self.raft.change_membership(gone, true).await
            }
        };
        match changed {
            Ok(_) => tracing::info!(log = %group, ?step, "the replicas of a partition change"),
            Err(reason) => tracing::debug!(log = %group, ?step, %reason, "no change of replicas"),
        }
    }

    /// How much of the log each follower has, as its leader knows: the index that comes next.
    pub(crate) fn matched(&self) -> Vec<(NodeId, u64)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let followers = metrics.replication.iter().flatten();
        followers
            .filter(|(member, _)| **member != self.shared.me)
            .map(|(member, matched)| {
                let next = matched.as_ref().map_or(0, |id| id.index + 1);
                (NodeId(member.0), next)
            })
            .collect()
    }
}
