//! Compaction of a log, piece by piece: first where the newest record of each key is, then each group of
//! segments anew.
//!
//! Only segments that are on the medium and decided take part, so that what is left out was committed. Nothing
//! of it is in doubt: each frame is checked as it is read.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, BufMut, BytesMut};
use ottla_protocol::records::{Batch, BatchHeader};

use super::handle::Log;
use super::read::again_if_gone;
use super::repair::Turn;
use super::rewrite::Rewrite;
use super::scan::Source;
use super::shared::{Inner, LogShared};
use crate::codec::{Malformed, seal, unseal};
use crate::compaction::{
    Candidate, CleanedTransactions, Filter, Left, Limits, Need, Newest, SLOT_BYTES, groups, raw,
};
use crate::frame::{Frame, Private};
use crate::segment::Segment;
use crate::{LogId, small_file};

/// Holds the first offset that compaction has not looked at.
const FILE: &str = "compacted";
const MAGIC: [u8; 4] = *b"OTCP";
const VERSION: u16 = 1;

/// How a pass is to be made.
#[derive(Debug, Clone, Copy)]
pub struct CleaningOptions {
    /// Wall clock, ms since the epoch.
    pub now_ms: i64,
    /// Memory for the newest offset of each key (`log.cleaner.dedupe.buffer.size`).
    pub memory_bytes: usize,
    /// How full that may become (`log.cleaner.io.buffer.load.factor`).
    pub load_factor: f64,
    /// Tombstones and markers at or above this offset stay: a replica may still have what they take back.
    pub settled: i64,
}

/// What a pass came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Bytes read to find the newest record of each key.
    pub mapped_bytes: u64,
    /// Different keys found.
    pub keys: u64,
    /// Bytes of the segments that were written anew, before and after.
    pub read_bytes: u64,
    /// See there.
    pub written_bytes: u64,
    /// All below has been looked at.
    pub end: i64,
}

/// A pass that is under way. Dropped, it has done what it has done.
pub struct Cleaning {
    log: Arc<LogShared>,
    _turn: Turn,
    segments: Vec<Segment>,
    need: Need,
    options: CleaningOptions,
    stage: Stage,
    cleaned: Cleaned,
}

enum Stage {
    Mapping(Box<Mapping>),
    Writing(Box<Writing>),
    Done,
}

struct Mapping {
    newest: Newest,
    transactions: CleanedTransactions,
    /// Below this the newest record of each key is known.
    end: i64,
    /// Segments that are still to be read.
    ahead: VecDeque<usize>,
    source: Option<Source>,
}

struct Writing {
    filter: Filter,
    groups: VecDeque<Range<usize>>,
    group: Option<Group>,
}

struct Group {
    segments: Range<usize>,
    /// Which of them are still to be read.
    ahead: Range<usize>,
    rewrite: Rewrite,
    source: Option<Source>,
}

impl Log {
    /// Whether compaction has anything to look at below `stable_end`, up to where everything is committed and
    /// no transaction is open. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn compaction_need(&self, now_ms: i64, stable_end: i64) -> io::Result<Option<Need>> {
        let compacted_to = self.compacted_to()?;
        let (segments, limits, first_dirty) = {
            let inner = self.shared.inner.lock();
            if !inner.config.compact || inner.closed {
                return Ok(None);
            }
            let first_dirty = compacted_to.max(inner.log_start_offset);
            (
                inner.decided(stable_end),
                inner.compaction_limits(),
                first_dirty,
            )
        };
        again_if_gone(|| {
            let candidates = segments.iter().map(|segment| {
                let is_dirty = segment.next_offset > first_dirty;
                candidate(self, segment, is_dirty, limits)
            });
            let candidates = candidates.collect::<io::Result<Vec<_>>>()?;
            Ok(Need::of(&candidates, first_dirty, limits, now_ms))
        })
    }

    /// Begins what was found to be needed. Blocks.
    ///
    /// # Errors
    /// The disk fails, or somebody writes segments of the log anew already ([`io::ErrorKind::ResourceBusy`]).
    pub fn clean(&self, need: Need, options: CleaningOptions) -> io::Result<Cleaning> {
        let turn = Turn::take(&self.shared).ok_or(io::ErrorKind::ResourceBusy)?;
        let segments = self.shared.inner.lock().decided(need.end);
        let dirty = segments.partition_point(|it| it.next_offset <= need.first_dirty);
        let records: i64 = need.end.saturating_sub(need.first_dirty);
        let room = (options.memory_bytes as f64 * options.load_factor) as usize / SLOT_BYTES;
        let room = room
            .min(usize::try_from(records).unwrap_or(usize::MAX))
            .max(1);
        let mut transactions = CleanedTransactions::default();
        transactions.expect(self.shared.aborted(need.first_dirty, need.end)?);
        let mapping = Mapping {
            newest: Newest::with_room(room, options.load_factor),
            transactions,
            end: need.first_dirty,
            ahead: (dirty..segments.len()).collect(),
            source: None,
        };
        Ok(Cleaning {
            log: Arc::clone(&self.shared),
            _turn: turn,
            segments,
            need,
            options,
            stage: Stage::Mapping(Box::new(mapping)),
            cleaned: Cleaned::default(),
        })
    }

    /// Below this offset the newest record of each key is the only one. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn compacted_to(&self) -> io::Result<i64> {
        let (known, end) = {
            let inner = self.shared.inner.lock();
            (inner.compacted_to, inner.history.next_offset)
        };
        let noted = match known {
            Some(known) => known,
            None => self.shared.read_compacted_to()?,
        };
        // under asynchronous flush the log may have lost more than the note
        let compacted_to = if noted <= end { noted } else { 0 };
        self.shared.inner.lock().compacted_to = Some(compacted_to);
        Ok(compacted_to)
    }
}

