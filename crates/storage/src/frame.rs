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
//! | 1 | 1 | kind: 0 blank, 1 membership, 2 log start, 3 void, 4 gap |
//! | 2 | 8 | Raft index of this frame |
//! | 10 | rest | blank: its leader epoch, 4 bytes; membership: as given; log start: the offset, 8 bytes; void, gap: nothing |
//!
//! A *gap* stands where compaction removed adjacent frames of one epoch: its base sequence says how many, and
//! its last offset delta covers the offsets that they had. So positions are derived as if they were there.
//!
//! A header's leader epoch is outside of the checksum. That it is right can be seen all the same: only a
//! blank is in another epoch than the frame before it, and says in which under its checksum.
//!
//! A new kind is refused by older programs (it is replicated state); a new version too.

use std::ops::Range;

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
const GAP: u8 = 4;
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
    /// Stands where frames were that compaction removed.
    Gap,
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
            Private::Gap => (GAP, Bytes::new()),
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

    /// A gap in the place of `indexes` frames, the first at `id`, that held the records with these offsets.
    ///
    /// # Panics
    /// It is in the place of no frame, or of more frames or offsets than a segment has.
    pub fn gap(id: LogId, indexes: u32, offsets: Range<i64>) -> Frame {
        let Frame {
            mut header,
            payload,
        } = Frame::private(id, offsets.start, &Private::Gap);
        let few = "a gap lies in one segment";
        assert!(indexes > 0, "{few}");
        header.base_sequence = i32::try_from(indexes).expect(few);
        header.last_offset_delta = i32::try_from(offsets.end - offsets.start - 1).expect(few);
        Frame::from(Batch { header, payload }.sealed())
    }

    /// Raft indexes that it takes: one, or those of a gap.
    pub fn indexes(&self) -> u32 {
        indexes_of(&self.header)
    }

    /// The frame at an index, cut to a range of indexes that holds a part of it: only a gap can be cut. Each
    /// part has all of its offsets: which frame had which is not known any more.
    pub(crate) fn clipped(self, index: u64, range: &Range<u64>) -> Frame {
        let end = index + u64::from(self.indexes());
        if range.start <= index && end <= range.end {
            return self;
        }
        let first = index.max(range.start);
        let id = LogId {
            term: self.header.partition_leader_epoch,
            index: first,
        };
        let indexes = (end.min(range.end) - first) as u32;
        Frame::gap(
            id,
            indexes,
            self.header.base_offset..self.header.next_offset(),
        )
    }

    /// Whether the frame holds no record and carries private bytes.
    pub fn is_private(&self) -> bool {
        header_is_private(&self.header)
    }

    /// The private content and Raft index of a raft-only frame; `None` for a Kafka batch.
    ///
    /// # Errors
    /// The private bytes are not of a known version and kind.
    pub fn as_private(&self) -> Option<Result<(u64, Private), PrivateError>> {
        self.is_private()
            .then(|| read_private(&self.header, &self.payload))
    }

    pub(crate) fn is_gap(&self) -> bool {
        self.is_private() && self.payload.starts_with(&[VERSION, GAP])
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
        let whole =
            header.size_bytes() == frame.size_bytes() && header.magic == MAGIC && has_place(header);
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

    /// Raft index of the frame that follows it.
    pub fn next_index(&self) -> u64 {
        self.index + u64::from(self.frame.indexes())
    }

    /// The Kafka offsets that it takes; those of a gap may have been taken in part by frames before it.
    pub fn offsets(&self) -> Range<i64> {
        self.frame.header.base_offset..self.frame.header.next_offset()
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

/// Whether this is the head of a raft-only frame. Kafka's control batches have a producer, also when
/// compaction has emptied them.
pub(crate) fn header_is_private(header: &BatchHeader) -> bool {
    header.record_count == 0 && header.attributes.is_control() && !header.has_producer()
}

/// Whether the header's last offset delta can be right.
pub(crate) fn has_place(header: &BatchHeader) -> bool {
    let least = if header_is_private(header) { -1 } else { 0 };
    header.last_offset_delta >= least
}

/// Raft indexes that the frame with this header takes.
pub(crate) fn indexes_of(header: &BatchHeader) -> u32 {
    match u32::try_from(header.base_sequence) {
        Ok(indexes) if header_is_private(header) => indexes.max(1),
        Ok(_) | Err(_) => 1,
    }
}

pub(crate) fn read_private(
    header: &BatchHeader,
    payload: &Bytes,
) -> Result<(u64, Private), PrivateError> {
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
        (VERSION, GAP) if header.base_sequence > 0 => Private::Gap,
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
    fn a_gap_takes_the_indexes_and_offsets_of_what_it_stands_for() {
        let gap = Frame::gap(ID, 5, 500..530);
        gap.verify_crc().unwrap();
        assert_eq!(gap.as_private(), Some(Ok((77, Private::Gap))));
        assert_eq!((gap.indexes(), gap.header.next_offset()), (5, 530));
        assert!(gap.may_follow(Some(3)) && !gap.may_follow(Some(2)));
        let checked = CheckedFrame::check(77, gap.clone()).unwrap();
        assert_eq!((checked.next_index(), checked.offsets()), (82, 500..530));
        CheckedFrame::check(78, gap.clone()).unwrap_err();
        // refused proposals had no offsets
        let voids = Frame::gap(ID, 2, 500..500);
        assert_eq!((voids.indexes(), voids.header.next_offset()), (2, 500));
        CheckedFrame::check(77, voids).unwrap();
        for (range, index, indexes) in [(0..79, 77, 2), (79..81, 79, 2), (81..99, 81, 1)] {
            let cut = gap.clone().clipped(77, &range);
            assert_eq!(cut.as_private(), Some(Ok((index, Private::Gap))));
            assert_eq!((cut.indexes(), cut.header.next_offset()), (indexes, 530));
        }
        assert_eq!(gap.clone().clipped(77, &(0..99)), gap);
        let mut uncounted = gap;
        uncounted.header.base_sequence = NO_SEQUENCE;
        uncounted.as_private().unwrap().unwrap_err();
    }

    #[test]
    fn an_emptied_marker_is_no_raft_only_frame() {
        let marker = ottla_protocol::records::EndMarker {
            commits: true,
            coordinator_epoch: 1,
        };
        let mut emptied = Frame::from(marker.batch(8, 0, 0));
        emptied.header.record_count = 0;
        assert!(!emptied.is_private());
        assert_eq!(emptied.indexes(), 1);
    }

    #[test]
    fn unknown_kinds_and_short_bodies_are_refused() {
        let header = Frame::private(ID, 0, &Private::Void).header;
        let read =
            |bytes: &[u8]| read_private(&header, &Bytes::copy_from_slice(bytes)).unwrap_err();
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
