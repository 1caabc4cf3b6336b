//! Reading a segment from its start, frame by frame, checking everything: how recovery learns what
//! a segment holds, and how a truncation learns what is left.
//!
//! Reads by `pread`, so that an unreadable sector is an error and not the end of the process.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use ottla_platform::disk::DiskFile;
use ottla_protocol::records::{BatchHeader, HEADER_LEN, MAGIC};

use crate::frame::{Frame, header_is_private};
use crate::history::History;
use crate::segment::{Head, Kind, Segment, SegmentFiles};

/// Read at once; larger only for a larger frame.
const CHUNK: usize = 1 << 20;

/// What a scan found.
pub(super) struct Scan {
    /// The segment up to the last good frame, its index entries all in memory.
    pub(super) segment: Segment,
    /// Whether the scan came to its end without a bad frame.
    pub(super) whole: bool,
}

/// Scans the first `limit` bytes, but not beyond the frame before `stop_index`. `history` is that
/// of the segment's start, and then that of the scan's end.
pub(super) fn scan(
    files: &Arc<SegmentFiles>,
    head: Head,
    limit: u64,
    stop_index: u64,
    history: &mut History,
    interval_bytes: u32,
) -> io::Result<Scan> {
    let mut segment = Segment::new(head, Arc::clone(files));
    let mut reader = Reader::new(files.open(Kind::Log)?, limit);
    let mut whole = true;
    while history.next_index() < stop_index && reader.position < limit {
        let Some(frame) = reader.next(history)? else {
            whole = false;
            break;
        };
        let Ok(noted) = history.note(&frame) else {
            whole = false;
            break;
        };
        segment.note(&noted, frame.header.max_timestamp, interval_bytes);
        reader.position = segment.len.into();
    }
    segment.written = segment.len;
    Ok(Scan { segment, whole })
}

/// Reads ahead in chunks.
struct Reader {
    file: Arc<dyn DiskFile>,
    limit: u64,
    position: u64,
    chunk: Vec<u8>,
    chunk_at: u64,
}

impl Reader {
    fn new(file: Arc<dyn DiskFile>, limit: u64) -> Reader {
        Reader {
            file,
            limit,
            position: 0,
            chunk: Vec::new(),
            chunk_at: 0,
        }
    }

    /// The frame at the position if it is a good one that follows `history`. Its payload is there
    /// only if it is small and may matter: of control batches and raft-only frames.
    fn next(&mut self, history: &History) -> io::Result<Option<Frame>> {
        let left = self.limit - self.position;
        if left < HEADER_LEN as u64 {
            return Ok(None);
        }
        let Some(header) = BatchHeader::parse(self.fill(HEADER_LEN)?) else {
            return Ok(None);
        };
        let size = header.size_bytes();
        if size < HEADER_LEN || size as u64 > left || !follows(&header, history) {
            return Ok(None);
        }
        let payload = &self.fill(size)?[HEADER_LEN..size];
        if header.crc_with(payload) != header.crc {
            return Ok(None);
        }
        let payload = if header.attributes.is_control() {
            Bytes::copy_from_slice(payload)
        } else {
            Bytes::new()
        };
        let frame = Frame { header, payload };
        let right_place = match frame.as_private() {
            None => true,
            Some(Ok((index, _))) => index == history.next_index(),
            Some(Err(_)) => false,
        };
        Ok(right_place.then_some(frame))
    }

    /// At least `len` bytes from the position, which lie before the limit.
    fn fill(&mut self, len: usize) -> io::Result<&[u8]> {
        let start = (self.position - self.chunk_at) as usize;
        if start + len > self.chunk.len() {
            let left = usize::try_from(self.limit - self.position).unwrap_or(usize::MAX);
            self.chunk.resize(len.max(CHUNK).min(left), 0);
            self.chunk_at = self.position;
            self.file.read_exact_at(&mut self.chunk, self.position)?;
            return Ok(&self.chunk);
        }
        Ok(&self.chunk[start..])
    }
}

/// Whether a frame with this header may come next.
fn follows(header: &BatchHeader, history: &History) -> bool {
    let last_term = history.last.map_or(0, |id| id.term);
    header.magic == MAGIC
        && header.base_offset == history.next_offset
        && header.partition_leader_epoch >= last_term
        && (header.last_offset_delta >= 0 || header_is_private(header))
}
