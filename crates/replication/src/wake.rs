//! Renewing a leader's lease before it is asked to append.
//!
//! An idle group sends nothing, so its leader's lease runs out, and openraft would refuse what is
//! proposed then, perhaps only the first of several batches. So proposals to a leader whose lease
//! is old wait here, in order, until a heartbeat has renewed it.
//!
//! A fresh lease is also the proof that nobody else leads: while it lasts, no majority votes, unless
//! this leader asks it to, for its successor.

use std::collections::VecDeque;
use std::time::Duration;

use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;
use ottla_platform::planted::Planted;
use tokio::time::{Instant, sleep};

use crate::entry::Proposal;
use crate::groups::LEASE_MS;
use crate::partition::Partition;
use crate::ticket::AppendError;

/// Proposals that may wait for a lease.
const WAITING_MAX: usize = 1024;
/// How long a lease may take to be renewed before those who wait are sent away.
const RENEWAL_MAX: Duration = Duration::from_secs(1);
/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(1);

/// Proposals that wait for a lease; none if it is not being renewed.
pub(crate) type Waiting = Option<VecDeque<Proposal>>;

impl Partition {
    /// Hands a proposal to the group, at once if the lease is fresh. Keeps the order of calls.
    pub(crate) fn submit(&self, proposal: Proposal) -> Result<(), AppendError> {
        if self.shared.votes_alone() {
            return self.submit_now(proposal);
        }
        let lease = Duration::from_millis(LEASE_MS);
        let mut waiting = self.shared.waiting.lock();
        match &mut *waiting {
            Some(queue) if queue.len() >= WAITING_MAX => Err(AppendError::Busy),
            Some(queue) => {
                queue.push_back(proposal);
                Ok(())
            }
            None if self.lease_is_fresh(lease) => self.submit_now(proposal),
            None => {
                *waiting = Some([proposal].into());
                let partition = self.clone();
                tokio::spawn(async move { partition.renew(lease).await });
                Ok(())
            }
        }
    }

    /// Whether a majority was heard in the first half of the lease: by our own record of it, which a proof rests on,
    /// and by openraft's, which takes proposals by it and may come to know of an answer a moment later.
    fn lease_is_fresh(&self, lease: Duration) -> bool {
        let metrics = self.raft.metrics();
        let now = metrics.borrow_watched();
        let voters = now.membership_config.membership().get_joint_config();
        let (me, term) = (self.shared.me, now.vote.leader_id.term.0);
        let heard = self.shared.heard.by_majorities(term, me, voters);
        let heard_by_openraft = now.last_quorum_acked.map(|it| it.into_inner());
        heard.is_some_and(|it| it.elapsed() < lease / 2)
            && heard_by_openraft.is_some_and(|it| it.elapsed() < lease / 2)
    }

    /// Whether this replica leads beyond doubt. What it told just before was then true; a deposed
    /// leader that does not know it yet can tell what is old.
    pub fn leads_for_certain(&self) -> bool {
        let lease = Duration::from_millis(LEASE_MS);
        let hands_over = self.shared.handing_over_for().is_some();
        let is_beyond_doubt =
            self.shared.votes_alone() || self.lease_is_fresh(lease) && !hands_over;
        self.is_leader() && (is_beyond_doubt || Planted::WatermarkOfStaleLeader.is_there())
    }

    /// As [`Partition::leads_for_certain`], asking the others if need be, for a second at most.
    pub async fn confirm_leading(&self) -> bool {
        let lease = Duration::from_millis(LEASE_MS);
        self.leads_for_certain() || self.renew_lease(lease).await && self.leads_for_certain()
    }

    async fn renew(&self, lease: Duration) {
        let renewed = self.renew_lease(lease).await;
        let mut waiting = self.shared.waiting.lock();
        for proposal in waiting.take().into_iter().flatten() {
            if renewed {
                // A refusal drops the proposal, which answers its ticket.
                let _ = self.submit_now(proposal);
            } else {
                proposal.refuse(AppendError::NotLeader);
            }
        }
    }

    async fn renew_lease(&self, lease: Duration) -> bool {
        let deadline = Instant::now() + RENEWAL_MAX;
        let mut asked = None;
        while !self.lease_is_fresh(lease) && self.is_leader() && Instant::now() < deadline {
            if asked.is_none_or(|at: Instant| at.elapsed() > lease / 4) {
                asked = Some(Instant::now());
                if self.raft.trigger().heartbeat().await.is_err() {
                    break;
                }
            }
            sleep(LOOK).await;
        }
        self.is_leader() && self.lease_is_fresh(lease)
    }
}
