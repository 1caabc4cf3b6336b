//! What openraft is told: node ids, terms, entries.
//!
//! Terms are `i32` because a term is the partition leader epoch of each batch it appended.

use std::fmt;

use openraft::alias::{LogIdOf, SnapshotMetaOf, StoredMembershipOf, VoteOf};
use openraft::impls::leader_id_std;
use openraft::vote::RaftTerm;
use ottla_storage::LogId;
use uuid::Uuid;

use crate::entry::{Entry, Payload, Proposal};
use crate::state_machine::StateMachine;

/// What groups run on.
#[cfg(not(ottla_sim))]
type Runtime = openraft_rt_tokio::TokioRuntime;
/// The same, without a random source of its own.
#[cfg(ottla_sim)]
pub(crate) type Runtime =
    openraft_rt::deterministic_rng::DeterministicRng<openraft_rt_tokio::TokioRuntime>;

/// The type configuration of every group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Types;

/// A broker as a member of groups: Kafka's node id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member(pub(crate) i32);

/// The log directory of a member; nil where a group of an earlier version does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Directory(pub(crate) Uuid);

/// A Raft term: the leader epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term(pub(crate) i32);

pub(crate) type LeaderId = leader_id_std::LeaderId<Term, Member>;
pub(crate) type CommittedLeaderId = <LeaderId as openraft::vote::RaftLeaderId>::Committed;
pub(crate) type RaftLogId = LogIdOf<Types>;
pub(crate) type Vote = VoteOf<Types>;
pub(crate) type Membership = openraft::Membership<Member, Directory>;
pub(crate) type StoredMembership = StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = SnapshotMetaOf<Types>;
pub(crate) type Raft = openraft::Raft<Types, StateMachine>;

impl openraft::RaftTypeConfig for Types {
    type D = Proposal;
    type R = ();
    type NodeId = Member;
    type Node = Directory;
    type Term = Term;
    type LeaderId = LeaderId;
    type Vote = openraft::Vote<LeaderId>;
    type Payload = Payload;
    type Entry = Entry;
    type Responder<T>
        = openraft::impls::OneshotResponder<Self, T>
    where
        T: Send + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: Send + 'static;
    type AsyncRuntime = Runtime;
    type ErrorSource = openraft::AnyError;
}

impl RaftTerm for Term {
    fn next(&self) -> Term {
        // 2^31 elections of one partition: a term is spent per leader change.
        Term(self.0.checked_add(1).expect("leader epochs do not run out"))
    }

    fn as_u64(&self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// openraft's storage suite makes its own terms and members from small numbers.
impl From<u64> for Term {
    fn from(number: u64) -> Term {
        Term(i32::try_from(number).unwrap_or(i32::MAX))
    }
}

impl From<u64> for Member {
    fn from(number: u64) -> Member {
        Member(i32::try_from(number).unwrap_or(i32::MAX))
    }
}

/// The log's id of an entry, as openraft writes it.
pub(crate) fn raft_id(id: LogId) -> RaftLogId {
    RaftLogId::new(
        CommittedLeaderId {
            term: Term(id.term),
        },
        id.index,
    )
}

/// openraft's id of an entry, as the log writes it.
pub(crate) fn log_id(id: &RaftLogId) -> LogId {
    LogId {
        term: id.leader_id.term.0,
        index: id.index,
    }
}
