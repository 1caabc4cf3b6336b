//! Reading a segment from its start, frame by frame, checking everything: how recovery learns what
//! a segment holds, and how a truncation learns what is left.
//!
//! What the disk does not give is a bad frame.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use ottla_platform::disk::{DiskFile, is_unreadable};
use ottla_protocol::records::{BatchHeader, HEADER_LEN};

use super::expected::Expected;
use crate::frame::Frame;
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
    /// It did not because the disk does not give what stands there.
    pub(super) is_unreadable: bool,
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
        let Some(frame) = reader.next(&Expected::after(history))? else {
            whole = false;
            break;
        };
        // a gap is not cut
        if history.next_index() + u64::from(frame.indexes()) > stop_index {
            break;
        }
        let Ok(noted) = history.note(&frame) else {
            whole = false;
            break;
        };
        segment.note(&noted, frame.header.max_timestamp, interval_bytes);
        reader.position = segment.len.into();
    }
    segment.written = segment.len;
    Ok(Scan {
        segment,
        whole,
        is_unreadable: reader.is_unreadable,
    })
}

/// Reads ahead in chunks.
pub(super) struct Reader {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) limit: u64,
    pub(super) position: u64,
    /// The disk does not give the frame at the position.
    pub(super) is_unreadable: bool,
    chunk: Vec<u8>,
    chunk_at: u64,
}

impl Reader {
    pub(super) fn new(file: Arc<dyn DiskFile>, limit: u64) -> Reader {
        Reader {
            file,
            limit,
            position: 0,
            is_unreadable: false,
            chunk: Vec::new(),
            chunk_at: 0,
        }
    }

    /// The frame at the position if it is a good one and the one expected. Its payload is there only if it
    /// is small and may matter: of control batches and raft-only frames.
    pub(super) fn next(&mut self, expected: &Expected) -> io::Result<Option<Frame>> {
        match self.read(expected) {
            Err(error) if is_unreadable(&error) => {
                self.is_unreadable = true;
                self.look_again();
                Ok(None)
            }
            read => read,
        }
    }

    fn read(&mut self, expected: &Expected) -> io::Result<Option<Frame>> {
        let left = self.limit - self.position;
        if left < HEADER_LEN as u64 {
            return Ok(None);
        }
        let Some(header) = BatchHeader::parse(self.fill(HEADER_LEN)?) else {
            return Ok(None);
        };
        let size = header.size_bytes();
        if size < HEADER_LEN || size as u64 > left || !expected.is_headed_by(&header) {
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
        Ok(expected.is(&frame).then_some(frame))
    }

    /// The payload of the frame at the position, which was found good.
    pub(super) fn payload(&mut self, header: &BatchHeader) -> io::Result<Bytes> {
        let size = header.size_bytes();
        Ok(Bytes::copy_from_slice(&self.fill(size)?[HEADER_LEN..size]))
    }

    /// Forgets what was read ahead: it was written again.
    pub(super) fn look_again(&mut self) {
        self.chunk.clear();
        self.chunk_at = self.position;
    }

    /// At least `len` bytes from the position, which lie before the limit.
    fn fill(&mut self, len: usize) -> io::Result<&[u8]> {
        let start = (self.position - self.chunk_at) as usize;
        if start + len > self.chunk.len() {
            let left = usize::try_from(self.limit - self.position).unwrap_or(usize::MAX);
            self.chunk.resize(len.max(CHUNK).min(left), 0);
            self.chunk_at = self.position;
            match self.file.read_exact_at(&mut self.chunk, self.position) {
                // what is not given may stand behind what is wanted
                Err(error) if is_unreadable(&error) => {
                    self.chunk.truncate(len);
                    self.file.read_exact_at(&mut self.chunk, self.position)?;
                }
                read => read?,
            }
            return Ok(&self.chunk);
        }
        Ok(&self.chunk[start..])
    }
}

/// A segment that is being read.
pub(super) struct Source {
    reader: Reader,
    expected: Expected,
    path: PathBuf,
}

impl Source {
    pub(super) fn of(segment: &Segment) -> io::Result<Source> {
        let file = segment.files.open(Kind::Log)?;
        Ok(Source {
            reader: Reader::new(file, segment.len.into()),
            expected: Expected::behind(segment.head.previous(), segment.head.base_offset),
            path: segment.files.path(Kind::Log),
        })
    }

    /// The next frame, checked, and its index.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Frame)>> {
        let reader = &mut self.reader;
        if reader.position >= reader.limit {
            return Ok(None);
        }
        let index = self.expected.index;
        let Some(mut frame) = reader.next(&self.expected)? else {
            let text = format!("{} is damaged at {}", self.path.display(), reader.position);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        };
        if !frame.header.attributes.is_control() {
            frame.payload = reader.payload(&frame.header)?;
        }
        reader.position += frame.header.size_bytes() as u64;
        self.expected.pass(&frame.header);
        Ok(Some((index, frame)))
    }
}
