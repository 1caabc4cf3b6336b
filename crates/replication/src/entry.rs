//! What passes through openraft: proposals in, entries through, headers out.
//!
//! An entry has four lives. On the leader a proposal carries its ticket and gets its offset in the
//! log's `append`; on a follower it arrives whole. From then on it is only read back: as a header
//! for the state machine, or whole for followers.

use std::fmt;

use openraft::entry::{RaftEntry, RaftPayload};
use ottla_protocol::records::CheckedBatch;
use ottla_storage::{CheckedFrame, Condition, EntryMeta, Frame, LogId, Private};

use crate::codec::decode_membership;
use crate::ticket::{AppendError, TicketSender};
use crate::types::{CommittedLeaderId, Directory, Member, Membership, RaftLogId, log_id};

/// What a leader is asked to append. Dropping it fails its ticket.
#[derive(Debug)]
pub(crate) enum Proposal {
    /// Records.
    Batch {
        /// Offset and epoch are not assigned yet.
        batch: CheckedBatch,
        /// Void the batch unless this holds when its turn comes.
        condition: Option<Condition>,
        /// Who waits.
        ticket: TicketSender,
    },
    /// Raise the log start offset.
    LogStart {
        /// The new log start offset.
        offset: i64,
        /// Who waits.
        ticket: TicketSender,
    },
}

impl Proposal {
    /// Answers whoever waits that it is not appended.
    pub(crate) fn refuse(self, error: AppendError) {
        let (Proposal::Batch { ticket, .. } | Proposal::LogStart { ticket, .. }) = self;
        ticket.answer(Err(error));
    }
}

/// The content of an entry.
#[derive(Debug)]
pub(crate) enum Payload {
    /// The first entry of a term.
    Blank,
    /// The group's members.
    Membership(Membership),
    /// Not appended yet.
    Proposed(Proposal),
    /// From the leader, not appended yet.
    Received(CheckedFrame),
    /// Appended; its header, for applying.
    Header(EntryMeta),
    /// Appended; all of it, for a follower.
    Frame(Frame),
}

/// An entry of a group's log.
#[derive(Debug)]
pub(crate) struct Entry {
    leader: CommittedLeaderId,
    index: u64,
    pub(crate) payload: Payload,
}

impl Entry {
    /// Its id as the log writes it.
    pub(crate) fn id(&self) -> LogId {
        log_id(&RaftLogId::new(self.leader, self.index))
    }
}

impl RaftEntry for Entry {
    type CommittedLeaderId = CommittedLeaderId;
    type Payload = Payload;

    fn new(id: RaftLogId, payload: Payload) -> Entry {
        Entry {
            leader: id.leader_id,
            index: id.index,
            payload,
        }
    }

    fn log_id_parts(&self) -> (&CommittedLeaderId, u64) {
        (&self.leader, self.index)
    }

    fn set_log_id(&mut self, id: RaftLogId) {
        (self.leader, self.index) = (id.leader_id, id.index);
    }

    fn get_membership(&self) -> Option<Membership> {
        self.payload.get_membership()
    }
}

impl RaftPayload for Payload {
    type D = Proposal;
    type NodeId = Member;
    type Node = Directory;

    fn blank() -> Payload {
        Payload::Blank
    }

    fn with_normal(self, proposal: Proposal) -> Payload {
        Payload::Proposed(proposal)
    }

    fn with_membership(self, membership: Membership) -> Payload {
        Payload::Membership(membership)
    }

    fn get_membership(&self) -> Option<Membership> {
        match self {
            Payload::Membership(membership) => Some(membership.clone()),
            Payload::Received(frame) => membership_in(frame.private()?),
            Payload::Frame(frame) => membership_in(frame.as_private()?.ok()?.1),
            Payload::Blank | Payload::Proposed(_) | Payload::Header(_) => None,
        }
    }
}

/// Whoever reads frames checks that those with members can be read.
fn membership_in(private: Private) -> Option<Membership> {
    match private {
        Private::Membership(members) => decode_membership(&members).ok(),
        Private::Blank | Private::LogStart { .. } | Private::Void => None,
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proposal::Batch { batch, .. } => {
                write!(f, "batch of {} bytes", batch.batch().size_bytes())
            }
            Proposal::LogStart { offset, .. } => write!(f, "log start {offset}"),
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Blank => f.write_str("blank"),
            Payload::Membership(membership) => write!(f, "membership {membership}"),
            Payload::Proposed(proposal) => proposal.fmt(f),
            Payload::Received(frame) => write!(f, "frame {}", frame.id()),
            Payload::Header(meta) => write!(f, "header {meta:?}"),
            Payload::Frame(frame) => write!(f, "frame at offset {}", frame.header.base_offset),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}: {}", self.leader, self.index, self.payload)
    }
}
