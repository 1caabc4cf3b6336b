//! A segment as the log keeps it in memory.

use std::io;
use std::sync::Arc;

use ottla_platform::disk::DiskFile;

use super::{FileEntries, HEAD_LEN, Head, Kind, SegmentFiles, Sparse, TimeEntry, Times};
use crate::history::Noted;
use crate::transactions::{ABORTED_LEN, AbortedEntry};

/// A segment. Positions are bytes from the start of its log.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) head: Head,
    pub(crate) files: Arc<SegmentFiles>,
    /// End of the frames appended.
    pub(crate) len: u32,
    /// End of the frames that stand in the file.
    pub(crate) written: u32,
    /// Raft index after the last frame.
    pub(crate) next_index: u64,
    /// Kafka offset after the last record.
    pub(crate) next_offset: i64,
    /// `None` if they stand only in the time index, as for a closed segment.
    pub(crate) times: Option<Times>,
    pub(crate) sparse: Sparse,
    pub(crate) aborted: Aborted,
}

/// The index of aborted transactions of a segment.
#[derive(Debug, Clone)]
pub(crate) enum Aborted {
    /// Of the segment being written: all entries, of which the first stand in the file.
    Known {
        all: Vec<AbortedEntry>,
        in_file: usize,
    },
    /// Of a closed segment: in the file, if there is one.
    InFile,
}

impl Segment {
    /// A segment without frames.
    pub(crate) fn new(head: Head, files: Arc<SegmentFiles>) -> Segment {
        Segment {
            head,
            files,
            len: 0,
            written: 0,
            next_index: head.first_index,
            next_offset: head.base_offset,
            times: Some(Times::NONE),
            sparse: Sparse::empty(),
            aborted: Aborted::Known {
                all: Vec::new(),
                in_file: 0,
            },
        }
    }

    /// A closed segment of which nothing was read but what the next one says of it.
    pub(crate) fn closed(head: Head, files: Arc<SegmentFiles>, next: &Head) -> Segment {
        let len = u32::try_from(head.len_before(next)).unwrap_or(u32::MAX);
        Segment {
            len,
            written: len,
            next_index: next.first_index,
            next_offset: next.base_offset,
            times: None,
            sparse: Sparse::closed(),
            aborted: Aborted::InFile,
            ..Segment::new(head, files)
        }
    }

    /// Whether no record stands in it; raft-only frames may.
    pub(crate) fn has_no_records(&self) -> bool {
        self.next_offset == self.head.base_offset
    }

    /// Whether a transaction was aborted in it, as far as that is in memory.
    pub(crate) fn has_aborted(&self) -> bool {
        matches!(&self.aborted, Aborted::Known { all, .. } if !all.is_empty())
    }

    /// Adds a frame at the end; its position.
    pub(crate) fn note(&mut self, noted: &Noted, max_timestamp: i64, interval_bytes: u32) -> u32 {
        let position = self.len;
        let mut times = self.times.unwrap_or(Times::NONE);
        self.sparse.note(
            (self.head.base_offset, self.head.first_index),
            (&noted.meta, max_timestamp),
            position,
            &mut times,
            interval_bytes,
        );
        self.times = Some(times);
        self.len = position
            .checked_add(noted.meta.size_bytes)
            .expect("a segment is rolled before it exceeds 31 bits");
        self.next_index = noted.meta.next_index();
        self.next_offset = noted.meta.next_offset;
        if let (Some(entry), Aborted::Known { all, .. }) = (noted.aborted, &mut self.aborted) {
            all.push(entry);
        }
        position
    }

    /// Entries of the time index are complete from now on.
    pub(crate) fn finish_times(&mut self) {
        if let Some(times) = self.times {
            self.sparse.note_time(&times, self.head.base_offset);
        }
    }

    /// Writes index files that hold exactly the entries in memory; those to sync. The file of
    /// aborted transactions is there only if there are any.
    pub(crate) fn write_index_anew(&mut self) -> io::Result<Vec<Arc<dyn DiskFile>>> {
        let mut dirty = Vec::new();
        for (kind, start, bytes) in self.take_indexes() {
            let is_needed = kind != Kind::Transactions || !bytes.is_empty();
            let is_there = || match self.files.read(kind) {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(true),
                read => Ok::<_, io::Error>(read?.is_some()),
            };
            if is_needed || is_there()? {
                let file = self.files.open(kind)?;
                file.set_len(start as u64)?;
                file.write_all_at(&bytes, start as u64)?;
                dirty.push(file);
            }
        }
        Ok(dirty)
    }

    /// All entries in memory, which count as written from now on: of each index file its kind, where they
    /// begin in it, and their bytes.
    pub(crate) fn take_indexes(&mut self) -> Vec<(Kind, usize, Vec<u8>)> {
        let sparse = &mut self.sparse;
        let mut indexes = vec![
            (Kind::Offsets, 0, sparse.offsets.take_all()),
            (Kind::Times, 0, sparse.times.take_all()),
            (Kind::Raft, HEAD_LEN, sparse.raft.take_all()),
        ];
        if let Aborted::Known { all, in_file } = &mut self.aborted {
            *in_file = all.len();
            let bytes = all.iter().flat_map(AbortedEntry::encode).collect();
            indexes.push((Kind::Transactions, 0, bytes));
        }
        indexes
    }

    /// Largest timestamp, with the last offset of the first batch that has it. May read a file.
    pub(crate) fn max_timestamp(&self) -> io::Result<Option<(i64, i64)>> {
        let base = self.head.base_offset;
        let known = match self.times {
            Some(times) => (times.max >= 0).then_some((times.max, times.max_offset)),
            None => {
                let entries = self.time_entries()?;
                let last = entries.count.checked_sub(1);
                let last = last.map(|n| entries.get(n)).transpose()?;
                last.map(|e| (e.timestamp, base + i64::from(e.relative_offset)))
            }
        };
        Ok(known)
    }

    pub(crate) fn time_entries(&self) -> io::Result<FileEntries<TimeEntry>> {
        self.files.entries(Kind::Times, self.sparse.times.in_file)
    }

    /// Transactions aborted by markers in this segment. May read a file.
    pub(crate) fn aborted(&self) -> io::Result<Vec<AbortedEntry>> {
        if let Aborted::Known { all, .. } = &self.aborted {
            return Ok(all.clone());
        }
        let bytes = self.files.read(Kind::Transactions)?.unwrap_or_default();
        let (entries, _) = bytes.as_chunks::<ABORTED_LEN>();
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "unknown transaction index");
        let entries = entries
            .iter()
            .map(|e| AbortedEntry::decode(e).ok_or_else(bad));
        entries.collect()
    }
}
