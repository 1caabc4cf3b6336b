//! Which frames of a segment get index entries, decided as Kafka does: a frame gets one when more
//! than `index.interval.bytes` were appended since the last. Raft-only frames get entries only in
//! the index of Raft positions, which counts for itself.

use super::entries::EntryList;
use super::{OffsetEntry, RaftEntry, TimeEntry};
use crate::entry::{EntryKind, EntryMeta};

/// Timestamps of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// Of the first batch; −1 if it has none. `None` while there is no batch.
    pub(crate) first: Option<i64>,
    /// Largest, or −1.
    pub(crate) max: i64,
    /// Last offset of the first batch that has it.
    pub(crate) max_offset: i64,
}

impl Times {
    pub(crate) const NONE: Times = Times {
        first: None,
        max: -1,
        max_offset: -1,
    };

    fn note(&mut self, max_timestamp: i64, last_offset: i64) {
        self.first.get_or_insert(max_timestamp);
        if max_timestamp > self.max {
            self.max = max_timestamp;
            self.max_offset = last_offset;
        }
    }
}

/// The three indexes of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Sparse {
    pub(crate) offsets: EntryList<OffsetEntry>,
    pub(crate) times: EntryList<TimeEntry>,
    pub(crate) raft: EntryList<RaftEntry>,
    /// Bytes appended since the last offset entry.
    pub(crate) since_offset: u64,
    /// Bytes appended since the last Raft entry.
    pub(crate) since_raft: u64,
    /// Timestamp of the last time entry, or −1.
    pub(crate) last_time: i64,
}

impl Sparse {
    /// Indexes of a new segment.
    pub(crate) fn empty() -> Sparse {
        Sparse {
            offsets: EntryList::empty(),
            times: EntryList::empty(),
            raft: EntryList::empty(),
            since_offset: 0,
            since_raft: 0,
            last_time: -1,
        }
    }

    /// Indexes of a closed segment, all in their files.
    pub(crate) fn closed() -> Sparse {
        let mut sparse = Sparse::empty();
        sparse.offsets.in_file = None;
        sparse.times.in_file = None;
        sparse.raft.in_file = None;
        sparse
    }

    /// Notes a frame of the segment that begins at `base_offset` and `first_index`.
    pub(crate) fn note(
        &mut self,
        (base_offset, first_index): (i64, u64),
        (meta, max_timestamp): (&EntryMeta, i64),
        position: u32,
        times: &mut Times,
        interval_bytes: u32,
    ) {
        let interval = u64::from(interval_bytes);
        let size = u64::from(meta.size_bytes);
        // a follower's segment with many gaps may have more indexes than fit
        if self.since_raft > interval
            && let Ok(relative_index) = u32::try_from(meta.id.index - first_index)
        {
            self.raft.pending.push(RaftEntry {
                relative_index,
                position,
            });
            self.since_raft = 0;
        }
        self.since_raft += size;
        if !matches!(meta.kind, EntryKind::Private(_)) {
            let last_offset = meta.next_offset - 1;
            times.note(max_timestamp, last_offset);
            if self.since_offset > interval {
                self.offsets.pending.push(OffsetEntry {
                    relative_offset: relative(last_offset, base_offset),
                    position,
                });
                self.note_time(times, base_offset);
                self.since_offset = 0;
            }
        }
        self.since_offset += size;
    }

    /// Adds the entry that makes the segment's largest timestamp the last of its index.
    pub(crate) fn note_time(&mut self, times: &Times, base_offset: i64) {
        if times.max > self.last_time {
            self.last_time = times.max;
            self.times.pending.push(TimeEntry {
                timestamp: times.max,
                relative_offset: relative(times.max_offset, base_offset),
            });
        }
    }

    /// Whether an index has no room for another entry; one is kept for closing.
    pub(crate) fn is_full(&self, index_bytes_max: u32) -> bool {
        let room = |entry_len: usize| index_bytes_max as usize / entry_len;
        self.offsets.len() >= room(8) || self.times.len() + 1 >= room(12)
    }

    /// Entries in memory.
    pub(crate) fn pending(&self) -> usize {
        self.offsets.pending.len() + self.times.pending.len() + self.raft.pending.len()
    }
}

fn relative(offset: i64, base_offset: i64) -> u32 {
    u32::try_from(offset - base_offset).expect("a segment is rolled before offsets exceed 31 bits")
}
