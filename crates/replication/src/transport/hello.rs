//! The first frame in each direction: who is who.
//!
//! Both are frames of [`ottla_protocol::frame`], big-endian:
//!
//! | bytes | who dials | | bytes | who answers |
//! |---|---|---|---|---|
//! | 8 | `OTTLAPR2` | | 8 | `OTTLAPR2` |
//! | 1 | lane: 0 data, 1 control | | 1 | 0 welcome; else the reason, see [`Verdict`] |
//! | 4 | node that is meant | | 4 | node id |
//! | 4 | node id | | 16 | id of its log directory |
//! | 16 | id of its log directory | | 8 | starts on it, this one among them |
//! | 8 | starts on it | | 16 | incarnation: one run of its process |
//! | 16 | incarnation | | rest | cluster id, UTF-8 |
//! | rest | cluster id, UTF-8 | | | |

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_protocol::frame::SIZE_BYTES;
use ottla_protocol::types::NodeId;
use uuid::Uuid;

const MAGIC: [u8; 8] = *b"OTTLAPR2";

/// Who a broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster it belongs to.
    pub cluster_id: Arc<str>,
    /// Its number.
    pub node: NodeId,
    /// Its log directory; another one under the same number is an emptied or swapped disk.
    pub directory: Uuid,
    /// How often a broker was started on that, this run among them.
    pub starts: u64,
    /// This run of its process.
    pub incarnation: Uuid,
}

/// The latest run of a broker that the cluster has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its log directory.
    pub directory: Uuid,
    /// Which start on that it was; 0 if starts were not counted yet.
    pub starts: u64,
    /// The run of its process.
    pub incarnation: Uuid,
}

impl Run {
    /// Whether somebody runs on an older copy of the log directory.
    pub(super) fn is_newer_than(&self, found: &Identity) -> bool {
        let is_same = self.starts == found.starts && self.incarnation == found.incarnation;
        self.directory == found.directory
            && self.starts != 0
            && self.starts >= found.starts
            && !is_same
    }
}

/// A peer as it named itself on a connection that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Its number.
    pub node: NodeId,
    /// Its log directory.
    pub directory: Uuid,
    /// That run of its process.
    pub incarnation: Uuid,
}

/// What a connection is for. Large frames of one do not delay the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Entries and snapshots.
    Data,
    /// Votes, heartbeats, questions.
    Control,
}

impl Lane {
    /// Both.
    pub const ALL: [Lane; 2] = [Lane::Data, Lane::Control];
}

/// What who answers thinks of who dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Welcome,
    OtherCluster,
    OtherNode,
    SameNode,
    OtherDirectory,
    OlderDirectory,
}

impl Verdict {
    const ALL: [Verdict; 6] = [
        Verdict::Welcome,
        Verdict::OtherCluster,
        Verdict::OtherNode,
        Verdict::SameNode,
        Verdict::OtherDirectory,
        Verdict::OlderDirectory,
    ];

    fn code(self) -> u8 {
        self as u8
    }
}

/// What who dials says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) lane: Lane,
    pub(super) to: NodeId,
    pub(super) from: Identity,
}

/// What who was dialled says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Welcome {
    pub(super) verdict: Verdict,
    pub(super) from: Identity,
}

impl From<&Identity> for Remote {
    fn from(identity: &Identity) -> Remote {
        Remote {
            node: identity.node,
            directory: identity.directory,
            incarnation: identity.incarnation,
        }
    }
}

impl Hello {
    pub(super) fn encode(&self) -> Bytes {
        let mut body = BytesMut::new();
        body.put_slice(&MAGIC);
        body.put_u8(match self.lane {
            Lane::Data => 0,
            Lane::Control => 1,
        });
        body.put_i32(self.to.0);
        put_identity(&mut body, &self.from);
        sized(&body)
    }

    /// `None` if it is no greeting of this version.
    pub(super) fn decode(mut from: &[u8]) -> Option<Hello> {
        check_magic(&mut from)?;
        let lane = match from.try_get_u8().ok()? {
            0 => Lane::Data,
            1 => Lane::Control,
            _ => return None,
        };
        let to = NodeId(from.try_get_i32().ok()?);
        let from = get_identity(from)?;
        Some(Hello { lane, to, from })
    }

    /// What `me` thinks of it, who knows the node's log directory, if it has only one, and its latest run.
    pub(super) fn judge(&self, me: &Identity, known: Option<Uuid>, latest: Option<Run>) -> Verdict {
        if self.from.cluster_id != me.cluster_id {
            Verdict::OtherCluster
        } else if self.to != me.node {
            Verdict::OtherNode
        } else if self.from.node == me.node {
            Verdict::SameNode
        } else if known.is_some_and(|known| known != self.from.directory) {
            Verdict::OtherDirectory
        } else if latest.is_some_and(|latest| latest.is_newer_than(&self.from)) {
            Verdict::OlderDirectory
        } else {
            Verdict::Welcome
        }
    }
}