/// What the planner is told of a segment; times only where they matter, since they may have to be read.
fn candidate(
    log: &Log,
    segment: &Segment,
    is_dirty: bool,
    limits: Limits,
) -> io::Result<Candidate> {
    let oldest_ms = match segment.times.and_then(|times| times.first) {
        Some(first) => first,
        None if is_dirty && limits.lag_max_ms < i64::MAX => log.first_timestamp(segment)?,
        None => -1,
    };
    let newest_ms = match is_dirty && limits.lag_min_ms > 0 {
        true => segment.max_timestamp()?.map_or(-1, |(newest, _)| newest),
        false => -1,
    };
    Ok(Candidate {
        offsets: (segment.head.base_offset, segment.next_offset),
        indexes: (segment.head.first_index, segment.next_index),
        bytes: segment.len.into(),
        oldest_ms,
        newest_ms,
    })
}

impl LogShared {
    fn read_compacted_to(&self) -> io::Result<i64> {
        let bytes = small_file::read(&*self.dir.disk, &self.folder.join(FILE))?;
        Ok(bytes.and_then(|bytes| decode(&bytes).ok()).unwrap_or(0))
    }

    /// A power cut may take it back: then more is looked at again.
    fn note_compacted_to(&self, offset: i64) -> io::Result<()> {
        self.write_compacted_to(offset)?;
        self.inner.lock().compacted_to = Some(offset);
        Ok(())
    }

    /// Before other records come to stand from an offset on. Durable when the folder is synced.
    pub(super) fn lower_compacted_to(&self, inner: &mut Inner, offset: i64) -> io::Result<()> {
        let noted = match inner.compacted_to {
            Some(known) => known,
            None => self.read_compacted_to()?,
        };
        if noted > offset {
            self.write_compacted_to(offset)?;
        }
        inner.compacted_to = Some(noted.min(offset));
        Ok(())
    }

    fn write_compacted_to(&self, offset: i64) -> io::Result<()> {
        let mut body = BytesMut::new();
        body.put_i64(offset);
        let path = self.folder.join(FILE);
        small_file::put(&*self.dir.disk, &path, &seal(MAGIC, VERSION, &body))
    }
}

fn decode(bytes: &[u8]) -> Result<i64, Malformed> {
    Ok(unseal(MAGIC, VERSION, bytes)?.try_get_i64()?)
}

impl Inner {
    fn compaction_limits(&self) -> Limits {
        Limits {
            dirty_ratio: self.config.min_cleanable_dirty_ratio,
            lag_min_ms: self.config.min_compaction_lag_ms,
            lag_max_ms: self.config.max_compaction_lag_ms,
        }
    }

