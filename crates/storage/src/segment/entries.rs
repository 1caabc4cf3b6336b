//! Index entries: Kafka's for offsets and times, ours for Raft positions; and lists of them, in a
//! file and in memory. All big-endian, ascending, without gaps or padding.
//!
//! | file | bytes | entry |
//! |---|---|---|
//! | `.index` | 4 + 4 | last offset of a batch, relative to the base offset; its position |
//! | `.timeindex` | 8 + 4 | largest timestamp so far; relative last offset of the first batch that has it |
//! | `.raftindex` | 4 + 4 | Raft index of a frame, relative to the first; its position |

use std::io;
use std::sync::Arc;

use ottla_platform::disk::DiskFile;

/// An entry of an index file.
pub(crate) trait Entry: Copy {
    const LEN: usize;
    fn put(&self, to: &mut Vec<u8>);
    fn get(bytes: &[u8]) -> Self;
}

/// Finds a batch by offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub(crate) relative_offset: u32,
    pub(crate) position: u32,
}

/// Finds an offset by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    pub(crate) relative_offset: u32,
}

/// Finds a frame by Raft index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RaftEntry {
    pub(crate) relative_index: u32,
    pub(crate) position: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let field = bytes[at..].first_chunk();
    u32::from_be_bytes(*field.expect("callers pass LEN bytes"))
}

impl Entry for OffsetEntry {
    const LEN: usize = 8;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.relative_offset.to_be_bytes());
        to.extend_from_slice(&self.position.to_be_bytes());
    }

    fn get(bytes: &[u8]) -> OffsetEntry {
        OffsetEntry {
            relative_offset: u32_at(bytes, 0),
            position: u32_at(bytes, 4),
        }
    }
}

impl Entry for TimeEntry {
    const LEN: usize = 12;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.timestamp.to_be_bytes());
        to.extend_from_slice(&self.relative_offset.to_be_bytes());
    }

    fn get(bytes: &[u8]) -> TimeEntry {
        TimeEntry {
            timestamp: i64::from_be_bytes(*bytes.first_chunk().expect("callers pass LEN bytes")),
            relative_offset: u32_at(bytes, 8),
        }
    }
}

impl Entry for RaftEntry {
    const LEN: usize = 8;

    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.relative_index.to_be_bytes());
        to.extend_from_slice(&self.position.to_be_bytes());
    }

    fn get(bytes: &[u8]) -> RaftEntry {
        RaftEntry {
            relative_index: u32_at(bytes, 0),
            position: u32_at(bytes, 4),
        }
    }
}

/// The entries of one index of the segment being written: those in the file, and newer ones that
/// are still in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct EntryList<E> {
    /// `None`: all that the file holds, because the segment is closed.
    pub(crate) in_file: Option<u32>,
    pub(crate) pending: Vec<E>,
}

impl<E: Entry> EntryList<E> {
    /// An index without entries.
    pub(crate) fn empty() -> EntryList<E> {
        EntryList {
            in_file: Some(0),
            pending: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.in_file.unwrap_or(0) as usize + self.pending.len()
    }

    /// The last entry in memory that lies before the point where `beyond` becomes true.
    pub(crate) fn floor_pending(&self, beyond: impl Fn(&E) -> bool) -> Option<E> {
        let after = self.pending.partition_point(|entry| !beyond(entry));
        self.pending.get(after.checked_sub(1)?).copied()
    }

    /// Bytes of the first `count` entries in memory.
    pub(crate) fn pending_bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count * E::LEN);
        self.pending[..count]
            .iter()
            .for_each(|entry| entry.put(&mut bytes));
        bytes
    }

    /// Bytes of all entries, which are all in memory; they count as written.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        let bytes = self.pending_bytes(self.pending.len());
        self.in_file = Some(0);
        self.written(self.pending.len());
        bytes
    }

    /// Notes that the first `count` entries in memory are now in the file.
    pub(crate) fn written(&mut self, count: usize) {
        self.pending.drain(..count);
        self.pending.shrink_to(64);
        self.in_file = self.in_file.map(|n| n + count as u32);
    }
}

