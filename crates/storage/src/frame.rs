//! Frames: what a `.log` file consists of, one per Raft index.
//!
//! A frame is a Kafka v2 batch, or a *raft-only* frame: a v2 header with the control bit, record
//! count 0 and last offset delta −1, so that it takes no Kafka offset and Kafka's tools pass over
//! it, followed by private bytes. The CRC covers those bytes as it covers records.
//!
//! Private bytes, big-endian, after the 61 bytes of the header:
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | kind: 0 blank, 1 membership, 2 log start, 3 void |
//! | 2 | 8 | Raft index of this frame |
//! | 10 | rest | blank: its leader epoch, 4 bytes; membership: as given; log start: the offset, 8 bytes; void: nothing |
//!
//! A header's leader epoch is outside of the checksum. That it is right can be seen all the same: only a
//! blank is in another epoch than the frame before it, and says in which under its checksum.
//!
//! A new kind is refused by older programs (it is replicated state); a new version too.

use bytes::{BufMut, Bytes, BytesMut};
use ottla_protocol::records::{
    Attributes, Batch, BatchError, BatchHeader, HEADER_LEN, MAGIC, NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID, NO_SEQUENCE,
};

use crate::LogId;
use crate::outcome::FollowerReject;

const VERSION: u8 = 1;
const BLANK: u8 = 0;
const MEMBERSHIP: u8 = 1;
const LOG_START: u8 = 2;
const VOID: u8 = 3;
/// Version, kind and index.
const PREFIX_LEN: usize = 10;

/// What a raft-only frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Private {
    /// Opens a leader's term.
    Blank,
    /// The group's members from here on, encoded by the replication layer.
    Membership(Bytes),
    /// Records below this Kafka offset are deleted once the frame is committed.
    LogStart {
        /// The new log start.
        offset: i64,
    },
    /// Stands where a proposal was refused or found to be a duplicate.
    Void,
}

/// Any frame. `header.batch_length` counts exactly header and payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The fixed 61 bytes, decoded.
    pub header: BatchHeader,
    /// The bytes after the header.
    pub payload: Bytes,
}

/// A frame from another replica, as whole as it was sent: its length, checksum and private bytes
/// are right. Whether it follows a log is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFrame {
    index: u64,
    frame: Frame,
}

/// Why a frame's private bytes cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrivateError {
    /// Fewer bytes than its kind needs.
    #[error("a raft-only frame of {0} private bytes is too short for its kind")]
    Short(usize),
    /// Written by a newer program.
    #[error("raft-only frame of unknown version {version} or kind {kind}")]
    Unknown {
        /// First private byte.
        version: u8,
        /// Second private byte.
        kind: u8,
    },
}

impl Frame {
    /// A raft-only frame at `id`, standing before the record with offset `next_offset`.
    pub fn private(id: LogId, next_offset: i64, private: &Private) -> Frame {
        let (kind, body): (u8, Bytes) = match private {
            Private::Blank => (BLANK, Bytes::copy_from_slice(&id.term.to_be_bytes())),
            Private::Membership(body) => (MEMBERSHIP, body.clone()),
            Private::LogStart { offset } => {
                (LOG_START, Bytes::copy_from_slice(&offset.to_be_bytes()))
            }
            Private::Void => (VOID, Bytes::new()),
        };
        let mut payload = BytesMut::with_capacity(PREFIX_LEN + body.len());
        payload.put_u8(VERSION);
        payload.put_u8(kind);
        payload.put_u64(id.index);
        payload.put_slice(&body);
        let header = BatchHeader {
            base_offset: next_offset,
            batch_length: 0,
            partition_leader_epoch: id.term,
            magic: MAGIC,
            crc: 0,
            attributes: Attributes::default().with_control(true),
            last_offset_delta: -1,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            record_count: 0,
        };
        let payload = payload.freeze();
        Frame::from(Batch { header, payload }.sealed())
    }

    /// Whether the frame takes no Kafka offset and carries private bytes.
    pub fn is_private(&self) -> bool {
        header_is_private(&self.header)
    }

    /// The private content and Raft index of a raft-only frame; `None` for a Kafka batch.
    ///
    /// # Errors
    /// The private bytes are not of a known version and kind.
    pub fn as_private(&self) -> Option<Result<(u64, Private), PrivateError>> {
        self.is_private().then(|| read_private(&self.payload))
    }

    /// Whether the frame's leader epoch can be right behind a frame of epoch `last`; behind none any can,
    /// unless the frame itself says otherwise.
    pub(crate) fn may_follow(&self, last: Option<i32>) -> bool {
        let epoch = self.header.partition_leader_epoch;
        let is_blank = self.is_private() && self.payload.starts_with(&[VERSION, BLANK]);
        // the first blanks ever written did not say it
        let named = self.payload.get(PREFIX_LEN..).and_then(<[u8]>::first_chunk);
        let named = named.map(|bytes| i32::from_be_bytes(*bytes));
        let opens = is_blank && named.is_none_or(|named| named == epoch);
        match last {
            Some(last) if epoch < last => false,
            Some(last) if epoch > last => opens,
            Some(_) | None => opens || !is_blank,
        }
    }

    /// Whole size, header included.
    pub fn size_bytes(&self) -> usize {
        HEADER_LEN + self.payload.len()
    }

    /// Compares the stored CRC with the bytes.
    ///
    /// # Errors
    /// [`BatchError::BadCrc`].
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let (stored, computed) = (self.header.crc, self.header.crc_with(&self.payload));
        if stored == computed {
            Ok(())
        } else {
            Err(BatchError::BadCrc { stored, computed })
        }
    }
}

