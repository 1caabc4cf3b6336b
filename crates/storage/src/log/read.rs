//! Reads for clients: whole batches by Kafka offset, as slices of the file.
//!
//! What a majority of others has is committed, perhaps before it is written here; then it comes
//! from memory, as a copy.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use ottla_protocol::records::Batch;

use super::handle::Log;
use super::shared::{Inner, LogShared};
use super::types::{ReadError, ReadSlices};
use crate::entry::EntryKind;
use crate::segment::View;
use crate::tail::{Recent, Unwritten};
use crate::transactions::{AbortedEntry, AbortedTransaction};

/// How often a read may find that a file is gone: each time something has deleted or replaced it.
const GONE_MAX: usize = 3;

/// The end of a log is likely to be in memory that far back.
const WARM_BYTES: u64 = 64 << 20;

/// Where the bytes of a read stand, adjacent batches as one range.
#[derive(Debug, Default)]
struct Found {
    ranges: Vec<Range<u32>>,
    /// What follows them and is not written yet.
    in_memory: Vec<Unwritten>,
    first_offset: Option<i64>,
    next_offset: i64,
    size_bytes: usize,
    /// Without a batch: up to here there is none.
    gap_end: i64,
}

/// What the lock gave.
enum Plan {
    Nothing,
    /// Known from memory.
    Found(View, Found),
    Search(View),
}

impl Log {
    /// Whether a read at `offset` is likely not to wait for the disk. One that may is to be made on a
    /// thread that can wait; what it gives is in memory then.
    pub fn is_warm(&self, offset: i64) -> bool {
        self.shared.inner.lock().is_warm(offset)
    }

    /// Whole batches from the one that holds `offset`, or if that was compacted away the next one, up to
    /// `max_bytes` and ending at or before offset `below`. With `min_one` the first batch comes whatever its
    /// size. What may come from the medium is checked.
    ///
    /// # Errors
    /// See [`ReadError`]; of a damaged log, an IO error of the kind [`std::io::ErrorKind::InvalidData`].
    pub fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        min_one: bool,
        below: i64,
    ) -> Result<ReadSlices, ReadError> {
        let limits = Limits {
            max_bytes,
            min_one,
            below,
        };
        again_if_gone(|| match self.try_read(offset, &limits) {
            Err(ReadError::Io(error)) => Err(error),
            result => Ok(result),
        })?
    }

    fn try_read(&self, mut offset: i64, limits: &Limits) -> Result<ReadSlices, ReadError> {
        let maps = &self.shared.dir.maps;
        // as far as compaction has left no batch: to the end of a segment each time
        let (view, found, first_offset, is_warm) = loop {
            let (plan, is_warm) = {
                let inner = self.shared.inner.lock();
                (inner.plan(offset, limits)?, inner.is_warm(offset))
            };
            let (view, found) = match plan {
                Plan::Nothing => return Ok(ReadSlices::nothing_at(offset)),
                Plan::Found(view, found) => (view, found),
                Plan::Search(view) => {
                    let found = search(&view, maps, offset, limits, is_warm)?;
                    (view, found)
                }
            };
            match found.first_offset {
                Some(first_offset) => break (view, found, first_offset, is_warm),
                None if found.gap_end > offset => offset = found.gap_end,
                None => return Ok(ReadSlices::nothing_at(offset)),
            }
        };
        let mut slices = Vec::with_capacity(found.ranges.len() + found.in_memory.len());
        if !found.ranges.is_empty() {
            let bytes = view.bytes(maps)?;
            for range in &found.ranges {
                slices.push(bytes.view(range.start, (range.end - range.start) as usize)?);
            }
        }
        if !is_warm {
            slices.iter().try_for_each(check_batches)?;
        }
        let in_memory = found.in_memory.into_iter();
        slices.extend(in_memory.map(|unwritten| Batch::from(unwritten.sealed()).to_bytes()));
        Ok(ReadSlices {
            slices,
            first_offset,
            next_offset: found.next_offset,
            size_bytes: found.size_bytes,
        })
    }

    /// Aborted transactions with records in `from..to`, ascending by marker. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn aborted_transactions(&self, from: i64, to: i64) -> io::Result<Vec<AbortedTransaction>> {
        let aborted = self.shared.aborted(from, to)?.into_iter();
        let told = aborted.map(|entry| AbortedTransaction {
            producer_id: entry.transaction.producer_id,
            first_offset: entry.transaction.first_offset,
        });
        Ok(told.collect())
    }
}

impl LogShared {
    /// The same, as the indexes have it.
    pub(super) fn aborted(&self, from: i64, to: i64) -> io::Result<Vec<AbortedEntry>> {
        again_if_gone(|| {
            let segments: Vec<_> = {
                let inner = self.inner.lock();
                let first = inner.segments.partition_point(|s| s.next_offset <= from);
                inner.segments[first..].to_vec()
            };
            let mut aborted = Vec::new();
            for segment in segments {
                for entry in segment.aborted()? {
                    if entry.overlaps(from, to) {
                        aborted.push(entry);
                    }
                    if entry.last_stable_offset >= to {
                        // every transaction that ends later begins at or after `to`
                        return Ok(aborted);
                    }
                }
            }
            Ok(aborted)
        })
    }
}

/// Reads what is in files, a few times more if one of them was deleted between the look at the log and its
/// opening.
pub(super) fn again_if_gone<T>(mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..GONE_MAX {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
    }
    read()
}

