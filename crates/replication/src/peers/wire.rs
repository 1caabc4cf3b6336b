//! The bodies of Raft's requests and replies, big-endian; `?` is a byte 0 or 1 that says whether
//! what follows is there.
//!
//! | what | bytes |
//! |---|---|
//! | vote | 4 term, 4 node voted for, 1 whether it is known to lead |
//! | id | 4 term, 8 index |
//! | append | vote, ? id before the first entry, ? id committed, then the entries' frames as they stand in the log, one after the other |
//! | appended | 0; or 1, ? id of the last one taken; or 2: the log is another one; or 3, a higher vote |
//! | vote, pre-vote | vote, ? id of the candidate's last entry, 1 whether the leader hands over |
//! | voted | vote, 1 whether granted, ? id of the voter's last entry |
//! | snapshot | vote, the boundary as it stands in the log directory |
//! | snapshot taken | vote |
//! | transfer | vote of the leader, 4 successor, ? id of the last entry |
//! | frames asked for | 8 index of the first |
//! | frames | as they stand in the log, one after the other |
//! | transferred | 0; or 1, expected vote, actual vote; or 2, ? expected id, ? actual id |

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::entry::RaftEntry;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderError,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::vote::RaftVote;
use ottla_protocol::records::Batch;
use ottla_storage::{Boundary, CheckedFrame, Frame, Private};

use crate::codec::decode_membership;
use crate::entry::{Entry, Payload, parts_of_gap, runs};
use crate::log_store::READ_INDEXES_MAX;
use crate::types::{LeaderId, Member, RaftLogId, Term, Types, Vote, raft_id};

/// Payloads up to this size are copied: a slice of their own would cost more.
const COPIED_BYTES_MAX: usize = 512;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message between brokers makes no sense or is damaged")]
pub(crate) struct Malformed;

impl From<bytes::TryGetError> for Malformed {
    fn from(_: bytes::TryGetError) -> Malformed {
        Malformed
    }
}

type Read<T> = Result<T, Malformed>;

/// # Panics
/// An entry was not read back whole.
pub(super) fn encode_append(request: AppendEntriesRequest<Types>) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut head = BytesMut::with_capacity(128);
    put_vote(&mut head, &request.vote);
    put_id(&mut head, request.prev_log_id.as_ref());
    put_id(&mut head, request.leader_commit.as_ref());
    for (entry, count) in runs(request.entries) {
        let id = entry.id();
        let Frame { header, payload } = match entry.payload {
            Payload::Frame(frame) => frame,
            Payload::Gap(part) => Frame::gap(id, count, part.offsets),
            _ => unreachable!("entries for followers are read whole"),
        };
        head.put_slice(&header.encode());
        if payload.len() <= COPIED_BYTES_MAX {
            head.put_slice(&payload);
        } else {
            parts.push(head.split().freeze());
            parts.push(payload);
        }
    }
    if !head.is_empty() {
        parts.push(head.freeze());
    }
    parts
}

/// Checks every frame, so that nothing damaged reaches a log.
pub(super) fn decode_append(mut from: Bytes) -> Read<AppendEntriesRequest<Types>> {
    let vote = get_vote(&mut from)?;
    let prev_log_id = get_id(&mut from)?;
    let leader_commit = get_id(&mut from)?;
    let first = prev_log_id.as_ref().map_or(0, |id| id.index + 1);
    let mut entries = Vec::new();
    for frame in decode_frames(first, from)? {
        if frame.private() != Some(Private::Gap) {
            entries.push(Entry::new(raft_id(frame.id()), Payload::Received(frame)));
            continue;
        }
        let (id, offsets) = (frame.id(), frame.offsets());
        let indexes = frame.next_index() - id.index;
        if entries.len() as u64 + indexes > READ_INDEXES_MAX {
            return Err(Malformed);
        }
        entries.extend(parts_of_gap(id, indexes as u32, offsets));
    }
    Ok(AppendEntriesRequest {
        vote,
        prev_log_id,
        entries,
        leader_commit,
    })
}

/// Frames that follow each other, as they stand in the log.
pub(crate) fn encode_frames(frames: &[Frame]) -> Bytes {
    let mut to = BytesMut::with_capacity(frames.iter().map(Frame::size_bytes).sum());
    for Frame { header, payload } in frames {
        to.put_slice(&header.encode());
        to.put_slice(payload);
    }
    to.freeze()
}

