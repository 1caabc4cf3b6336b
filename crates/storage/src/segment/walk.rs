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
/// Fetched where nobody says how much will be read, and beside it: the frame before it, the header after it.
const AHEAD_BYTES: usize = 64 << 10;
/// At most asked of the disk at once, unless a frame is larger: others wait for it meanwhile.
const AHEAD_BYTES_MAX: usize = 2 << 20;

/// A walk from some frame to the end of the readable part.
#[derive(Debug, Clone)]
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
    /// What stands before it is in memory.
    fetched_to: u32,
    /// Fetched at once.
    fetch_bytes: usize,
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
            fetched_to: position,
            fetch_bytes: AHEAD_BYTES,
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
        let size = header.size_bytes();
        let (base_offset, last_offset) = (self.base_offset, self.last_offset.take());
        let follows = header.magic == MAGIC
            && base_offset.is_none_or(|offset| offset == header.base_offset)
            && last_offset.is_none_or(|offset| offset == header.last_offset());
        if size < HEADER_LEN || size > left || !follows {
            return Err(damaged(self.position));
        }
        self.fetch_through(step.end())?;
        self.base_offset = Some(header.next_offset());
        self.position = step.end();
        self.index += u64::from(frame::indexes_of(&header));
        Ok(Some(step))
    }

    /// Says that about so many bytes from here on will be read, which may not be in memory.
    pub(crate) fn will_read(&mut self, bytes: usize) {
        self.fetch_bytes = bytes.saturating_add(AHEAD_BYTES).min(AHEAD_BYTES_MAX);
    }

    /// Says that all that will be read was written just now, so that it is in memory.
    pub(crate) fn is_in_memory(&mut self) {
        self.fetched_to = self.end;
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
        self.fetch_through(self.position + left.min(HEADER_LEN) as u32)?;
        let view = |len: usize| self.bytes.view(self.position, left.min(len));
        self.ahead = match self.bytes.is_zero_copy() {
            true => view(left)?,
            // what is damaged may stand behind the header
            false => view(READ_AHEAD).or_else(|_| view(HEADER_LEN))?,
        };
        self.ahead_at = self.position;
        BatchHeader::parse(&self.ahead).ok_or_else(|| damaged(self.position))
    }

    /// Brings what stands before `end` to memory, and more in the same request.
    fn fetch_through(&mut self, end: u32) -> io::Result<()> {
        if end <= self.fetched_to {
            return Ok(());
        }
        let from = self.fetched_to;
        let len = ((end - from) as usize).max(self.fetch_bytes);
        let len = len.min((self.end - from) as usize);
        match self.bytes.fetch(from, len) {
            // what is damaged may stand behind what is wanted
            Err(_) if len > (end - from) as usize => {
                self.bytes.fetch(from, (end - from) as usize)?;
                self.fetched_to = end;
            }
            result => {
                result?;
                self.fetched_to = from + len as u32;
            }
        }
        Ok(())
    }
}

fn damaged(position: u32) -> io::Error {
    let text = format!("no frame at position {position}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
