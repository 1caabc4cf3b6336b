//! Reading the files of a log from outside, while a broker may have it open or after it broke.
//!
//! Nothing is opened for writing, no lock is taken, nothing is repaired: what does not make sense is told with its
//! position. A log that is being written may end in the middle of a frame; the reader is told that as well.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ottla_platform::disk::{Disk, DiskFile, OpenMode};
use ottla_protocol::records::{BatchError, BatchHeader, HEADER_LEN};

use crate::boundary::Boundary;
use crate::frame::Frame;
use crate::segment::{self, FileEntries, HEAD_LEN, Head, Kind, OffsetEntry, RaftEntry, TimeEntry};
use crate::small_file;
use crate::transactions::{ABORTED_LEN, AbortedEntry};

/// A frame larger than this is taken for damage: no broker accepts a batch of that size.
const FRAME_BYTES_MAX: usize = 1 << 30;

/// A frame where it was found.
#[derive(Debug, Clone)]
pub struct FoundFrame {
    /// Its first byte in the file.
    pub position: u64,
    /// The frame.
    pub frame: Frame,
    /// Whether its bytes are what its checksum says.
    pub crc: Result<(), BatchError>,
}

/// Where a log stops to make sense.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Something that is no frame.
    #[error("no frame at position {position}: {reason}")]
    NoFrame {
        /// Where.
        position: u64,
        /// What is wrong with it.
        reason: BatchError,
    },
    /// The disk fails.
    #[error("cannot read at position {position}: {error}")]
    Io {
        /// Where.
        position: u64,
        /// How.
        error: io::Error,
    },
}

/// The frames of a `.log` file, one after the other.
pub struct Frames {
    file: Arc<dyn DiskFile>,
    position: u64,
    end: u64,
    /// Whether more may be written behind the end.
    may_grow: bool,
    is_over: bool,
}

impl Frames {
    /// Begins at the file's start and ends at its length now, or before it at `end`.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(disk: &dyn Disk, path: &Path, end: Option<u64>) -> io::Result<Frames> {
        let file = disk.open(path, OpenMode::Read)?;
        let len = file.len()?;
        Ok(Frames {
            file,
            position: 0,
            end: end.map_or(len, |end| end.min(len)),
            may_grow: end.is_none(),
            is_over: false,
        })
    }

    fn read(&self, position: u64) -> Result<FoundFrame, InspectError> {
        let no_frame = |reason| InspectError::NoFrame { position, reason };
        let io = |error| InspectError::Io { position, error };
        let left = usize::try_from(self.end - position).unwrap_or(usize::MAX);
        let short = |need| BatchError::Truncated { have: left, need };
        if left < HEADER_LEN {
            return Err(no_frame(short(HEADER_LEN)));
        }
        let mut head = [0; HEADER_LEN];
        self.file.read_exact_at(&mut head, position).map_err(io)?;
        let header = BatchHeader::parse(&head).ok_or_else(|| no_frame(short(HEADER_LEN)))?;
        if header.magic != ottla_protocol::records::MAGIC {
            return Err(no_frame(BatchError::BadMagic(header.magic)));
        }
        let size = header.size_bytes();
        if !(HEADER_LEN..=FRAME_BYTES_MAX).contains(&size) {
            return Err(no_frame(BatchError::BadLength(header.batch_length)));
        }
        if size > left {
            return Err(no_frame(short(size)));
        }
        let mut payload = vec![0; size - HEADER_LEN];
        let behind = position + HEADER_LEN as u64;
        self.file.read_exact_at(&mut payload, behind).map_err(io)?;
        let frame = Frame {
            header,
            payload: Bytes::from(payload),
        };
        let crc = frame.verify_crc();
        Ok(FoundFrame {
            position,
            frame,
            crc,
        })
    }
}

impl Iterator for Frames {
    type Item = Result<FoundFrame, InspectError>;

