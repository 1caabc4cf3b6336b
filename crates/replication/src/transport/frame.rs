//! Requests and replies as bytes, after the greeting. Both are frames of
//! [`ottla_protocol::frame`], big-endian:
//!
//! | bytes | request | | bytes | reply |
//! |---|---|---|---|---|
//! | 8 | number, unique on its connection | | 8 | number of the request |
//! | 1 | [`Kind`] | | 1 | 0 answered; else a [`Refusal`] |
//! | 8 | Raft group, or 0 | | rest | body, if answered |
//! | rest | body | | | |

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_protocol::frame::SIZE_BYTES;

const REQUEST_HEAD: usize = 8 + 1 + 8;
const REPLY_HEAD: usize = 8 + 1;
/// What a request or reply is longer than its body.
pub(super) const HEAD_BYTES_MAX: usize = SIZE_BYTES + REQUEST_HEAD;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Append these entries to the group's log.
    Append,
    /// Vote for a candidate.
    Vote,
    /// Would you vote for a candidate?
    PreVote,
    /// Begin the group's log at this boundary.
    Snapshot,
    /// Take over as the group's leader.
    Transfer,
    /// I am alive, and lead these groups.
    Beat,
    /// A question about the cluster's metadata.
    Metadata,
    /// Have another broker lead this group.
    HandOver,
    /// May so much be sent to this group's replica, which does not keep up?
    Quota,
    /// What is committed in the group's log from this index on?
    Frames,
    /// A question about transactions.
    Transactions,
    /// Up to where is the group's log compacted there?
    Compacted,
}

/// Why a request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The broker has no such group.
    #[error("the peer has no such group")]
    UnknownGroup,
    /// The group is there and cannot go on.
    #[error("the peer's replica has stopped")]
    Stopped,
    /// The bytes make no sense, or are damaged.
    #[error("the peer could not read the request")]
    Malformed,
    /// Nobody answers requests of this kind.
    #[error("the peer does not serve such requests")]
    Unserved,
    /// There is no need: the group's leader is alive.
    #[error("the peer hears the group's leader")]
    Declined,
    /// Nobody decided there: it does not lead, or too many ask.
    #[error("the peer could not decide")]
    Undecided,
}

const KINDS: [Kind; 12] = [
    Kind::Append,
    Kind::Vote,
    Kind::PreVote,
    Kind::Snapshot,
    Kind::Transfer,
    Kind::Beat,
    Kind::Metadata,
    Kind::HandOver,
    Kind::Quota,
    Kind::Frames,
    Kind::Transactions,
    Kind::Compacted,
];

const REFUSALS: [Refusal; 6] = [
    Refusal::UnknownGroup,
    Refusal::Stopped,
    Refusal::Malformed,
    Refusal::Unserved,
    Refusal::Declined,
    Refusal::Undecided,
];

/// A request as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) group: u64,
    pub(super) body: Bytes,
}

impl Request {
    /// Size field and head of a request whose body has `body_bytes`.
    ///
    /// # Panics
    /// The body is 2 GiB or more.
    pub(super) fn head(number: u64, kind: Kind, group: u64, body_bytes: usize) -> Bytes {
        let mut head = BytesMut::with_capacity(SIZE_BYTES + REQUEST_HEAD);
        put_size(&mut head, REQUEST_HEAD + body_bytes);
        head.put_u64(number);
        head.put_u8(kind as u8);
        head.put_u64(group);
        head.freeze()
    }

    /// `None` if it is no request.
    pub(super) fn decode(mut frame: Bytes) -> Option<Request> {
        let number = frame.try_get_u64().ok()?;
        let kind = *KINDS.get(usize::from(frame.try_get_u8().ok()?))?;
        let group = frame.try_get_u64().ok()?;
        Some(Request {
            number,
            kind,
            group,
            body: frame,
        })
    }
}

/// The whole frame of a reply, but for its body.
///
/// # Panics
/// The body is 2 GiB or more.
pub(super) fn reply_head(number: u64, refusal: Option<Refusal>, body_bytes: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(SIZE_BYTES + REPLY_HEAD);
    put_size(&mut head, REPLY_HEAD + body_bytes);
    head.put_u64(number);
    head.put_u8(refusal.map_or(0, |refusal| refusal as u8 + 1));
    head.freeze()
}

/// The number of the request and what became of it; `None` if it is no reply.
pub(super) fn decode_reply(mut frame: Bytes) -> Option<(u64, Result<Bytes, Refusal>)> {
    let number = frame.try_get_u64().ok()?;
    let answer = match frame.try_get_u8().ok()? {
        0 => Ok(frame),
        code => Err(*REFUSALS.get(usize::from(code) - 1)?),
    };
    Some((number, answer))
}

fn put_size(to: &mut BytesMut, size: usize) {
    to.put_i32(i32::try_from(size).expect("a body is smaller than a segment"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_every_kind_round_trip() {
        for kind in KINDS {
            let mut frame = Request::head(7, kind, 9, 3).to_vec();
            frame.extend_from_slice(b"abc");
            assert_eq!(frame.len() - SIZE_BYTES, frame[3] as usize);
            let request = Request::decode(Bytes::from(frame).slice(SIZE_BYTES..)).unwrap();
            let body = Bytes::from_static(b"abc");
            let (number, group) = (7, 9);
            assert_eq!(
                request,
                Request {
                    number,
                    kind,
                    group,
                    body
                }
            );
        }
    }

    #[test]
    fn replies_and_refusals_round_trip() {
        for refusal in REFUSALS {
            let frame = reply_head(5, Some(refusal), 0).slice(SIZE_BYTES..);
            assert_eq!(decode_reply(frame), Some((5, Err(refusal))));
        }
        let mut frame = reply_head(6, None, 2).to_vec();
        frame.extend_from_slice(b"ok");
        let frame = Bytes::from(frame).slice(SIZE_BYTES..);
        assert_eq!(
            decode_reply(frame),
            Some((6, Ok(Bytes::from_static(b"ok"))))
        );
    }

    #[test]
    fn what_is_too_short_or_unknown_is_nothing() {
        assert_eq!(
            Request::decode(Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 1])),
            None
        );
        assert_eq!(Request::decode(Bytes::from_static(&[0xff; 17])), None);
        assert_eq!(
            decode_reply(Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 1, 99])),
            None
        );
        assert_eq!(decode_reply(Bytes::new()), None);
    }
}
