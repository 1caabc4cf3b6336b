//! An entry as Raft sees it: a frame's position and kind, without its data.

use std::ops::Range;

use bytes::Bytes;
use ottla_protocol::records::BatchHeader;

use crate::frame::{Frame, Private, PrivateError};
use crate::{LogId, frame};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// Records of producers.
    Batch,
    /// A control batch of Kafka's: a transaction marker.
    Marker,
    /// A raft-only frame.
    Private(Private),
}

/// A frame's place in both numberings, its size and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryMeta {
    /// Raft term and index, of a gap the first.
    pub id: LogId,
    /// Records, marker, or raft-only.
    pub kind: EntryKind,
    /// Kafka offset of the first record, or of the record that follows a raft-only frame.
    pub base_offset: i64,
    /// Kafka offset after the entry: the high watermark once it is committed.
    pub next_offset: i64,
    /// Size in the log, header included.
    pub size_bytes: u32,
    /// Raft indexes that it takes: one, or those of a gap.
    pub indexes: u32,
}

impl EntryMeta {
    /// Describes `frame` as the entry at `index`.
    ///
    /// # Errors
    /// The private bytes of a raft-only frame are of an unknown version or kind.
    pub fn of(index: u64, frame: &Frame) -> Result<EntryMeta, PrivateError> {
        EntryMeta::read(index, &frame.header, || frame.payload.clone())
    }

    /// As [`EntryMeta::of`]; asks for the payload only of a raft-only frame.
    pub(crate) fn read(
        index: u64,
        header: &BatchHeader,
        payload: impl FnOnce() -> Bytes,
    ) -> Result<EntryMeta, PrivateError> {
        let kind = if frame::header_is_private(header) {
            EntryKind::Private(frame::read_private(header, &payload())?.1)
        } else if header.attributes.is_control() {
            EntryKind::Marker
        } else {
            EntryKind::Batch
        };
        Ok(EntryMeta {
            id: LogId {
                term: header.partition_leader_epoch,
                index,
            },
            kind,
            base_offset: header.base_offset,
            next_offset: header.next_offset(),
            size_bytes: u32::try_from(header.size_bytes()).unwrap_or(u32::MAX),
            indexes: frame::indexes_of(header),
        })
    }

    /// Raft index of the entry that follows.
    pub fn next_index(&self) -> u64 {
        self.id.index + u64::from(self.indexes)
    }

    /// The entry, cut to a range of indexes that holds a part of it, as [`Frame::clipped`].
    pub(crate) fn clipped(self, range: &Range<u64>) -> EntryMeta {
        let first = self.id.index.max(range.start);
        let indexes = self.next_index().min(range.end) - first;
        EntryMeta {
            id: LogId {
                index: first,
                ..self.id
            },
            indexes: indexes as u32,
            ..self
        }
    }
}