    /// The next frame; after an error there is none, because nobody knows where it would begin.
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over || self.position >= self.end {
            return None;
        }
        let mut read = self.read(self.position);
        if self.may_grow
            && let Err(InspectError::NoFrame {
                reason: BatchError::Truncated { .. },
                ..
            }) = read
            && let Ok(len) = self.file.len()
            && len > self.end
        {
            // It was being written when the length was looked at.
            self.end = len;
            read = self.read(self.position);
        }
        match &read {
            Ok(found) => self.position += found.frame.size_bytes() as u64,
            Err(_) => self.is_over = true,
        }
        Some(read)
    }
}

/// What a file of a log's folder is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Frames.
    Log,
    /// Positions by Kafka offset.
    OffsetIndex,
    /// Offsets by time.
    TimeIndex,
    /// Aborted transactions.
    TransactionIndex,
    /// Positions by Raft index.
    RaftIndex,
    /// What is known at a segment's start.
    Boundary,
}

/// Base offset and kind of a segment's file; `None` if the name is none of a segment's.
pub fn file_kind(name: &str) -> Option<(i64, FileKind)> {
    let (base_offset, kind) = segment::base_offset_of(name)?;
    let kind = match kind {
        Kind::Log => FileKind::Log,
        Kind::Offsets => FileKind::OffsetIndex,
        Kind::Times => FileKind::TimeIndex,
        Kind::Transactions => FileKind::TransactionIndex,
        Kind::Raft => FileKind::RaftIndex,
        Kind::Boundary => FileKind::Boundary,
    };
    Some((base_offset, kind))
}

/// One line of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexEntry {
    /// A batch whose last offset this is begins there.
    Offset {
        /// Kafka offset.
        offset: i64,
        /// Position in the log.
        position: u32,
    },
    /// Records up to there are no younger.
    Time {
        /// Largest timestamp so far.
        timestamp: i64,
        /// Kafka offset.
        offset: i64,
    },
    /// A frame begins there.
    Raft {
        /// Raft index.
        index: u64,
        /// Position in the log.
        position: u32,
    },
    /// Where a segment begins.
    Head {
        /// Kafka offset of its first record.
        base_offset: i64,
        /// Raft index of its first frame.
        first_index: u64,
        /// Bytes of the segment before it that count.
        previous_bytes: u64,
    },
    /// An aborted transaction.
    Aborted {
        /// Its producer.
        producer_id: i64,
        /// Offset of its first record.
        first_offset: i64,
        /// Offset of its marker.
        last_offset: i64,
    },
}

/// The entries of an index file; a boundary has none.
///
/// # Errors
/// The file cannot be read, or (`InvalidData`) is no such index; the text says where.
pub fn read_index(
    disk: &dyn Disk,
    path: &Path,
    base: i64,
    kind: FileKind,
) -> io::Result<Vec<IndexEntry>> {
    let file = disk.open(path, OpenMode::Read)?;
    let absolute = |relative: u32| base + i64::from(relative);
    match kind {
        FileKind::OffsetIndex => entries(file, 0, |entry: OffsetEntry| IndexEntry::Offset {
            offset: absolute(entry.relative_offset),
            position: entry.position,
        }),
        FileKind::TimeIndex => entries(file, 0, |entry: TimeEntry| IndexEntry::Time {
            timestamp: entry.timestamp,
            offset: absolute(entry.relative_offset),
        }),
        FileKind::RaftIndex => {
            let mut bytes = [0; HEAD_LEN];
            file.read_exact_at(&mut bytes, 0)?;
            let head = Head::decode(&bytes).ok_or_else(|| damaged(0))?;
            let mut all = vec![IndexEntry::Head {
                base_offset: head.base_offset,
                first_index: head.first_index,
                previous_bytes: head.previous_len,
            }];
            all.extend(entries(file, HEAD_LEN, |entry: RaftEntry| {
                IndexEntry::Raft {
                    index: head.first_index + u64::from(entry.relative_index),
                    position: entry.position,
                }
            })?);
            Ok(all)
        }
        FileKind::TransactionIndex => aborted(&*file),
        FileKind::Log | FileKind::Boundary => Ok(Vec::new()),
    }
}

