//! One member of a group, as its leader sees it.

use bytes::Bytes;
use ottla_statemachine::Ticket;

use crate::record::MemberMetadata;

/// A protocol that a member speaks, and what it says in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name: for consumers, that of an assignor.
    pub name: String,
    /// What the member tells the one who assigns.
    pub metadata: Bytes,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name that it gave itself, if it is a static member.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// Where its client is.
    pub client_host: String,
    /// How long it may take to join again.
    pub rebalance_timeout_ms: i32,
    /// How long it may be silent.
    pub session_timeout_ms: i32,
    /// What it speaks, best first; no name twice.
    pub protocols: Vec<Protocol>,
    /// What the leader of the generation gave it.
    pub assignment: Bytes,
    /// Which of its requests is not answered yet.
    pub waiting: Waiting,
    /// Whether it never got an answer to a join: it does not know its id and cannot send heartbeats.
    pub is_new: bool,
}

/// What a member waits for. It has one request at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing.
    No,
    /// That all others have joined.
    Join(Ticket),
    /// That the leader has assigned.
    Sync(Ticket),
}

impl Member {
    /// The member that the log describes. It spoke more protocols than the chosen one perhaps; the
    /// log does not say.
    pub(super) fn loaded(protocol: &str, from: &MemberMetadata) -> Self {
        let rebalance_timeout_ms = match from.rebalance_timeout_ms {
            -1 => from.session_timeout_ms,
            given => given,
        };
        Self {
            instance_id: from.instance_id.clone(),
            client_id: from.client_id.clone(),
            client_host: from.client_host.clone(),
            rebalance_timeout_ms,
            session_timeout_ms: from.session_timeout_ms,
            protocols: vec![Protocol {
                name: protocol.to_owned(),
                metadata: from.subscription.clone(),
            }],
            assignment: from.assignment.clone(),
            waiting: Waiting::No,
            is_new: false,
        }
    }

    /// Whether it waits for the end of the join phase.
    pub fn has_joined(&self) -> bool {
        matches!(self.waiting, Waiting::Join(_))
    }

    /// Whether its silence is no reason to remove it. One that waits for us cannot be blamed,
    /// unless it is new: of those nobody knows whether they are still there.
    pub fn is_excused(&self) -> bool {
        !self.is_new && self.waiting != Waiting::No
    }

    /// What it says in a protocol.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        let spoken = self.protocols.iter().find(|spoken| spoken.name == protocol);
        spoken
            .map(|spoken| spoken.metadata.clone())
            .unwrap_or_default()
    }

    pub(super) fn speaks(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|spoken| spoken.name == protocol)
    }
}
