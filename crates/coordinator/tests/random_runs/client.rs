//! One consumer that follows the protocol, as far as it is let.

use bytes::Bytes;
use ottla_coordinator::machine::{Input, Reply};
use ottla_coordinator::operations::{
    Heartbeat, JoinGroup, JoinRefused, Joined, MemberAssignment, Protocol, SyncGroup, Synced,
};
use ottla_protocol::ErrorCode;
use ottla_statemachine::rig::Random;
use uuid::Uuid;

pub(crate) const SESSION_MS: i32 = 10_000;
pub(crate) const REBALANCE_MS: i32 = 30_000;

/// What it does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Join,
    Sync(Joined),
    Heartbeat,
    /// Nothing: it waits for an answer.
    Wait,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) group_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) version: i16,
    pub(crate) member_id: String,
    pub(crate) generation: i32,
    pub(crate) next: Next,
    /// The asker whose answer it waits for.
    pub(crate) asker: Option<u64>,
}

impl Client {
    pub(crate) fn new(group_id: &str, instance_id: Option<String>, version: i16) -> Self {
        Self {
            group_id: group_id.to_owned(),
            instance_id,
            version,
            member_id: String::new(),
            generation: -1,
            next: Next::Join,
            asker: None,
        }
    }

    /// Its next request, unless it waits.
    pub(crate) fn request(&self, random: &mut Random) -> Option<Input> {
        Some(match &self.next {
            Next::Wait => return None,
            Next::Join => Input::JoinGroup(self.join(random)),
            Next::Sync(joined) => Input::SyncGroup(self.sync(joined)),
            Next::Heartbeat => Input::Heartbeat(Heartbeat {
                group_id: self.group_id.clone(),
                generation: self.generation,
                member_id: self.member_id.clone(),
                instance_id: self.instance_id.clone(),
            }),
        })
    }

    pub(crate) fn join(&self, random: &mut Random) -> JoinGroup {
        let mut names = vec!["range", "sticky"];
        if random.once_in(4) {
            names.reverse();
        }
        let protocols = names.into_iter().map(|name| Protocol {
            name: name.to_owned(),
            metadata: subscription(random),
        });
        JoinGroup {
            version: self.version,
            group_id: self.group_id.clone(),
            member_id: self.member_id.clone(),
            instance_id: self.instance_id.clone(),
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: REBALANCE_MS,
            protocol_type: "consumer".to_owned(),
            protocols: protocols.collect(),
            member_uuid: Uuid::from_u64_pair(random.any(), random.any()),
        }
    }

    fn sync(&self, joined: &Joined) -> SyncGroup {
        let assignments = joined.members.iter().map(|member| MemberAssignment {
            member_id: member.member_id.clone(),
            assignment: part_of(&member.member_id, joined.generation),
        });
        SyncGroup {
            group_id: self.group_id.clone(),
            generation: joined.generation,
            member_id: self.member_id.clone(),
            instance_id: self.instance_id.clone(),
            protocol_type: joined.protocol_type.clone(),
            protocol: joined.protocol.clone(),
            assignments: if joined.skip_assignment {
                Vec::new()
            } else {
                assignments.collect()
            },
        }
    }

    /// Takes an answer to what it asked.
    pub(crate) fn answer(&mut self, reply: Reply) {
        self.asker = None;
        match reply {
            Reply::JoinGroup(Ok(joined)) => self.has_joined(joined),
            Reply::JoinGroup(Err(refused)) => self.was_refused(refused),
            Reply::SyncGroup(Ok(synced)) => self.has_synced(&synced),
            Reply::SyncGroup(Err(error)) | Reply::Heartbeat(Err(error)) => self.failed(error),
            Reply::Heartbeat(Ok(())) => self.next = Next::Heartbeat,
            other => panic!("not an answer to a client: {other:?}"),
        }
    }

    fn has_joined(&mut self, joined: Joined) {
        assert!(joined.generation > 0);
        if !joined.members.is_empty() {
            let mut members = joined.members.iter();
            assert!(members.any(|member| member.member_id == joined.member_id));
        }
        self.member_id.clone_from(&joined.member_id);
        self.generation = joined.generation;
        self.next = Next::Sync(joined);
    }

    fn was_refused(&mut self, refused: JoinRefused) {
        self.next = Next::Join;
        match refused.error {
            ErrorCode::MemberIdRequired => self.member_id = refused.member_id,
            error => self.failed(error),
        }
    }

    /// An assignment is its own, of the generation that it asked for, or nothing.
    fn has_synced(&mut self, synced: &Synced) {
        let own = part_of(&self.member_id, self.generation);
        let inherits = self.instance_id.is_some();
        let part = &synced.assignment;
        assert!(
            part.is_empty() || *part == own || inherits,
            "{} of generation {} got {part:?}",
            self.member_id,
            self.generation
        );
        self.next = Next::Heartbeat;
    }

    fn failed(&mut self, error: ErrorCode) {
        self.next = Next::Join;
        match error {
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => {
                self.member_id.clear();
                self.generation = -1;
            }
            ErrorCode::IllegalGeneration
            | ErrorCode::RebalanceInProgress
            | ErrorCode::InconsistentGroupProtocol => {}
            other => panic!("{other}"),
        }
    }

    /// It lost its connection: whatever it waited for it will not hear.
    pub(crate) fn reconnect(&mut self) {
        self.asker = None;
        if self.next == Next::Wait {
            self.next = Next::Join;
        }
    }
}

/// What a leader gives a member: it names both, so that nobody can have another's.
fn part_of(member_id: &str, generation: i32) -> Bytes {
    format!("{generation}:{member_id}").into()
}

/// A subscription to one of two topics; now and then something else.
fn subscription(random: &mut Random) -> Bytes {
    match random.below(20) {
        0 => Bytes::from_static(&[9]),
        1..4 => Bytes::from_static(&[0, 0, 0, 0, 0, 1, 0, 1, b'u', 0xff, 0xff, 0xff, 0xff]),
        _ => Bytes::from_static(&[0, 0, 0, 0, 0, 1, 0, 1, b't', 0xff, 0xff, 0xff, 0xff]),
    }
}