/// Checks every frame; the first is said to stand at this index.
pub(crate) fn decode_frames(first: u64, mut from: Bytes) -> Read<Vec<CheckedFrame>> {
    let mut frames = Vec::new();
    let mut index = first;
    while !from.is_empty() {
        let batch = Batch::split_from(&mut from).map_err(|_| Malformed)?;
        let frame = CheckedFrame::check(index, batch.into()).map_err(|_| Malformed)?;
        index = frame.next_index();
        if let Some(Private::Membership(members)) = frame.private() {
            decode_membership(&members).map_err(|_| Malformed)?;
        }
        frames.push(frame);
    }
    Ok(frames)
}

pub(super) fn encode_appended(response: &AppendEntriesResponse<Types>) -> Bytes {
    let mut to = BytesMut::with_capacity(16);
    match response {
        AppendEntriesResponse::Success => to.put_u8(0),
        AppendEntriesResponse::PartialSuccess(last) => {
            to.put_u8(1);
            put_id(&mut to, last.as_ref());
        }
        AppendEntriesResponse::Conflict => to.put_u8(2),
        AppendEntriesResponse::HigherVote(vote) => {
            to.put_u8(3);
            put_vote(&mut to, vote);
        }
    }
    to.freeze()
}

pub(super) fn decode_appended(mut from: Bytes) -> Read<AppendEntriesResponse<Types>> {
    Ok(match from.try_get_u8()? {
        0 => AppendEntriesResponse::Success,
        1 => AppendEntriesResponse::PartialSuccess(get_id(&mut from)?),
        2 => AppendEntriesResponse::Conflict,
        3 => AppendEntriesResponse::HigherVote(get_vote(&mut from)?),
        _ => return Err(Malformed),
    })
}

pub(super) fn encode_vote_request(request: &VoteRequest<Types>) -> Bytes {
    let mut to = BytesMut::with_capacity(23);
    put_vote(&mut to, &request.vote);
    put_id(&mut to, request.last_log_id.as_ref());
    to.put_u8(u8::from(request.leadership_transfer));
    to.freeze()
}

pub(super) fn decode_vote_request(mut from: Bytes) -> Read<VoteRequest<Types>> {
    let (vote, last) = (get_vote(&mut from)?, get_id(&mut from)?);
    let mut request = VoteRequest::new(vote, last);
    request.leadership_transfer = get_bool(&mut from)?;
    Ok(request)
}

pub(super) fn encode_voted(response: &VoteResponse<Types>) -> Bytes {
    let mut to = BytesMut::with_capacity(23);
    put_vote(&mut to, &response.vote);
    to.put_u8(u8::from(response.vote_granted));
    put_id(&mut to, response.last_log_id.as_ref());
    to.freeze()
}

pub(super) fn decode_voted(mut from: Bytes) -> Read<VoteResponse<Types>> {
    let vote = get_vote(&mut from)?;
    let granted = get_bool(&mut from)?;
    Ok(VoteResponse::new(vote, get_id(&mut from)?, granted))
}

pub(super) fn encode_snapshot(vote: &Vote, boundary: &Boundary) -> Vec<Bytes> {
    vec![encode_snapshot_taken(vote), boundary.encode()]
}

pub(super) fn decode_snapshot(mut from: Bytes) -> Read<(Vote, Boundary)> {
    let vote = get_vote(&mut from)?;
    let boundary = Boundary::decode(&from).map_err(|_| Malformed)?;
    Ok((vote, boundary))
}

fn encode_snapshot_taken(vote: &Vote) -> Bytes {
    let mut to = BytesMut::with_capacity(9);
    put_vote(&mut to, vote);
    to.freeze()
}

pub(super) fn encode_installed(response: &SnapshotResponse<Types>) -> Bytes {
    encode_snapshot_taken(&response.vote)
}

pub(super) fn decode_installed(mut from: Bytes) -> Read<SnapshotResponse<Types>> {
    Ok(SnapshotResponse::new(get_vote(&mut from)?))
}

