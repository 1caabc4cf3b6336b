//! The bytes of what openraft asks to be kept: a group's members and its vote.
//!
//! Members (inside a raft-only frame) and vote (in the vote file), big-endian:
//!
//! | bytes | members | | bytes | vote |
//! |---|---|---|---|---|
//! | 1 | version, 2 | | 1 | version, 1 |
//! | 2 | number of configs (2 while joint) | | 4 | term |
//! | per config | 2: count, then 4 each: voters | | 4 | node voted for |
//! | 2 | number of nodes, learners included | | 1 | 1 once that node is known to lead |
//! | 20 each | node and its log directory; version 1: 4 each, without directories | | | |

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::vote::RaftVote;

use uuid::Uuid;

use crate::types::{Directory, LeaderId, Member, Membership, Term, Vote};

const VOTE_VERSION: u8 = 1;
const MEMBERS_VERSION: u8 = 2;
/// Says nothing of directories.
const MEMBERS_VERSION_OLD: u8 = 1;
/// More members than any group may have; bounds what a damaged frame can ask for.
const MEMBERS_MAX: usize = 1024;

pub(crate) fn encode_membership(membership: &Membership) -> Bytes {
    let mut to = BytesMut::new();
    to.put_u8(MEMBERS_VERSION);
    put_count(&mut to, membership.get_joint_config().len());
    for config in membership.get_joint_config() {
        put_count(&mut to, config.len());
        config.iter().for_each(|member| to.put_i32(member.0));
    }
    put_count(&mut to, membership.nodes().count());
    for (member, directory) in membership.nodes() {
        to.put_i32(member.0);
        to.put_u128(directory.0.as_u128());
    }
    to.freeze()
}

/// # Errors
/// Another version, or bytes that do not add up.
pub(crate) fn decode_membership(mut from: &[u8]) -> io::Result<Membership> {
    let version = get_version(&mut from, &[MEMBERS_VERSION, MEMBERS_VERSION_OLD])?;
    let configs = get_count(&mut from)?;
    let configs = (0..configs)
        .map(|_| Ok(get_members(&mut from)?.into_iter().collect::<BTreeSet<_>>()))
        .collect::<io::Result<Vec<_>>>()?;
    let nodes = match version {
        MEMBERS_VERSION_OLD => {
            let members = get_members(&mut from)?.into_iter();
            members
                .map(|member| (member, Directory::default()))
                .collect()
        }
        _ => get_nodes(&mut from)?,
    };
    if !from.is_empty() {
        return Err(damaged("bytes left over"));
    }
    // What a leader appended is a valid configuration; openraft's suite also appends others.
    let membership = Membership::new(configs.clone(), nodes.clone());
    Ok(membership.unwrap_or_else(|_| Membership::new_with_defaults(configs, nodes.into_keys())))
}

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let mut to = BytesMut::with_capacity(10);
    to.put_u8(VOTE_VERSION);
    to.put_i32(vote.leader_id().term.0);
    to.put_i32(vote.leader_id().voted_for.0);
    to.put_u8(u8::from(vote.is_committed()));
    to.freeze()
}

/// # Errors
/// Another version, or bytes that do not add up.
pub(crate) fn decode_vote(mut from: &[u8]) -> io::Result<Vote> {
    get_version(&mut from, &[VOTE_VERSION])?;
    if from.len() != 9 {
        return Err(damaged("a vote has 10 bytes"));
    }
    let leader_id = LeaderId {
        term: Term(from.get_i32()),
        voted_for: Member(from.get_i32()),
    };
    Ok(Vote::from_leader_id(leader_id, from.get_u8() == 1))
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

fn get_nodes(from: &mut &[u8]) -> io::Result<BTreeMap<Member, Directory>> {
    let count = get_count(from)?;
    if from.len() < count * 20 {
        return Err(damaged("nodes cut off"));
    }
    let mut get = || {
        let member = Member(from.get_i32());
        (member, Directory(Uuid::from_u128(from.get_u128())))
    };
    Ok((0..count).map(|_| get()).collect())
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

fn get_version(from: &mut &[u8], known: &[u8]) -> io::Result<u8> {
    match from.split_first() {
        Some((version, rest)) if known.contains(version) => {
            *from = rest;
            Ok(*version)
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
        let directory = |member: i32| Directory(Uuid::from_u128(member.unsigned_abs().into()));
        for configs in [vec![set(&[1])], vec![set(&[1, 2, 3]), set(&[2, 3, 4])]] {
            let nodes = [1, 2, 3, 4, 9].map(|member| (Member(member), directory(member)));
            let membership = Membership::new(configs, BTreeMap::from(nodes)).unwrap();
            let bytes = encode_membership(&membership);
            assert_eq!(decode_membership(&bytes).unwrap(), membership);
            for cut in 0..bytes.len() {
                assert!(decode_membership(&bytes[..cut]).is_err());
            }
        }
    }

    #[test]
    fn members_of_an_earlier_version_have_no_directories() {
        let bytes = [1, 0, 1, 0, 1, 0, 0, 0, 7, 0, 2, 0, 0, 0, 7, 0, 0, 0, 9];
        let membership = decode_membership(&bytes).unwrap();
        assert!(membership.voter_ids().eq([Member(7)]));
        let nodes = [
            (Member(7), Directory::default()),
            (Member(9), Directory::default()),
        ];
        assert!(membership.nodes().map(|(a, b)| (*a, *b)).eq(nodes));
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
