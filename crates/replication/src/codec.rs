//! The bytes of what openraft asks to be kept: a group's members and its vote.
//!
//! Members (inside a raft-only frame) and vote (in the vote file), big-endian:
//!
//! | bytes | members | | bytes | vote |
//! |---|---|---|---|---|
//! | 1 | version, 1 | | 1 | version, 1 |
//! | 2 | number of configs (2 while joint) | | 4 | term |
//! | per config | 2: count, then 4 each: voters | | 4 | node voted for |
//! | 2 | number of nodes, learners included | | 1 | 1 once that node is known to lead |
//! | 4 each | nodes | | | |

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::vote::RaftVote;

use crate::types::{LeaderId, Member, Membership, Term, Vote};

const VERSION: u8 = 1;
/// More members than any group may have; bounds what a damaged frame can ask for.
const MEMBERS_MAX: usize = 1024;

pub(crate) fn encode_membership(membership: &Membership) -> Bytes {
    let mut to = BytesMut::new();
    to.put_u8(VERSION);
    put_count(&mut to, membership.get_joint_config().len());
    for config in membership.get_joint_config() {
        put_members(&mut to, &config.iter().copied().collect::<Vec<_>>());
    }
    let nodes: Vec<Member> = membership.nodes().map(|(member, ())| *member).collect();
    put_members(&mut to, &nodes);
    to.freeze()
}

/// # Errors
/// Another version, or bytes that do not add up.
pub(crate) fn decode_membership(mut from: &[u8]) -> io::Result<Membership> {
    check_version(&mut from)?;
    let configs = get_count(&mut from)?;
    let configs = (0..configs)
        .map(|_| Ok(get_members(&mut from)?.into_iter().collect::<BTreeSet<_>>()))
        .collect::<io::Result<Vec<_>>>()?;
    let nodes: BTreeMap<Member, ()> = get_members(&mut from)?
        .into_iter()
        .map(|member| (member, ()))
        .collect();
    if !from.is_empty() {
        return Err(damaged("bytes left over"));
    }
    // What a leader appended is a valid configuration; the suite also appends empty ones.
    Ok(Membership::new_with_defaults(configs, nodes.into_keys()))
}

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let mut to = BytesMut::with_capacity(10);
    to.put_u8(VERSION);
    to.put_i32(vote.leader_id().term.0);
    to.put_i32(vote.leader_id().voted_for.0);
    to.put_u8(u8::from(vote.is_committed()));
    to.freeze()
}

/// # Errors
/// Another version, or bytes that do not add up.
pub(crate) fn decode_vote(mut from: &[u8]) -> io::Result<Vote> {
    check_version(&mut from)?;
    if from.len() != 9 {
        return Err(damaged("a vote has 10 bytes"));
    }
    let leader_id = LeaderId {
        term: Term(from.get_i32()),
        voted_for: Member(from.get_i32()),
    };
    Ok(Vote::from_leader_id(leader_id, from.get_u8() == 1))
}

fn put_members(to: &mut BytesMut, members: &[Member]) {
    put_count(to, members.len());
    members.iter().for_each(|member| to.put_i32(member.0));
}

fn put_count(to: &mut BytesMut, count: usize) {
    to.put_u16(u16::try_from(count).expect("groups have at most 1024 members"));
}

fn get_members(from: &mut &[u8]) -> io::Result<Vec<Member>> {
    let count = get_count(from)?;
    if from.len() < count * 4 {
        return Err(damaged("members cut off"));
    }
    Ok((0..count).map(|_| Member(from.get_i32())).collect())
}

fn get_count(from: &mut &[u8]) -> io::Result<usize> {
    if from.len() < 2 {
        return Err(damaged("count cut off"));
    }
    match usize::from(from.get_u16()) {
        count if count <= MEMBERS_MAX => Ok(count),
        _ => Err(damaged("too many members")),
    }
}

fn check_version(from: &mut &[u8]) -> io::Result<()> {
    match from.split_first() {
        Some((&VERSION, rest)) => {
            *from = rest;
            Ok(())
        }
        _ => Err(damaged("unknown version")),
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("raft state: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: &[i32]) -> BTreeSet<Member> {
        members.iter().copied().map(Member).collect()
    }

    #[test]
    fn memberships_round_trip() {
        for configs in [vec![], vec![set(&[1])], vec![set(&[1, 2, 3]), set(&[2, 3, 4])]] {
            let membership = Membership::new_with_defaults(configs, [Member(9)]);
            let bytes = encode_membership(&membership);
            assert_eq!(decode_membership(&bytes).unwrap(), membership);
            for cut in 0..bytes.len() {
                assert!(decode_membership(&bytes[..cut]).is_err());
            }
        }
    }

    #[test]
    fn votes_round_trip() {
        for committed in [false, true] {
            let leader_id = LeaderId {
                term: Term(7),
                voted_for: Member(-3),
            };
            let vote = Vote::from_leader_id(leader_id, committed);
            assert_eq!(decode_vote(&encode_vote(&vote)).unwrap(), vote);
        }
        assert!(decode_vote(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(decode_vote(&[1, 0]).is_err());
    }
}
