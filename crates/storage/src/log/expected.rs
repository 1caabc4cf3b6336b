//! What has to stand where a frame ends.

use ottla_protocol::records::{BatchHeader, MAGIC};

use crate::LogId;
use crate::frame::{Frame, has_place, indexes_of};
use crate::history::History;

/// What is known of the next frame by those before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) index: u64,
    pub(super) base_offset: i64,
    /// Leader epoch of the frame before it.
    last_epoch: Option<i32>,
}

impl Expected {
    pub(super) fn after(history: &History) -> Expected {
        Expected::behind(history.last, history.next_offset)
    }

    /// Behind a frame, or at the beginning of all.
    pub(super) fn behind(previous: Option<LogId>, base_offset: i64) -> Expected {
        Expected {
            index: previous.map_or(0, |id| id.index + 1),
            base_offset,
            last_epoch: previous.map(|id| id.term),
        }
    }

    /// Whether a header can be the next frame's.
    pub(super) fn is_headed_by(&self, header: &BatchHeader) -> bool {
        header.magic == MAGIC && header.base_offset == self.base_offset && has_place(header)
    }

    /// Whether a frame with a right checksum can be the next one. Its payload is looked at only if it is a
    /// raft-only one.
    pub(super) fn is(&self, frame: &Frame) -> bool {
        let in_place = match frame.as_private() {
            None => true,
            Some(Ok((index, _))) => index == self.index,
            Some(Err(_)) => false,
        };
        in_place && self.is_headed_by(&frame.header) && frame.may_follow(self.last_epoch)
    }

    /// Goes on behind the frame with this header.
    pub(super) fn pass(&mut self, header: &BatchHeader) {
        self.index += u64::from(indexes_of(header));
        self.base_offset = header.next_offset();
        self.last_epoch = Some(header.partition_leader_epoch);
    }

    /// The frame before.
    pub(super) fn previous(&self) -> Option<LogId> {
        Some(LogId {
            term: self.last_epoch?,
            index: self.index.checked_sub(1)?,
        })
    }
}