fn entries<E: segment::Entry>(
    file: Arc<dyn DiskFile>,
    start: usize,
    show: impl Fn(E) -> IndexEntry,
) -> io::Result<Vec<IndexEntry>> {
    let behind = file.len()?.saturating_sub(start as u64);
    let entries: FileEntries<E> = FileEntries::new(file, start, None)?;
    let mut all = Vec::new();
    for n in 0..entries.count {
        all.push(show(entries.get(n)?));
    }
    match behind % E::LEN as u64 {
        0 => Ok(all),
        rest => Err(damaged(start as u64 + behind - rest)),
    }
}

fn aborted(file: &dyn DiskFile) -> io::Result<Vec<IndexEntry>> {
    let len = file.len()?;
    let mut all = Vec::new();
    let mut position = 0;
    while position < len {
        let mut bytes = [0; ABORTED_LEN];
        file.read_exact_at(&mut bytes, position)
            .map_err(|_| damaged(position))?;
        let entry = AbortedEntry::decode(&bytes).ok_or_else(|| damaged(position))?;
        all.push(IndexEntry::Aborted {
            producer_id: entry.transaction.producer_id,
            first_offset: entry.transaction.first_offset,
            last_offset: entry.transaction.marker_offset,
        });
        position += ABORTED_LEN as u64;
    }
    Ok(all)
}

/// What is known at a segment's start.
///
/// # Errors
/// The file cannot be read, or (`InvalidData`) is damaged.
pub fn read_boundary(disk: &dyn Disk, path: &Path) -> io::Result<Boundary> {
    let bytes = small_file::read(disk, path)?.ok_or(io::ErrorKind::NotFound)?;
    let invalid =
        |error: crate::BadBoundary| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    Boundary::decode(&bytes).map_err(invalid)
}

fn damaged(position: u64) -> io::Error {
    let text = format!("no entry at position {position}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use ottla_platform::sim::SimDisk;
    use ottla_protocol::records::Batch;

    use super::*;
    use crate::{LogId, Private};

    fn file(disk: &SimDisk, bytes: &[u8]) {
        let file = disk.open(Path::new("f"), OpenMode::Truncate).unwrap();
        file.write_all_at(bytes, 0).unwrap();
    }

    fn blank(index: u64) -> Bytes {
        let id = LogId { term: 1, index };
        Batch::from(Frame::private(id, 5, &Private::Blank)).to_bytes()
    }

    #[test]
    fn frames_are_found_up_to_what_is_none() {
        let disk = SimDisk::new(0);
        let mut bytes = [blank(0), blank(1)].concat();
        let second = bytes.len() as u64 / 2;
        // A byte of the second frame's private part.
        *bytes.last_mut().unwrap() ^= 1;
        bytes.extend([7; 70]);
        file(&disk, &bytes);
        let mut frames = Frames::open(&disk, Path::new("f"), None).unwrap();
        assert!(frames.next().unwrap().unwrap().crc.is_ok());
        let damaged = frames.next().unwrap().unwrap();
        assert!(damaged.position == second && damaged.crc.is_err());
        let error = frames.next().unwrap().unwrap_err();
        assert!(matches!(error, InspectError::NoFrame { position, .. } if position == 2 * second));
        assert!(frames.next().is_none());
        let frames = Frames::open(&disk, Path::new("f"), Some(second)).unwrap();
        assert_eq!(frames.count(), 1);
    }

    #[test]
    fn a_torn_index_is_told_with_its_position() {
        let disk = SimDisk::new(0);
        file(&disk, &[0, 0, 0, 1, 0, 0, 0, 2, 9]);
        let read = read_index(&disk, Path::new("f"), 10, FileKind::OffsetIndex);
        assert_eq!(read.unwrap_err().to_string(), "no entry at position 8");
        file(&disk, &[0, 0, 0, 1, 0, 0, 0, 2]);
        let read = read_index(&disk, Path::new("f"), 10, FileKind::OffsetIndex).unwrap();
        assert_eq!(
            read,
            [IndexEntry::Offset {
                offset: 11,
                position: 2
            }]
        );
    }
}
