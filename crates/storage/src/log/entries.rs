//! Entries and frames by Raft index: what applying, replication and Raft's restart read.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use super::handle::Log;
use super::read::again_if_gone;
use super::shared::Inner;
use crate::LogId;
use crate::entry::{EntryKind, EntryMeta};
use crate::epochs::TermTable;
use crate::frame::{Frame, Private};
use crate::segment::{Step, View, Walk};
use crate::tail::Unwritten;

impl Log {
    /// The entry at `index` if the log has it and the disk can be read.
    pub fn entry(&self, index: u64) -> Option<EntryMeta> {
        self.entries(index..index.checked_add(1)?).ok()?.pop()
    }

    /// The entries of a range, without data; those of it that the log has. A gap is one entry, cut to the
    /// range.
    ///
    /// # Errors
    /// The disk fails or the log is damaged.
    pub fn entries(&self, range: Range<u64>) -> io::Result<Vec<EntryMeta>> {
        again_if_gone(|| self.try_entries(range.clone()))
    }

    fn try_entries(&self, range: Range<u64>) -> io::Result<Vec<EntryMeta>> {
        let (views, terms, range, mut from_tail) = {
            let inner = self.shared.inner.lock();
            let range =
                range.start.max(inner.first_index())..range.end.min(inner.history.next_index());
            let in_tail = inner.tail.range(range.clone());
            let in_tail = in_tail.map(|recent| recent.meta.clone().clipped(&range));
            let from_tail: Vec<EntryMeta> = in_tail.collect();
            let disk_end = from_tail.first().map_or(range.end, |meta| meta.id.index);
            let range = range.start..disk_end;
            let views = inner.views_of(range.clone());
            let terms = inner.terms_if(!views.is_empty());
            (views, terms, range, from_tail)
        };
        let mut entries = Vec::new();
        for view in views {
            let mut walk = view.walk_to_index(
                &self.shared.dir.maps,
                range.start.max(view.head.first_index),
            )?;
            while let Some(step) = walk.next()? {
                if step.index >= range.end {
                    break;
                }
                if step.next_index() > range.start {
                    let meta = walk.meta(&step)?;
                    check_term(&terms, &meta)?;
                    entries.push(meta.clipped(&range));
                }
            }
        }
        entries.append(&mut from_tail);
        Ok(entries)
    }

    /// The Kafka offset that follows all entries below an index, if memory tells.
    pub fn offset_after(&self, next_index: u64) -> Option<i64> {
        let inner = self.shared.inner.lock();
        if next_index == inner.history.next_index() {
            return Some(inner.history.next_offset);
        }
        let last = inner.tail.get(next_index.checked_sub(1)?)?;
        Some(last.meta.next_offset)
    }

    /// Frames from exactly `start` to before `end`, as many as fit `max_bytes` but at least one. A gap that
    /// these limits cut is cut. Payloads are slices, not copies. What may come from the medium is checked.
    ///
    /// # Errors
    /// `start` is not in the log, the disk fails, or the log is damaged there ([`io::ErrorKind::InvalidData`]).
    pub fn frames(
        &self,
        start: u64,
        end: u64,
        max_bytes: usize,
    ) -> io::Result<Vec<(EntryMeta, Frame)>> {
        again_if_gone(|| self.try_frames(start, end, max_bytes))
    }