/// Compares the checksums of adjacent batches.
fn check_batches(bytes: &Bytes) -> io::Result<()> {
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let batch = Batch::split_from(&mut rest).map_err(damaged)?;
        batch.verify_crc().map_err(damaged)?;
    }
    Ok(())
}

fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

struct Limits {
    max_bytes: usize,
    min_one: bool,
    below: i64,
}

impl Inner {
    /// In the tail, or written by this process and not far from the log's end.
    fn is_warm(&self, offset: i64) -> bool {
        if self.tail.starting_at(offset).is_some() {
            return true;
        }
        let from_end = self.segments.iter().rev();
        let behind = from_end.take_while(|segment| segment.next_offset > offset);
        let bytes: u64 = behind.map(|segment| u64::from(segment.len)).sum();
        offset >= self.opened_at && bytes <= WARM_BYTES
    }

    fn plan(&self, offset: i64, limits: &Limits) -> Result<Plan, ReadError> {
        let log_end_offset = self.history.next_offset;
        if offset < self.log_start_offset || offset > log_end_offset {
            return Err(ReadError::OffsetOutOfRange {
                log_start_offset: self.log_start_offset,
                log_end_offset,
            });
        }
        if offset >= limits.below || offset == log_end_offset {
            return Ok(Plan::Nothing);
        }
        let Some(segment) = self.segment_of_offset(offset) else {
            return Ok(Plan::Nothing);
        };
        let full_len = self.config.segment_bytes.into();
        let Some(entries) = self.tail.starting_at(offset) else {
            return Ok(Plan::Search(View::for_offset(segment, full_len, offset)));
        };
        let mut found = Found::default();
        let unwritten = self.tail.first_unwritten().unwrap_or(u64::MAX);
        let mut next_index = unwritten;
        for recent in entries {
            let meta = &recent.meta;
            next_index = meta.id.index;
            let here = recent.segment == segment.head.first_index && next_index < unwritten;
            if !here || !found.take_written(recent, limits) {
                break;
            }
            next_index = meta.next_index();
        }
        if next_index >= unwritten {
            for (recent, unwritten) in self.tail.unwritten_from(next_index) {
                if !found.take_unwritten(recent, unwritten, limits) {
                    break;
                }
            }
        }
        let view = View::for_offset(segment, full_len, offset);
        Ok(Plan::Found(view, found))
    }
}

impl Found {
    fn take_written(&mut self, recent: &Recent, limits: &Limits) -> bool {
        let meta = &recent.meta;
        if matches!(meta.kind, EntryKind::Private(_)) {
            return self.pass(meta.next_offset);
        }
        let range = recent.position..recent.position + meta.size_bytes;
        self.take(range, meta.base_offset..meta.next_offset, limits)
    }

    /// Adds a batch of the file if the limits allow.
    fn take(&mut self, range: Range<u32>, offsets: Range<i64>, limits: &Limits) -> bool {
        if !self.admit((range.end - range.start) as usize, offsets, limits) {
            return false;
        }
        match self.ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.ranges.push(range),
        }
        true
    }

    fn take_unwritten(&mut self, recent: &Recent, frame: &Unwritten, limits: &Limits) -> bool {
        let meta = &recent.meta;
        if matches!(meta.kind, EntryKind::Private(_)) {
            return self.pass(meta.next_offset);
        }
        let offsets = meta.base_offset..meta.next_offset;
        let admitted = self.admit(meta.size_bytes as usize, offsets, limits);
        if admitted {
            self.in_memory.push(frame.clone());
        }
        admitted
    }

    /// Passes a raft-only frame.
    fn pass(&mut self, next_offset: i64) -> bool {
        if self.first_offset.is_none() {
            self.gap_end = next_offset;
        }
        true
    }

    /// Counts a batch if the limits allow it.
    fn admit(&mut self, size: usize, offsets: Range<i64>, limits: &Limits) -> bool {
        let fits = self.size_bytes + size <= limits.max_bytes
            || limits.min_one && self.first_offset.is_none();
        if !fits || offsets.end > limits.below {
            return false;
        }
        self.first_offset.get_or_insert(offsets.start);
        self.next_offset = offsets.end;
        self.size_bytes += size;
        true
    }
}

fn search(
    view: &View,
    maps: &crate::segment::MapCache,
    offset: i64,
    limits: &Limits,
    is_warm: bool,
) -> io::Result<Found> {
    let mut walk = view.walk_to_offset(maps, offset)?;
    match is_warm {
        true => walk.is_in_memory(),
        false => walk.will_read(limits.max_bytes),
    }
    let mut found = Found::default();
    while let Some(step) = walk.next()? {
        let offsets = step.header.base_offset..step.header.next_offset();
        if offsets.end <= offset {
            continue;
        }
        if step.is_private() {
            if !is_warm {
                walk.frame(&step)?.verify_crc().map_err(damaged)?;
            }
            found.pass(offsets.end);
        } else if !found.take(step.position..step.end(), offsets, limits) {
            if found.first_offset.is_none() {
                // that it does not fit may be what is damaged
                walk.frame(&step)?.verify_crc().map_err(damaged)?;
            }
            return Ok(found);
        }
    }
    if found.first_offset.is_none() && found.gap_end <= offset {
        return Err(damaged(format!("no batch holds offset {offset}")));
    }
    Ok(found)
}

impl ReadSlices {
    fn nothing_at(offset: i64) -> ReadSlices {
        ReadSlices {
            first_offset: offset,
            next_offset: offset,
            ..ReadSlices::default()
        }
    }
}