impl CheckedFrame {
    /// Checks the frame that is said to stand at a Raft index.
    ///
    /// # Errors
    /// [`FollowerReject::Damaged`], or [`FollowerReject::WrongIndex`] if the frame itself says
    /// otherwise.
    pub fn check(index: u64, frame: Frame) -> Result<CheckedFrame, FollowerReject> {
        let header = &frame.header;
        let whole = header.size_bytes() == frame.size_bytes()
            && header.magic == MAGIC
            && (header.last_offset_delta >= 0 || header_is_private(header));
        if !whole || frame.verify_crc().is_err() {
            return Err(FollowerReject::Damaged);
        }
        match frame.as_private() {
            Some(Err(_)) => Err(FollowerReject::Damaged),
            Some(Ok((own, _))) if own != index => Err(FollowerReject::WrongIndex {
                expected: own,
                found: index,
            }),
            Some(Ok(_)) | None => Ok(CheckedFrame { index, frame }),
        }
    }

    /// Its place: the term is the leader epoch in its header.
    pub fn id(&self) -> LogId {
        LogId {
            term: self.frame.header.partition_leader_epoch,
            index: self.index,
        }
    }

    /// The content of a raft-only frame.
    pub fn private(&self) -> Option<Private> {
        let read = self.frame.as_private()?;
        read.ok().map(|(_, private)| private)
    }

    pub(crate) fn into_parts(self) -> (LogId, Frame) {
        (self.id(), self.frame)
    }
}

impl From<Batch> for Frame {
    fn from(batch: Batch) -> Frame {
        Frame {
            header: batch.header,
            payload: batch.payload,
        }
    }
}

impl From<Frame> for Batch {
    fn from(frame: Frame) -> Batch {
        Batch {
            header: frame.header,
            payload: frame.payload,
        }
    }
}

/// Whether this is the head of a raft-only frame. No Kafka batch has last offset delta −1.
pub(crate) fn header_is_private(header: &BatchHeader) -> bool {
    header.last_offset_delta == -1 && header.record_count == 0 && header.attributes.is_control()
}

pub(crate) fn read_private(payload: &Bytes) -> Result<(u64, Private), PrivateError> {
    let short = PrivateError::Short(payload.len());
    let prefix: &[u8; PREFIX_LEN] = payload.first_chunk().ok_or(short)?;
    let [version, kind, index @ ..] = *prefix;
    let body = payload.slice(PREFIX_LEN..);
    let private = match (version, kind) {
        (VERSION, BLANK) => Private::Blank,
        (VERSION, MEMBERSHIP) => Private::Membership(body),
        (VERSION, LOG_START) => Private::LogStart {
            offset: i64::from_be_bytes(*body.first_chunk().ok_or(short)?),
        },
        (VERSION, VOID) => Private::Void,
        (version, kind) => return Err(PrivateError::Unknown { version, kind }),
    };
    Ok((u64::from_be_bytes(index), private))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: LogId = LogId { term: 3, index: 77 };

    #[test]
    fn raft_only_frames_round_trip_and_take_no_offset() {
        let members = Bytes::from_static(b"voters 1,2,3");
        for private in [
            Private::Blank,
            Private::Membership(members),
            Private::LogStart { offset: 1 << 40 },
            Private::Void,
        ] {
            let frame = Frame::private(ID, 500, &private);
            frame.verify_crc().unwrap();
            assert_eq!(frame.header.next_offset(), 500);
            assert_eq!(frame.header.partition_leader_epoch, 3);
            assert_eq!(frame.header.size_bytes(), frame.size_bytes());
            let reread = Batch::split_from(&mut Batch::from(frame).to_bytes()).unwrap();
            let reread = Frame::from(reread).as_private().unwrap().unwrap();
            assert_eq!(reread, (77, private));
        }
    }

    #[test]
    fn a_blank_has_these_bytes() {
        let bytes = Batch::from(Frame::private(ID, 2, &Private::Blank)).to_bytes();
        assert_eq!(
            &bytes[..17],
            &[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 63, 0, 0, 0, 3, 2]
        );
        assert_eq!(&bytes[21..27], &[0, 0x20, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(
            &bytes[57..],
            &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 77, 0, 0, 0, 3]
        );
    }

    #[test]
    fn a_leader_epoch_that_is_not_the_right_one_is_seen() {
        let blank = Frame::private(ID, 0, &Private::Blank);
        let void = Frame::private(ID, 0, &Private::Void);
        for (last, opens, goes_on) in [
            (None, true, true),
            (Some(2), true, false),
            (Some(3), true, true),
            (Some(4), false, false),
        ] {
            assert_eq!(blank.may_follow(last), opens, "{last:?}");
            assert_eq!(void.may_follow(last), goes_on, "{last:?}");
        }
        let other = |frame: &Frame, epoch| {
            let mut frame = frame.clone();
            frame.header.partition_leader_epoch = epoch;
            frame
        };
        for epoch in [2, 7] {
            assert!(!other(&blank, epoch).may_follow(None));
            assert!(!other(&blank, epoch).may_follow(Some(2)));
        }
        let mut unnamed = blank.clone();
        unnamed.payload.truncate(PREFIX_LEN);
        assert!(unnamed.may_follow(Some(2)) && !unnamed.may_follow(Some(4)));
    }

    #[test]
    fn unknown_kinds_and_short_bodies_are_refused() {
        let read = |bytes: &[u8]| read_private(&Bytes::copy_from_slice(bytes)).unwrap_err();
        assert_eq!(read(&[1, 0, 0]), PrivateError::Short(3));
        assert_eq!(
            read(&[1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            PrivateError::Short(11)
        );
        let unknown = |version, kind| PrivateError::Unknown { version, kind };
        assert_eq!(read(&[1, 9, 0, 0, 0, 0, 0, 0, 0, 0]), unknown(1, 9));
        assert_eq!(read(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]), unknown(2, 0));
    }
}