/// Entries in a file, read one by one: a look-up needs few of them.
pub(crate) struct FileEntries<E> {
    file: Arc<dyn DiskFile>,
    start: u64,
    pub(crate) count: u32,
    entry: std::marker::PhantomData<E>,
}

impl<E: Entry> FileEntries<E> {
    /// The first `count` entries after `start` bytes, or all of them.
    pub(crate) fn new(
        file: Arc<dyn DiskFile>,
        start: usize,
        count: Option<u32>,
    ) -> io::Result<FileEntries<E>> {
        let start = start as u64;
        let there = || -> io::Result<u32> {
            let entries = file.len()?.saturating_sub(start) / E::LEN as u64;
            Ok(u32::try_from(entries).unwrap_or(u32::MAX))
        };
        let count = count.map_or_else(there, Ok)?;
        Ok(FileEntries {
            file,
            start,
            count,
            entry: std::marker::PhantomData,
        })
    }

    pub(crate) fn get(&self, n: u32) -> io::Result<E> {
        let mut bytes = [0; 16];
        let bytes = &mut bytes[..E::LEN];
        self.file
            .read_exact_at(bytes, self.start + u64::from(n) * E::LEN as u64)?;
        Ok(E::get(bytes))
    }

    /// How many entries lie before the point where `beyond` becomes true.
    pub(crate) fn count_before(&self, beyond: impl Fn(&E) -> bool) -> io::Result<u32> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if beyond(&self.get(middle)?) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// The last entry before the point where `beyond` becomes true.
    pub(crate) fn floor(&self, beyond: impl Fn(&E) -> bool) -> io::Result<Option<E>> {
        let before = self.count_before(beyond)?;
        before.checked_sub(1).map(|n| self.get(n)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_platform::disk::{Disk, OpenMode};
    use ottla_platform::sim::SimDisk;
    use std::path::Path;

    fn bytes_of<E: Entry>(entry: E) -> Vec<u8> {
        let mut bytes = Vec::new();
        entry.put(&mut bytes);
        bytes
    }

    #[test]
    fn entries_have_kafkas_bytes() {
        let offset = OffsetEntry {
            relative_offset: 0x0102,
            position: 0x0304,
        };
        assert_eq!(bytes_of(offset), [0, 0, 1, 2, 0, 0, 3, 4]);
        let time = TimeEntry {
            timestamp: 0x0506,
            relative_offset: 7,
        };
        assert_eq!(bytes_of(time), [0, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 7]);
        assert_eq!(TimeEntry::get(&bytes_of(time)), time);
        let raft = RaftEntry {
            relative_index: 9,
            position: 10,
        };
        assert_eq!(bytes_of(raft), [0, 0, 0, 9, 0, 0, 0, 10]);
        assert_eq!(RaftEntry::get(&bytes_of(raft)), raft);
    }

    #[test]
    fn floors_are_found_in_file_and_memory() {
        let entry = |n: u32| OffsetEntry {
            relative_offset: n * 10,
            position: n,
        };
        let mut list = EntryList::empty();
        list.pending.extend((1..=9).map(entry));
        let disk = SimDisk::new(0);
        let file = disk.open(Path::new("f"), OpenMode::Create).unwrap();
        file.write_all_at(&list.pending_bytes(5), 0).unwrap();
        list.written(5);
        let in_file = FileEntries::<OffsetEntry>::new(file, 0, list.in_file).unwrap();
        for wanted in 0..120 {
            let beyond = |entry: &OffsetEntry| entry.relative_offset > wanted;
            let found = match list.floor_pending(beyond) {
                Some(found) => Some(found),
                None => in_file.floor(beyond).unwrap(),
            };
            let expected = (1..=9)
                .rev()
                .map(entry)
                .find(|e| e.relative_offset <= wanted);
            assert_eq!(found, expected, "{wanted}");
        }
    }
}