impl Welcome {
    pub(super) fn encode(&self) -> Bytes {
        let mut body = BytesMut::new();
        body.put_slice(&MAGIC);
        body.put_u8(self.verdict.code());
        put_identity(&mut body, &self.from);
        sized(&body)
    }

    /// `None` if it is no answer of this version.
    pub(super) fn decode(mut from: &[u8]) -> Option<Welcome> {
        check_magic(&mut from)?;
        let code = from.try_get_u8().ok()?;
        let verdict = Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.code() == code)?;
        let from = get_identity(from)?;
        Some(Welcome { verdict, from })
    }
}

fn sized(body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(SIZE_BYTES + body.len());
    frame.put_i32(i32::try_from(body.len()).expect("a greeting is short"));
    frame.put_slice(body);
    frame.freeze()
}

fn check_magic(from: &mut &[u8]) -> Option<()> {
    *from = from.strip_prefix(&MAGIC)?;
    Some(())
}

fn put_identity(to: &mut BytesMut, identity: &Identity) {
    to.put_i32(identity.node.0);
    to.put_u128(identity.directory.as_u128());
    to.put_u64(identity.starts);
    to.put_u128(identity.incarnation.as_u128());
    to.put_slice(identity.cluster_id.as_bytes());
}

fn get_identity(mut from: &[u8]) -> Option<Identity> {
    Some(Identity {
        node: NodeId(from.try_get_i32().ok()?),
        directory: Uuid::from_u128(from.try_get_u128().ok()?),
        starts: from.try_get_u64().ok()?,
        incarnation: Uuid::from_u128(from.try_get_u128().ok()?),
        cluster_id: std::str::from_utf8(from).ok()?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(cluster: &str, node: i32) -> Identity {
        Identity {
            cluster_id: cluster.into(),
            node: NodeId(node),
            directory: Uuid::from_u128(3),
            starts: 5,
            incarnation: Uuid::from_u128(4),
        }
    }

    #[test]
    fn greetings_round_trip_and_nothing_shorter_is_one() {
        let hello = Hello {
            lane: Lane::Control,
            to: NodeId(2),
            from: identity("kraft", 1),
        };
        let bytes = hello.encode();
        assert_eq!(Hello::decode(&bytes[SIZE_BYTES..]), Some(hello));
        let welcome = Welcome {
            verdict: Verdict::SameNode,
            from: identity("kraft", 1),
        };
        let answer = welcome.encode();
        assert_eq!(Welcome::decode(&answer[SIZE_BYTES..]), Some(welcome));
        for cut in 0..answer.len() - SIZE_BYTES - 5 {
            assert_eq!(Welcome::decode(&answer[SIZE_BYTES..SIZE_BYTES + cut]), None);
        }
    }

    #[test]
    fn who_is_welcome() {
        let me = identity("ours", 2);
        let judge = |cluster, from, to| {
            let from = identity(cluster, from);
            let lane = Lane::Data;
            let to = NodeId(to);
            let known = Some(Uuid::from_u128(3));
            Hello { lane, to, from }.judge(&me, known, None)
        };
        assert_eq!(judge("ours", 1, 2), Verdict::Welcome);
        assert_eq!(judge("theirs", 1, 2), Verdict::OtherCluster);
        assert_eq!(judge("ours", 1, 3), Verdict::OtherNode);
        assert_eq!(judge("ours", 2, 2), Verdict::SameNode);
    }

    #[test]
    fn an_older_copy_of_a_log_directory_is_not_welcome() {
        let me = identity("ours", 2);
        let hello = Hello {
            lane: Lane::Data,
            to: NodeId(2),
            from: identity("ours", 1),
        };
        let judge = |directory, starts, incarnation| {
            let latest = Run {
                directory: Uuid::from_u128(directory),
                starts,
                incarnation: Uuid::from_u128(incarnation),
            };
            hello.judge(&me, None, Some(latest))
        };
        // It has come back, is still there, or has been there under another number of its disk.
        assert_eq!(judge(3, 4, 9), Verdict::Welcome);
        assert_eq!(judge(3, 5, 4), Verdict::Welcome);
        assert_eq!(judge(8, 7, 9), Verdict::Welcome);
        // Starts were not counted.
        assert_eq!(judge(3, 0, 9), Verdict::Welcome);
        assert_eq!(judge(3, 5, 9), Verdict::OlderDirectory);
        assert_eq!(judge(3, 6, 9), Verdict::OlderDirectory);
    }
}