    /// Segments that are complete, on the medium, and end at or below an offset.
    pub(super) fn decided(&self, stable_end: i64) -> Vec<Segment> {
        let unmade = self.pipeline.rolls.front();
        let unmade = unmade.map_or(u64::MAX, |roll| roll.head.first_index);
        let closed = &self.segments[..self.segments.len() - 1];
        let is_decided = |segment: &&Segment| {
            segment.next_offset <= stable_end
                && segment.next_index <= self.pipeline.durable_index
                && segment.next_index < unmade
        };
        closed.iter().take_while(is_decided).cloned().collect()
    }
}

impl Cleaning {
    /// Goes on, reading about so many bytes; how many were read and written, nothing at the end. Blocks.
    ///
    /// # Errors
    /// The disk fails or is full, or what is read is damaged ([`io::ErrorKind::InvalidData`]). What was
    /// written so far stays, or is nobody's.
    pub fn go_on(&mut self, bytes: u64) -> io::Result<Option<u64>> {
        let log = Arc::clone(&self.log);
        let _beside_the_log = log.rewriting.lock();
        if log.inner.lock().closed {
            self.stage = Stage::Done;
            return Err(super::pipeline::closed());
        }
        let done = match &mut self.stage {
            Stage::Done => return Ok(None),
            Stage::Mapping(_) => self.map(bytes),
            Stage::Writing(_) => self.write(bytes),
        };
        if done.is_err() {
            self.give_up();
        }
        done.map(Some)
    }

    /// What it came to so far.
    pub fn cleaned(&self) -> Cleaned {
        self.cleaned
    }

    fn give_up(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Done);
        if let Stage::Writing(writing) = stage
            && let Some(group) = writing.group
        {
            let first = &self.segments[group.segments.start];
            self.log.discard(first.head.base_offset);
        }
    }

    fn map(&mut self, bytes: u64) -> io::Result<u64> {
        let Stage::Mapping(mapping) = &mut self.stage else {
            return Ok(0);
        };
        let mut read = 0;
        let is_over = loop {
            if read >= bytes {
                break false;
            }
            let Some(source) = &mut mapping.source else {
                let Some(next) = mapping.ahead.pop_front() else {
                    break true;
                };
                mapping.source = Some(Source::of(&self.segments[next])?);
                continue;
            };
            let Some((index, frame)) = source.next()? else {
                mapping.source = None;
                continue;
            };
            read += frame.size_bytes() as u64;
            if !mapping.note(index, frame, self.need.first_dirty)? {
                break true;
            }
        };
        self.cleaned.mapped_bytes += read;
        if is_over {
            self.begin_writing()?;
        }
        Ok(read)
    }

    fn begin_writing(&mut self) -> io::Result<()> {
        let Stage::Mapping(mapping) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return Ok(());
        };
        let mapping = *mapping;
        self.cleaned.keys = mapping.newest.len() as u64;
        self.cleaned.end = mapping.end;
        let (segment_bytes, retention_ms) = {
            let config = &self.log.inner.lock().config;
            (u64::from(config.segment_bytes), config.delete_retention_ms)
        };
        let is_mapped = |segment: &&Segment| segment.head.base_offset < mapping.end;
        let candidates = self
            .segments
            .iter()
            .take_while(is_mapped)
            .map(|segment| Candidate {
                offsets: (segment.head.base_offset, segment.next_offset),
                indexes: (segment.head.first_index, segment.next_index),
                bytes: segment.len.into(),
                oldest_ms: -1,
                newest_ms: -1,
            });
        let candidates: Vec<Candidate> = candidates.collect();
        let mut filter = Filter::new(mapping.newest, mapping.end);
        filter.now_ms = self.options.now_ms;
        filter.delete_retention_ms = retention_ms;
        filter.settled = self.options.settled;
        filter.pass_end = self.need.end;
        self.stage = Stage::Writing(Box::new(Writing {
            filter,
            groups: groups(&candidates, segment_bytes).into(),
            group: None,
        }));
        Ok(())
    }

    fn write(&mut self, bytes: u64) -> io::Result<u64> {
        let (mut read, mut written) = (0, 0);
        while read < bytes {
            let Stage::Writing(writing) = &mut self.stage else {
                break;
            };
            let Some(group) = &mut writing.group else {
                if !self.next_group()? {
                    break;
                }
                continue;
            };
            let Some(source) = &mut group.source else {
                let Some(next) = group.ahead.next() else {
                    written += self.end_group()?;
                    continue;
                };
                let segment = &self.segments[next];
                let (from, to) = (segment.head.base_offset, segment.next_offset);
                writing
                    .filter
                    .transactions
                    .expect(self.log.aborted(from, to)?);
                group.source = Some(Source::of(segment)?);
                continue;
            };
            match source.next()? {
                None => group.source = None,
                Some((index, frame)) => {
                    read += frame.size_bytes() as u64;
                    put(&mut group.rewrite, &mut writing.filter, index, frame)?;
                }
            }
        }
        self.cleaned.read_bytes += read;
        self.cleaned.written_bytes += written;
        Ok(read + written)
    }

    /// Begins the next group; false if that was the last, and all is done.
    fn next_group(&mut self) -> io::Result<bool> {
        let Stage::Writing(writing) = &mut self.stage else {
            return Ok(false);
        };
        let Some(segments) = writing.groups.pop_front() else {
            self.stage = Stage::Done;
            self.log.note_compacted_to(self.cleaned.end)?;
            return Ok(false);
        };
        let (producers, interval_bytes) = {
            let inner = self.log.inner.lock();
            let interval_bytes = inner.config.index_interval_bytes;
            (inner.history.producers.entries(), interval_bytes)
        };
        writing.filter.know_producers(&producers);
        let head = self.segments[segments.start].head;
        writing.group = Some(Group {
            ahead: segments.clone(),
            segments,
            rewrite: Rewrite::begin(&self.log, head, interval_bytes)?,
            source: None,
        });
        Ok(true)
    }

    /// Puts a group that is written in its place; the bytes of it.
    fn end_group(&mut self) -> io::Result<u64> {
        let Stage::Writing(writing) = &mut self.stage else {
            return Ok(0);
        };
        let Some(group) = writing.group.take() else {
            return Ok(0);
        };
        let old = &self.segments[group.segments];
        let base_offset = old[0].head.base_offset;
        let new = match group.rewrite.finish() {
            Ok(new) => new,
            Err(error) => {
                self.log.discard(base_offset);
                return Err(error);
            }
        };
        let len = new.segment.len;
        // on an error the next opening carries on with it, or removes what was written
        if !self.log.swap(old, new)? {
            // the log has changed meanwhile: another pass is to look at what it is now
            self.stage = Stage::Done;
            self.log.discard(base_offset);
            return Ok(0);
        }
        Ok(len.into())
    }
}

