//! What passes through openraft: proposals in, entries through, headers out.
//!
//! An entry has four lives. On the leader a proposal carries its ticket and gets its offset in the
//! log's `append`; on a follower it arrives whole. From then on it is only read back: as a header
//! for the state machine, or whole for followers.

use std::fmt;
use std::ops::Range;

use openraft::entry::{RaftEntry, RaftPayload};
use ottla_protocol::records::CheckedBatch;
use ottla_storage::{CheckedFrame, Condition, EntryMeta, Frame, LogId, Private};

use crate::codec::decode_membership;
use crate::ticket::{AppendError, TicketSender};
use crate::types::{CommittedLeaderId, Directory, Member, Membership, RaftLogId, log_id, raft_id};

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
    /// One index of a gap, from the leader or for a follower.
    Gap(GapPart),
    /// Appended; its header, for applying.
    Header(EntryMeta),
    /// Appended; all of it, for a follower.
    Frame(Frame),
}

/// Of entries that compaction has removed Raft has to be told one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GapPart {
    /// The Kafka offsets of all that was removed, as whoever tells it knows.
    pub(crate) offsets: Range<i64>,
}

/// Runs of entries, each of one gap, or of one entry that is none.
pub(crate) fn runs(entries: impl IntoIterator<Item = Entry>) -> impl Iterator<Item = (Entry, u32)> {
    let mut entries = entries.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = entries.next()?;
        let mut count = 1;
        if let Payload::Gap(part) = &first.payload {
            let same = |next: &Entry| matches!(&next.payload, Payload::Gap(it) if it == part);
            while entries
                .next_if(|next| next.leader == first.leader && same(next))
                .is_some()
            {
                count += 1;
            }
        }
        Some((first, count))
    })
}

/// The entries of a gap, one for each index.
pub(crate) fn parts_of_gap(
    id: LogId,
    indexes: u32,
    offsets: Range<i64>,
) -> impl Iterator<Item = Entry> {
    let indexes = id.index..id.index + u64::from(indexes);
    indexes.map(move |index| {
        let offsets = offsets.clone();
        Entry::new(
            raft_id(LogId { index, ..id }),
            Payload::Gap(GapPart { offsets }),
        )
    })
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
            Payload::Blank | Payload::Proposed(_) | Payload::Gap(_) | Payload::Header(_) => None,
        }
    }
}

/// Whoever reads frames checks that those with members can be read.
fn membership_in(private: Private) -> Option<Membership> {
    match private {
        Private::Membership(members) => decode_membership(&members).ok(),
        Private::Blank | Private::LogStart { .. } | Private::Void | Private::Gap => None,
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
            Payload::Gap(part) => write!(f, "gap of offsets {:?}", part.offsets),
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
