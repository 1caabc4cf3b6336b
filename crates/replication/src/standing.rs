//! What a node has a replica do about its group's leadership. All of it is asked of Raft, which
//! decides; nobody waits for the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use openraft::raft::VoteRequest;
use openraft::vote::RaftTerm;
use ottla_protocol::types::NodeId;

use crate::cluster::{Members, ReplicaKey, Step};
use crate::groups::LEASE_MS;
use crate::partition::Partition;
use crate::shared::members_of;
use crate::types::{Directory, Member, RaftLogId, Term, Vote, raft_id};

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
    pub(crate) async fn found(&self, members: &[ReplicaKey]) {
        if let Err(reason) = self.raft.initialize(nodes(members)).await {
            tracing::debug!(log = %self.log().identity(), %reason, "not founded");
        }
    }

    /// Stands for election, if the others would vote for it.
    pub(crate) async fn stand(&self) {
        if self.is_stuck_handing_over() {
            self.give_up_leading().await;
        }
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
        if !self.voters().contains(&node) {
            return;
        }
        self.shared.hands_over();
        if let Err(reason) = self.raft.trigger().transfer_leader(Member(node.0)).await {
            tracing::debug!(log = %self.log().identity(), %reason, "did not hand over");
        }
    }

    /// Whether this leader was asked to hand over, and leads still after the time that this takes.
    pub(crate) fn is_stuck_handing_over(&self) -> bool {
        let handing_over_for = self.shared.handing_over_for();
        handing_over_for.is_some_and(|time| time > Duration::from_millis(LEASE_MS))
    }

    /// Has a leader whose successor did not take over follow again, so that it can stand.
    ///
    /// While it hands over it tells its followers nothing: not even that a power cut has taken from the
    /// successor's log what it has. It gives the next term's vote to another replica, which does not know
    /// of it; if it stands in that term, whoever else votes looks at its log as always.
    async fn give_up_leading(&self) {
        let voters = self.voters();
        let Some(other) = voters.iter().find(|node| Member(node.0) != self.shared.me) else {
            return;
        };
        let term = Term(self.leader_epoch()).next();
        let vote = Vote::new(term, Member(other.0));
        let last = self.log().state().last;
        let mut request = VoteRequest::new(vote, last.map(raft_id));
        request.leadership_transfer = true;
        match self.raft.vote(request).await {
            Ok(_) => {
                tracing::info!(log = %self.log().identity(), "nobody took over: leads no more, stands again")
            }
            Err(reason) => tracing::debug!(log = %self.log().identity(), %reason, "leads on"),
        }
    }

    /// Who has the group's log, by the leader's newest word, committed or not.
    pub(crate) fn members(&self) -> Members {
        let metrics = self.raft.server_metrics();
        let membership = Arc::clone(&metrics.borrow_watched().membership_config);
        members_of(membership.membership())
    }

    /// Whether this broker leads the group and has committed that these are its members, all of
    /// whom vote.
    pub fn is_held_by(&self, voters: &[ReplicaKey]) -> bool {
        // A leader that knows all that was committed before has applied who is in the group.
        self.is_leader() && self.shared.members().are(&Members::new(voters, &[]))
    }

    /// Has the group's members change by a step. Only its leader can.
    pub(crate) async fn change_members(&self, step: Step) {
        let group = self.log().identity();
        // A leader whose lease is old refuses.
        if !self.confirm_leading().await {
            return;
        }
        let members = |nodes: &BTreeSet<NodeId>| nodes.iter().map(|node| Member(node.0)).collect();
        let changed = match &step {
            Step::Learn(key) => {
                let (member, directory) = (Member(key.node.0), Directory(key.directory));
                self.raft.add_learner(member, directory, false).await
            }
            Step::HandOver(node) => return self.transfer_to(*node).await,
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

    /// Resolves when so many replicas, this one among them, have all that is in the log here now;
    /// `false` if this one leads no more.
    pub async fn replicated_to(&self, count: usize) -> bool {
        let next_index = self.log().state().next_index;
        let mut metrics = self.raft.metrics();
        loop {
            let held = {
                let metrics = metrics.borrow_watched();
                let replicas = metrics.replication.iter().flatten();
                let has_all = |(_, matched): &(_, &Option<RaftLogId>)| {
                    matched.as_ref().map_or(0, |id| id.index + 1) >= next_index
                };
                replicas.filter(has_all).count()
            };
            if held >= count {
                return true;
            }
            if !self.is_leader() || metrics.changed().await.is_err() {
                return false;
            }
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

/// Members as openraft is told them.
pub(crate) fn nodes(members: &[ReplicaKey]) -> BTreeMap<Member, Directory> {
    let node = |key: &ReplicaKey| (Member(key.node.0), Directory(key.directory));
    members.iter().map(node).collect()
}
