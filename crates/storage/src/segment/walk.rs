//! Walking the frames of a segment, header by header.
//!
//! Trusts that the bytes were checked when they were written or recovered; still, a header that
//! makes no sense, or does not follow the one before, ends the walk with an error.

use std::io;

use bytes::Bytes;
use ottla_protocol::records::{BatchHeader, HEADER_LEN, MAGIC};

use super::LogBytes;
use crate::entry::EntryMeta;
use crate::frame::{self, Frame};

/// Read at once where a view copies: several headers of small batches.
const READ_AHEAD: usize = 4096;
/// Looked at beside what is read: the frame before it, the header after it.
const AHEAD_BYTES: usize = 64 << 10;
/// At most asked of the disk at once: others wait for it meanwhile.
const AHEAD_BYTES_MAX: usize = 2 << 20;

/// A walk from some frame to the end of the readable part.
#[derive(Debug)]
pub(crate) struct Walk {
    bytes: LogBytes,
    index: u64,
    position: u32,
    end: u32,
    /// Of the next frame, as far as known: once one was passed, where it begins.
    base_offset: Option<i64>,
    last_offset: Option<i64>,
    ahead: Bytes,
    ahead_at: u32,
}

/// Where a walk begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Begin {
    pub(crate) position: u32,
    /// Raft index of the frame there.
    pub(crate) index: u64,
    /// Its offsets, as far as known.
    pub(crate) base_offset: Option<i64>,
    pub(crate) last_offset: Option<i64>,
}

/// One frame of a walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Of a gap, the first.
    pub(crate) index: u64,
    pub(crate) position: u32,
    pub(crate) header: BatchHeader,
}

impl Step {
    pub(crate) fn len(&self) -> u32 {
        self.header.size_bytes() as u32
    }

    pub(crate) fn end(&self) -> u32 {
        self.position + self.len()
    }

    /// Raft index of the frame that follows.
    pub(crate) fn next_index(&self) -> u64 {
        self.index + u64::from(frame::indexes_of(&self.header))
    }

    pub(crate) fn is_private(&self) -> bool {
        frame::header_is_private(&self.header)
    }
}

impl Walk {
    /// Begins with a frame; ends at `end`.
    pub(crate) fn new(bytes: LogBytes, begin: Begin, end: u32) -> Walk {
        let Begin {
            position,
            index,
            base_offset,
            last_offset,
        } = begin;
        Walk {
            bytes,
            index,
            position,
            end,
            base_offset,
            last_offset,
            ahead: Bytes::new(),
            ahead_at: position,
        }
    }

    /// The next frame.
    ///
    /// # Errors
    /// The disk fails, or what is there is no frame.
    pub(crate) fn next(&mut self) -> io::Result<Option<Step>> {
        if self.position >= self.end {
            return Ok(None);
        }
        let header = self.header()?;
        let step = Step {
            index: self.index,
            position: self.position,
            header,
        };
        let left = (self.end - self.position) as usize;
        let (base_offset, last_offset) = (self.base_offset, self.last_offset.take());
        let follows = header.magic == MAGIC
            && base_offset.is_none_or(|offset| offset == header.base_offset)
            && last_offset.is_none_or(|offset| offset == header.last_offset());
        if header.size_bytes() < HEADER_LEN || header.size_bytes() > left || !follows {
            return Err(damaged(self.position));
        }
        self.base_offset = Some(header.next_offset());
        self.position = step.end();
        self.index += u64::from(frame::indexes_of(&header));
        Ok(Some(step))
    }

    /// Says that about so many bytes from here on will be read.
    pub(crate) fn will_read(&self, bytes: usize) {
        let left = (self.end - self.position) as usize;
        let len = bytes
            .saturating_add(AHEAD_BYTES)
            .min(AHEAD_BYTES_MAX)
            .min(left);
        self.bytes.will_need(self.position, len);
    }

    /// The first frame for which `wanted` is true.
    pub(crate) fn find(
        &mut self,
        mut wanted: impl FnMut(&Step) -> bool,
    ) -> io::Result<Option<Step>> {
        while let Some(step) = self.next()? {
            if wanted(&step) {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// The whole frame of a step.
    pub(crate) fn frame(&self, step: &Step) -> io::Result<Frame> {
        let payload = step.position + HEADER_LEN as u32;
        let len = step.header.size_bytes() - HEADER_LEN;
        Ok(Frame {
            header: step.header,
            payload: self.bytes.view(payload, len)?,
        })
    }

    /// The entry of a step.
    pub(crate) fn meta(&self, step: &Step) -> io::Result<EntryMeta> {
        let frame = if step.is_private() {
            self.frame(step)?
        } else {
            Frame {
                header: step.header,
                payload: Bytes::new(),
            }
        };
        EntryMeta::of(step.index, &frame).map_err(|_| damaged(step.position))
    }

    fn header(&mut self) -> io::Result<BatchHeader> {
        let at = (self.position - self.ahead_at) as usize;
        if let Some(header) = self.ahead.get(at..).and_then(BatchHeader::parse) {
            return Ok(header);
        }
        let left = (self.end - self.position) as usize;
        let len = if self.bytes.is_zero_copy() {
            left
        } else {
            left.min(READ_AHEAD)
        };
        self.ahead = self.bytes.view(self.position, len)?;
        self.ahead_at = self.position;
        BatchHeader::parse(&self.ahead).ok_or_else(|| damaged(self.position))
    }
}

fn damaged(position: u32) -> io::Error {
    let text = format!("no frame at position {position}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