    fn try_frames(
        &self,
        start: u64,
        end: u64,
        max_bytes: usize,
    ) -> io::Result<Vec<(EntryMeta, Frame)>> {
        let (views, terms, is_recent, in_memory) = {
            let inner = self.shared.inner.lock();
            if start < inner.first_index() || start >= inner.history.next_index() || start >= end {
                let text = format!("no frame at index {start}");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            let in_memory = inner.unwritten(start..end, max_bytes);
            let disk_end = inner.tail.first_unwritten().unwrap_or(u64::MAX).min(end);
            let views = inner.views_of(start..disk_end);
            let terms = inner.terms_if(!views.is_empty());
            (views, terms, inner.tail.get(start).is_some(), in_memory)
        };
        let mut frames = Vec::new();
        let mut left = max_bytes;
        let mut fits = |frames: &[_], size: usize| {
            let fits = frames.is_empty() || size <= left;
            left = left.saturating_sub(size);
            fits
        };
        for view in views {
            let from = start.max(view.head.first_index);
            let mut walk = view.walk_to_index(&self.shared.dir.maps, from)?;
            match is_recent {
                true => walk.is_in_memory(),
                false => walk.will_read(max_bytes),
            }
            while let Some(step) = walk.next()? {
                let is_wanted = step.next_index() > from;
                if step.index >= end || is_wanted && !fits(&frames, step.header.size_bytes()) {
                    return Ok(frames);
                }
                if is_wanted {
                    match read_frame(&walk, &step, &terms, is_recent) {
                        Ok(frame) => frames.push(clipped(frame, &(start..end))),
                        // what stands before it may go
                        Err(_) if !frames.is_empty() => return Ok(frames),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        for (meta, unwritten) in in_memory {
            if !fits(&frames, meta.size_bytes as usize) {
                break;
            }
            frames.push(clipped((meta, unwritten.sealed()), &(start..end)));
        }
        Ok(frames)
    }

    /// The newest membership at or below an index. May read the log if that is not the newest of
    /// all.
    pub fn last_membership(&self, at_or_below: u64) -> Option<(LogId, Bytes)> {
        let known = {
            let inner = self.shared.inner.lock();
            inner.history.membership_at(at_or_below).cloned()
        };
        known.or_else(|| self.search_membership(at_or_below).ok()?)
    }

    /// Older memberships are forgotten at a clean start: they stand in frames and boundaries.
    fn search_membership(&self, at_or_below: u64) -> io::Result<Option<(LogId, Bytes)>> {
        let boundary = self.boundary_below(at_or_below)?.unwrap_or_default();
        let frames = boundary.next_index()..at_or_below.saturating_add(1);
        let membership = |meta: EntryMeta| match meta.kind {
            EntryKind::Private(Private::Membership(members)) => Some((meta.id, members)),
            _ => None,
        };
        let newer = self.entries(frames)?.into_iter().rev().find_map(membership);
        Ok(newer.or(boundary.membership))
    }
}

fn clipped((meta, frame): (EntryMeta, Frame), range: &Range<u64>) -> (EntryMeta, Frame) {
    let frame = frame.clipped(meta.id.index, range);
    (meta.clipped(range), frame)
}

/// What a step came to; `is_recent`: it was written just now, and comes from memory.
fn read_frame(
    walk: &Walk,
    step: &Step,
    terms: &TermTable,
    is_recent: bool,
) -> io::Result<(EntryMeta, Frame)> {
    let (meta, frame) = (walk.meta(step)?, walk.frame(step)?);
    check_term(terms, &meta)?;
    if !is_recent {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        frame.verify_crc().map_err(invalid)?;
    }
    Ok((meta, frame))
}

/// No checksum covers the leader epoch that stands in a frame.
fn check_term(terms: &TermTable, meta: &EntryMeta) -> io::Result<()> {
    if terms.at(meta.id.index) == Some(meta.id.term) {
        return Ok(());
    }
    let text = format!("a wrong leader epoch stands in the frame at {}", meta.id);
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}

impl Inner {
    /// The terms of all indexes, if wanted.
    fn terms_if(&self, wanted: bool) -> TermTable {
        match wanted {
            true => self.history.terms.clone(),
            false => TermTable::default(),
        }
    }

    /// Views of the segments that have a written part of the range, in order.
    fn views_of(&self, range: Range<u64>) -> Vec<View> {
        if range.is_empty() {
            return Vec::new();
        }
        let full_len = self.config.segment_bytes.into();
        let first = self
            .segments
            .partition_point(|s| s.next_index <= range.start);
        let segments = self.segments[first..].iter();
        let overlapping = segments.take_while(|segment| segment.head.first_index < range.end);
        let known = self.tail.get(range.start);
        let view = |segment: &crate::segment::Segment| match known {
            Some(recent) if recent.segment == segment.head.first_index => {
                View::at(segment, full_len, recent.position, recent.meta.id.index)
            }
            _ => View::for_index(segment, full_len, range.start.max(segment.head.first_index)),
        };
        overlapping.map(view).collect()
    }

    /// Frames of the range that are not written yet, as many as may be wanted.
    fn unwritten(&self, range: Range<u64>, max_bytes: usize) -> Vec<(EntryMeta, Unwritten)> {
        let mut left = max_bytes;
        let mut found = Vec::new();
        for (recent, unwritten) in self.tail.unwritten_from(range.start) {
            let size = recent.meta.size_bytes as usize;
            if recent.meta.id.index >= range.end || !found.is_empty() && size > left {
                break;
            }
            left = left.saturating_sub(size);
            found.push((recent.meta.clone(), unwritten.clone()));
        }
        found
    }
}