impl Mapping {
    /// Notes where the records of a frame are; false if there is no room.
    fn note(&mut self, index: u64, frame: Frame, first_dirty: i64) -> io::Result<bool> {
        let next_offset = frame.header.next_offset();
        let is_private = frame.is_private();
        let batch = Batch::from(frame);
        if is_private {
            // what compaction has removed holds nothing new
        } else if batch.header.attributes.is_control() {
            self.transactions.pass_marker(&batch);
        } else if !self.transactions.pass_batch(&batch.header) {
            let records = raw(&batch)?;
            for record in records.iter() {
                let record = record?;
                let offset = records.offset_of(&record);
                if let Some(key) = record.key
                    && offset >= first_dirty
                    && !self.newest.note(key, offset)
                {
                    tracing::debug!(index, offset, "no room for more keys");
                    return Ok(false);
                }
            }
        }
        self.end = self.end.max(next_offset);
        Ok(true)
    }
}

/// Adds what stays of a frame.
fn put(rewrite: &mut Rewrite, filter: &mut Filter, index: u64, frame: Frame) -> io::Result<()> {
    let header = frame.header;
    let is_kept = match frame.as_private() {
        None => None,
        Some(Ok((_, Private::Void | Private::Gap))) => Some(false),
        Some(Ok(_)) => Some(true),
        Some(Err(error)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    };
    match is_kept {
        Some(true) => return rewrite.keep(index, &frame, None),
        Some(false) => return skip(rewrite, index, &header, frame.indexes()),
        None => {}
    }
    let batch = Batch::from(frame);
    let (left, aborted) = filter.judge(&batch)?;
    match left {
        Left::All => rewrite.keep(index, &batch.into(), aborted),
        Left::Some(batch) => rewrite.keep(index, &batch.into(), aborted),
        Left::Nothing => skip(rewrite, index, &header, 1),
    }
}

fn skip(rewrite: &mut Rewrite, index: u64, header: &BatchHeader, indexes: u32) -> io::Result<()> {
    let id = LogId {
        term: header.partition_leader_epoch,
        index,
    };
    let offsets = header.base_offset..header.next_offset();
    rewrite.skip(id, index + u64::from(indexes), offsets)
}