pub(super) fn encode_transfer(request: &TransferLeaderRequest<Types>) -> Bytes {
    let mut to = BytesMut::with_capacity(26);
    put_vote(&mut to, request.from_leader());
    to.put_i32(request.to_node_id().0);
    put_id(&mut to, request.last_log_id());
    to.freeze()
}

pub(super) fn decode_transfer(mut from: Bytes) -> Read<TransferLeaderRequest<Types>> {
    let vote = get_vote(&mut from)?;
    let successor = Member(from.try_get_i32()?);
    Ok(TransferLeaderRequest::new(
        vote,
        successor,
        get_id(&mut from)?,
    ))
}

pub(super) fn encode_transferred(response: &TransferLeaderResponse<Types>) -> Bytes {
    let mut to = BytesMut::with_capacity(27);
    match response {
        Ok(()) => to.put_u8(0),
        Err(TransferLeaderError::VoteChanged { expected, actual }) => {
            to.put_u8(1);
            put_vote(&mut to, expected);
            put_vote(&mut to, actual);
        }
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
            to.put_u8(2);
            put_id(&mut to, expected.as_ref());
            put_id(&mut to, actual.as_ref());
        }
    }
    to.freeze()
}

pub(super) fn decode_transferred(mut from: Bytes) -> Read<TransferLeaderResponse<Types>> {
    Ok(match from.try_get_u8()? {
        0 => Ok(()),
        1 => Err(TransferLeaderError::VoteChanged {
            expected: get_vote(&mut from)?,
            actual: get_vote(&mut from)?,
        }),
        2 => Err(TransferLeaderError::LogNotFlushed {
            expected: get_id(&mut from)?,
            actual: get_id(&mut from)?,
        }),
        _ => return Err(Malformed),
    })
}

fn put_vote(to: &mut BytesMut, vote: &Vote) {
    to.put_i32(vote.leader_id().term.0);
    to.put_i32(vote.leader_id().voted_for.0);
    to.put_u8(u8::from(vote.is_committed()));
}

fn get_vote(from: &mut Bytes) -> Read<Vote> {
    let leader_id = LeaderId {
        term: Term(from.try_get_i32()?),
        voted_for: Member(from.try_get_i32()?),
    };
    Ok(Vote::from_leader_id(leader_id, get_bool(from)?))
}

fn put_id(to: &mut BytesMut, id: Option<&RaftLogId>) {
    to.put_u8(u8::from(id.is_some()));
    if let Some(id) = id {
        to.put_i32(id.leader_id.term.0);
        to.put_u64(id.index);
    }
}

fn get_id(from: &mut Bytes) -> Read<Option<RaftLogId>> {
    if !get_bool(from)? {
        return Ok(None);
    }
    let (term, index) = (from.try_get_i32()?, from.try_get_u64()?);
    // The index after it must exist.
    if index == u64::MAX {
        return Err(Malformed);
    }
    Ok(Some(raft_id(ottla_storage::LogId { term, index })))
}

fn get_bool(from: &mut Bytes) -> Read<bool> {
    match from.try_get_u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use openraft::entry::RaftPayload;
    use ottla_protocol::records::{BatchBuilder, Compression};
    use ottla_storage::LogId;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::encode_membership;
    use crate::types::Membership;

    fn whole(parts: Vec<Bytes>) -> Bytes {
        parts.concat().into()
    }

    fn vote(term: i32, committed: bool) -> Vote {
        let leader_id = LeaderId {
            term: Term(term),
            voted_for: Member(2),
        };
        Vote::from_leader_id(leader_id, committed)
    }

    fn id(term: i32, index: u64) -> RaftLogId {
        raft_id(LogId { term, index })
    }

    fn batch_frame(term: i32, base_offset: i64, value_bytes: usize) -> Frame {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(7, None, Some(&vec![b'v'; value_bytes]), &[]);
        let mut frame = Frame::from(builder.build().unwrap());
        frame.header.base_offset = base_offset;
        frame.header.partition_leader_epoch = term;
        frame
    }

    fn request(frames: Vec<Frame>) -> AppendEntriesRequest<Types> {
        let entries = frames.into_iter().zip(8..).map(|(frame, index)| {
            let id = id(frame.header.partition_leader_epoch, index);
            Entry::new(id, Payload::Frame(frame))
        });
        AppendEntriesRequest {
            vote: vote(5, true),
            prev_log_id: Some(id(3, 7)),
            entries: entries.collect(),
            leader_commit: None,
        }
    }

    fn members() -> Membership {
        let voters = [1, 2, 3].map(Member).into();
        Membership::new_with_defaults(vec![voters], [])
    }

    fn frames() -> Vec<Frame> {
        let at = LogId { term: 5, index: 9 };
        let membership = Private::Membership(encode_membership(&members()));
        vec![
            batch_frame(5, 100, 10),
            Frame::private(at, 101, &membership),
            batch_frame(5, 101, COPIED_BYTES_MAX),
            batch_frame(5, 102, 3),
        ]
    }

    #[test]
    fn appended_entries_arrive_as_they_stand_in_the_log() {
        let frames = frames();
        let bytes = whole(encode_append(request(frames.clone())));
        let read = decode_append(bytes).unwrap();
        assert_eq!(read.vote, vote(5, true));
        assert_eq!(
            (read.prev_log_id, read.leader_commit),
            (Some(id(3, 7)), None)
        );
        assert_eq!(read.entries.len(), frames.len());
        for ((entry, frame), index) in read.entries.into_iter().zip(frames).zip(8..) {
            assert_eq!(entry.id(), LogId { term: 5, index });
            let is_membership = index == 9;
            assert_eq!(entry.payload.get_membership(), is_membership.then(members));
            let Payload::Received(received) = entry.payload else {
                panic!("{:?}", entry.payload)
            };
            assert_eq!(received, CheckedFrame::check(index, frame).unwrap());
        }
    }

    #[test]
    fn a_flipped_bit_in_an_entry_is_refused() {
        let bytes = whole(encode_append(request(frames())));
        // Base offset and epoch are checked against the log, which knows what they must be.
        let first = 9 + 13 + 1;
        let unguarded = [0..8, 12..16].map(|part| first + part.start..first + part.end);
        for at in first..first + 61 + 10 {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 4;
            let refused = decode_append(damaged.into()).is_err();
            let guarded = !unguarded.iter().any(|part| part.contains(&at));
            assert!(refused || !guarded, "byte {at}");
        }
    }

    #[test]
    fn small_messages_round_trip() {
        for response in [
            AppendEntriesResponse::Success,
            AppendEntriesResponse::PartialSuccess(Some(id(2, 3))),
            AppendEntriesResponse::Conflict,
            AppendEntriesResponse::HigherVote(vote(9, false)),
        ] {
            assert_eq!(decode_appended(encode_appended(&response)), Ok(response));
        }
        let mut asked = VoteRequest::new(vote(4, false), Some(id(3, 1)));
        asked.leadership_transfer = true;
        let read = decode_vote_request(encode_vote_request(&asked));
        assert_eq!(read, Ok(asked));
        let voted = VoteResponse::new(vote(4, false), None, true);
        assert_eq!(decode_voted(encode_voted(&voted)), Ok(voted));
        let transfer = TransferLeaderRequest::new(vote(4, true), Member(3), Some(id(4, 9)));
        let read = decode_transfer(encode_transfer(&transfer));
        assert_eq!(read, Ok(transfer));
        for response in [
            Ok(()),
            Err(TransferLeaderError::VoteChanged {
                expected: vote(1, true),
                actual: vote(2, false),
            }),
            Err(TransferLeaderError::LogNotFlushed {
                expected: Some(id(1, 1)),
                actual: None,
            }),
        ] {
            let read = decode_transferred(encode_transferred(&response));
            assert_eq!(read, Ok(response));
        }
        let boundary = Boundary {
            next_offset: 17,
            ..Boundary::default()
        };
        let read = decode_snapshot(whole(encode_snapshot(&vote(3, true), &boundary)));
        assert_eq!(read, Ok((vote(3, true), boundary)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = Bytes::from(bytes);
            let _ = decode_append(bytes.clone());
            let _ = decode_frames(7, bytes.clone());
            let _ = decode_appended(bytes.clone());
            let _ = decode_vote_request(bytes.clone());
            let _ = decode_voted(bytes.clone());
            let _ = decode_snapshot(bytes.clone());
            let _ = decode_installed(bytes.clone());
            let _ = decode_transfer(bytes.clone());
            let _ = decode_transferred(bytes);
        }
    }
}
