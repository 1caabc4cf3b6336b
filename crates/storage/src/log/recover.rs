//! What a start finds in a partition folder, and what it makes of it.
//!
//! After an orderly end, the state at the log's end stands in a file and is believed. Otherwise
//! frames are read and checked from the newest segment on that is sure to be on the medium (by the
//! durable mark), up to the first that is not good or does not follow. What lies behind is cut: it
//! was never acknowledged, unless the durable mark says so, which is damage. Frames that a
//! truncation replaced are known by the head of the segment that replaced them. Nothing is changed
//! before it is decided what is kept, and everything kept is synced before anyone hears of it.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ottla_platform::disk::{Disk, DiskFile, OpenMode, is_unreadable};
use ottla_platform::planted::Planted;

use super::close::CleanEnd;
use super::scan::scan;
use super::swap::REWRITTEN;
use super::types::{Damage, OnDamage, OpenError, Recovered};
use crate::dir::{DELETED_FILE, DirShared, Saved};
use crate::history::History;
use crate::segment::{HEAD_LEN, Head, Kind, Segment, SegmentFiles, base_offset_of, file_name};
use crate::small_file::UNFINISHED;
use crate::{Boundary, Identity};

/// A log read from its folder.
pub(super) struct Found {
    pub(super) segments: Vec<Segment>,
    pub(super) history: History,
    pub(super) recovered: Recovered,
}

/// What was read of a folder.
struct Scanned {
    /// Those to keep.
    segments: Vec<Segment>,
    /// At their end.
    history: History,
    bytes: u64,
    /// They end where the disk does not give what it holds.
    is_unreadable: bool,
}

/// Files of one base offset, and where they say that they begin.
struct Candidate {
    head: Option<Head>,
    files: Arc<SegmentFiles>,
    len: u64,
    has_indexes: bool,
    /// The head is not the file's, which is damaged: it is what the boundary says.
    is_head_lost: bool,
}

/// Reads a folder.
pub(super) struct Recovery<'a> {
    pub(super) dir: &'a DirShared,
    pub(super) identity: Identity,
    pub(super) folder: Arc<Path>,
    pub(super) saved: &'a Saved,
    pub(super) interval_bytes: u32,
    /// This process has not used the log without closing it.
    pub(super) trust_end: bool,
    /// All that the folder holds is on the medium.
    pub(super) synced: bool,
    pub(super) on_damage: OnDamage,
}

impl Candidate {
    /// A segment whose head is lost was rewritten if it is not as long as the next one says.
    fn guess_rewritten(&mut self, next: Option<Head>) {
        if let (true, Some(head), Some(next)) = (self.is_head_lost, &mut self.head, next)
            && self.len < next.previous_len
        {
            head.rewritten_len = u32::try_from(self.len).ok();
        }
    }
}

impl Recovery<'_> {
    pub(super) fn run(self) -> Result<Found, OpenError> {
        let (mut candidates, leftovers) = self.candidates()?;
        if let Some(found) = self.clean_end(&candidates)? {
            self.remove(&leftovers)?;
            return Ok(found);
        }
        let stop_index = self.stop_index();
        let usable = candidates.iter().take_while(|candidate| {
            candidate
                .head
                .is_some_and(|head| head.first_index <= stop_index)
        });
        let usable = usable.count();
        let mut dropped = candidates.split_off(usable);
        if candidates.is_empty() {
            return self.begin_anew(dropped);
        }
        let Scanned {
            segments,
            history,
            bytes: scanned_bytes,
            is_unreadable,
        } = self.scan_all(&candidates)?;
        let damage = self.damage(&segments, &candidates, &history, is_unreadable);
        if is_unreadable {
            self.salvage(&segments, &history)?;
        }
        if let (Some(damage), OnDamage::Refuse) = (&damage, self.on_damage) {
            return Err(damage.clone().into());
        }
        self.remove(&leftovers)?;
        dropped.splice(0..0, candidates.drain(segments.len()..));
        let last = segments.len() - 1;
        let torn_bytes = candidates[last].len - u64::from(segments[last].len)
            + dropped.iter().map(|candidate| candidate.len).sum::<u64>();
        let mut found = Found {
            segments,
            history,
            recovered: Recovered {
                scanned_bytes,
                torn_bytes,
                damage,
                ..Recovered::default()
            },
        };
        self.keep(&mut found, &candidates, dropped)?;
        Ok(found)
    }

    /// Frames from this index on are to be cut off, because a truncation had begun.
    fn stop_index(&self) -> u64 {
        self.saved.truncating_to.unwrap_or(u64::MAX)
    }

    /// The segment files in the folder, in order, and files that mean nothing.
    fn candidates(&self) -> io::Result<(Vec<Candidate>, Vec<PathBuf>)> {
        let mut kinds: BTreeMap<i64, Vec<Kind>> = BTreeMap::new();
        let mut leftovers = Vec::new();
        for entry in self.dir.disk.read_dir(&self.folder)? {
            let name = entry.name;
            match base_offset_of(&name) {
                Some((base, kind)) => kinds.entry(base).or_default().push(kind),
                None => {
                    let endings = [UNFINISHED, DELETED_FILE, REWRITTEN];
                    if endings.iter().any(|ending| name.ends_with(ending)) {
                        leftovers.push(self.folder.join(name));
                    }
                }
            }
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        for (base, kinds) in kinds {
            if kinds.contains(&Kind::Log) {
                let previous_len = candidates.last().map_or(0, |before| before.len);
                candidates.push(self.candidate(base, &kinds, previous_len)?);
            } else {
                let path = |kind| self.folder.join(file_name(base, kind));
                leftovers.extend(kinds.into_iter().map(path));
            }
        }
        for n in 1..candidates.len() {
            let next = candidates[n].head;
            candidates[n - 1].guess_rewritten(next);
        }
        // a head that does not ascend belongs to no segment of this log
        let mut next_index = 0;
        for candidate in &mut candidates {
            candidate.head = candidate.head.filter(|head| head.first_index >= next_index);
            next_index = candidate
                .head
                .map_or(next_index, |head| head.first_index + 1);
        }
        Ok((candidates, leftovers))
    }

    fn candidate(
        &self,
        base_offset: i64,
        kinds: &[Kind],
        previous_len: u64,
    ) -> io::Result<Candidate> {
        let disk = &self.dir.disk;
        let files = SegmentFiles::new(Arc::clone(disk), Arc::clone(&self.folder), base_offset);
        let len = disk.open(&files.path(Kind::Log), OpenMode::Read)?.len()?;
        let mut candidate = Candidate {
            head: read_head(&**disk, &files)?.filter(|head| head.base_offset == base_offset),
            len,
            has_indexes: kinds.contains(&Kind::Offsets) && kinds.contains(&Kind::Times),
            is_head_lost: false,
            files: Arc::new(files),
        };
        // frames are appended only after their segment's head was synced
        if candidate.head.is_none() && len > 0 {
            candidate.head = self.head_by_boundary(&candidate.files, previous_len)?;
            candidate.is_head_lost = candidate.head.is_some();
            // all of it is looked at, and its indexes are made anew
            candidate.has_indexes &= candidate.head.is_none();
        }
        Ok(candidate)
    }

    /// Where a segment begins, if its boundary tells.
    fn head_by_boundary(
        &self,
        files: &SegmentFiles,
        previous_len: u64,
    ) -> io::Result<Option<Head>> {
        let boundary = match files.base_offset {
            0 if !self.dir.disk.exists(&files.path(Kind::Boundary))? => Some(Boundary::default()),
            _ => files.boundary()?,
        };
        let boundary = boundary.filter(|it| it.next_offset == files.base_offset);
        Ok(boundary.map(|boundary| Head {
            base_offset: files.base_offset,
            first_index: boundary.next_index(),
            previous_term: boundary.last.map_or(-1, |id| id.term),
            previous_len,
            created_ms: self.dir.clock.now_ms(),
            rewritten_len: None,
        }))
    }

    fn remove(&self, leftovers: &[PathBuf]) -> io::Result<()> {
        let mut leftovers = leftovers.iter();
        leftovers.try_for_each(|path| self.dir.disk.remove_file(path))
    }

    /// The log as it was closed, if it was and nothing contradicts that.
    fn clean_end(&self, candidates: &[Candidate]) -> io::Result<Option<Found>> {
        if !self.trust_end || self.saved.truncating_to.is_some() {
            return Ok(None);
        }
        let end = CleanEnd::read(&*self.dir.disk, &self.folder)?;
        let Some(end) = end.filter(|end| end.generation == self.dir.generation) else {
            return Ok(None);
        };
        let heads: Option<Vec<Head>> = candidates.iter().map(|candidate| candidate.head).collect();
        let Some(heads) = heads.filter(|heads| !heads.is_empty()) else {
            return Ok(None);
        };
        let last = heads.len() - 1;
        let whole = |n: usize| {
            candidates[n].len >= heads[n].len_before(&heads[n + 1]) && candidates[n].has_indexes
        };
        if candidates.iter().any(|candidate| candidate.is_head_lost) {
            return Ok(None);
        }
        let fits =
            heads[last].first_index == end.first_index && candidates[last].len == end.len.into();
        if !fits || !(0..last).all(whole) || end.boundary.next_index() < self.saved.durable_index {
            return Ok(None);
        }
        let mut segments = Vec::with_capacity(heads.len());
        for n in 0..last {
            let files = Arc::clone(&candidates[n].files);
            segments.push(Segment::closed(heads[n], files, &heads[n + 1]));
            trim(&candidates[n], heads[n].len_before(&heads[n + 1]))?;
        }
        match end.active(heads[last], Arc::clone(&candidates[last].files)) {
            // its index of aborted transactions is damaged
            Err(error) if error.kind() == ErrorKind::InvalidData => return Ok(None),
            active => segments.push(active?),
        }
        Ok(Some(Found {
            segments,
            history: History::at(&end.boundary),
            recovered: Recovered {
                clean: true,
                ..Recovered::default()
            },
        }))
    }

    /// A log in which no segment was finished: one that was being made when the power failed.
    fn begin_anew(&self, dropped: Vec<Candidate>) -> Result<Found, OpenError> {
        // frames are appended only after the first segment's head was synced
        let lost = dropped.iter().find(|candidate| candidate.len > 0);
        let damage = (self.saved.durable_index > 0 || lost.is_some()).then(|| Damage {
            file: match lost {
                Some(candidate) => candidate.files.path(Kind::Raft),
                None => self.folder.to_path_buf(),
            },
            position: 0,
            limit: 0,
            index: 0,
            offset: 0,
            previous: None,
        });
        if let (Some(damage), OnDamage::Refuse) = (&damage, self.on_damage) {
            return Err(damage.clone().into());
        }
        for candidate in dropped {
            candidate.files.remove()?;
        }
        let disk = Arc::clone(&self.dir.disk);
        let files = Arc::new(SegmentFiles::new(disk, Arc::clone(&self.folder), 0));
        let head = super::open::first_head(self.dir.clock.now_ms());
        let dirty = crate::dir::writer::create_segment(&files, &head, None)?;
        self.dir.sync(&dirty, &[&*self.folder])?;
        Ok(Found {
            segments: vec![Segment::new(head, files)],
            history: History::default(),
            recovered: Recovered {
                created: damage.is_none(),
                damage,
                ..Recovered::default()
            },
        })
    }

    /// Has what the disk gives of the last segment copied to where it can be written to. No write that was cut off
    /// leaves what cannot be read: it is noted first that something was there.
    fn salvage(&self, segments: &[Segment], history: &History) -> io::Result<()> {
        let lost_index = history.next_index() + 1;
        let durable_index = self.saved.durable_index.max(lost_index);
        self.save(durable_index, self.saved.truncating_to)?;
        let last = segments.last().expect("something was scanned");
        last.files.salvage_log()
    }

    /// Reads and checks what must be.
    fn scan_all(&self, candidates: &[Candidate]) -> io::Result<Scanned> {
        let head = |n: usize| {
            candidates[n]
                .head
                .expect("only candidates with a head are here")
        };
        let limit = |n: usize| match candidates.get(n + 1) {
            Some(_) => head(n).len_before(&head(n + 1)),
            None => candidates[n].len,
        };
        let incomplete = |n: &usize| candidates[*n].len < limit(*n) || !candidates[*n].has_indexes;
        let incomplete = (0..candidates.len()).find(incomplete);
        let marked = candidates.partition_point(|c| {
            c.head
                .is_some_and(|head| head.first_index <= self.saved.durable_index)
        });
        let from = marked
            .saturating_sub(1)
            .min(incomplete.unwrap_or(usize::MAX));
        let heads = candidates[..=from].iter().enumerate();
        let heads: Vec<_> = heads
            .map(|(n, c)| (head(n), Arc::clone(&c.files)))
            .collect();
        let (start, mut history) = history_before(&heads)?;
        let mut segments: Vec<Segment> = (0..start)
            .map(|n| Segment::closed(head(n), Arc::clone(&candidates[n].files), &head(n + 1)))
            .collect();
        let (mut bytes, mut is_unreadable) = (0, false);
        for (n, candidate) in candidates.iter().enumerate().skip(start) {
            let follows = head(n).first_index == history.next_index()
                && head(n).base_offset == history.next_offset;
            if n > start && !follows {
                break;
            }
            let files = &candidate.files;
            let end = limit(n).min(candidate.len);
            let found = scan(
                files,
                head(n),
                end,
                self.stop_index(),
                &mut history,
                self.interval_bytes,
            )?;
            bytes += u64::from(found.segment.len);
            is_unreadable = found.is_unreadable;
            segments.push(found.segment);
            if !found.whole || end < limit(n) {
                break;
            }
        }
        Ok(Scanned {
            segments,
            history,
            bytes,
            is_unreadable,
        })
    }

    /// Acknowledged frames that are missing.
    fn damage(
        &self,
        segments: &[Segment],
        candidates: &[Candidate],
        history: &History,
        is_unreadable: bool,
    ) -> Option<Damage> {
        let last = segments.last()?;
        let next = candidates.get(segments.len());
        let next = next.and_then(|candidate| candidate.head);
        let is_damaged = is_unreadable || history.next_index() < self.saved.durable_index;
        is_damaged.then(|| Damage {
            file: last.files.path(Kind::Log),
            position: last.len.into(),
            limit: next.map_or(u64::MAX, |next| last.head.len_before(&next)),
            index: history.next_index(),
            offset: history.next_offset,
            previous: history.last,
        })
    }

    /// Makes the folder hold exactly what was found, durably.
    fn keep(
        &self,
        found: &mut Found,
        kept: &[Candidate],
        dropped: Vec<Candidate>,
    ) -> io::Result<()> {
        if found.recovered.damage.is_some() {
            // or the mark would call what is kept damaged at every start
            self.save(found.history.next_index(), self.saved.truncating_to)?;
        }
        for candidate in dropped.iter().rev() {
            candidate.files.remove()?;
        }
        let mut dirty: Vec<Arc<dyn DiskFile>> = Vec::new();
        let mut folders: Vec<&Path> = Vec::new();
        if !self.synced || !dropped.is_empty() {
            folders.push(&self.folder);
        }
        let last = found.segments.len() - 1;
        for (n, (segment, candidate)) in found.segments.iter_mut().zip(kept).enumerate() {
            let trimmed = trim(candidate, segment.len.into())?;
            // what the mark vouches for was neither read nor can it have been lost
            if segment.times.is_none() {
                continue;
            }
            if n < last {
                segment.finish_times();
            }
            if candidate.is_head_lost {
                let head = segment.files.path(Kind::Raft);
                tracing::warn!(head = %head.display(), "where a segment begins was written anew");
                segment.files.put(Kind::Raft, &segment.head.encode())?;
                self.dir.disk.sync_dir(&self.folder)?;
            }
            let indexes = segment.write_index_anew()?;
            if !self.synced || trimmed {
                dirty.push(segment.files.open(Kind::Log)?);
            }
            if !self.synced || n < last {
                dirty.extend(indexes);
            }
        }
        if !Planted::RecoveryWithoutFsync.is_there() {
            self.dir.sync(&dirty, &folders)?;
        }
        if self.saved.truncating_to.is_some() {
            self.save(found.history.next_index(), None)?;
        }
        Ok(())
    }

    fn save(&self, durable_index: u64, truncating_to: Option<u64>) -> io::Result<()> {
        let saved = Saved {
            durable_index,
            truncating_to,
            ..self.saved.clone()
        };
        self.dir.journal.lock().note(self.identity, saved);
        self.dir.sync_journal()
    }
}

/// The head of a segment's file of Raft positions; `None` if it is absent or damaged.
fn read_head(disk: &dyn Disk, files: &SegmentFiles) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD_LEN];
    let read = disk
        .open(&files.path(Kind::Raft), OpenMode::Read)
        .and_then(|raft| raft.read_exact_at(&mut bytes, 0));
    match read {
        Ok(()) => Ok(Head::decode(&bytes)),
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof)
                || is_unreadable(&error) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Cuts what stands behind a segment's end, which nobody reads yet; whether anything did.
fn trim(candidate: &Candidate, len: u64) -> io::Result<bool> {
    let trimmed = candidate.len > len;
    if trimmed {
        candidate.files.open(Kind::Log)?.set_len(len)?;
    }
    candidate.files.allocated.store(len, Ordering::Relaxed);
    Ok(trimmed)
}

/// The state at the start of a segment, if its boundary tells.
pub(super) fn history_at(head: &Head, files: &SegmentFiles) -> io::Result<Option<History>> {
    if head.first_index == 0 && head.base_offset == 0 {
        return Ok(Some(History::default()));
    }
    let fits = |boundary: &Boundary| {
        boundary.next_index() == head.first_index && boundary.next_offset == head.base_offset
    };
    let boundary = files.boundary()?.filter(fits);
    if boundary.is_none() {
        tracing::warn!(path = %files.path(Kind::Boundary).display(), "no boundary of the segment");
    }
    Ok(boundary.map(|boundary| History::at(&boundary)))
}

/// The state at the start of the last of some segments, or of the newest before it whose state is
/// known: from there on frames have to be read.
pub(super) fn history_before(
    segments: &[(Head, Arc<SegmentFiles>)],
) -> io::Result<(usize, History)> {
    for (n, (head, files)) in segments.iter().enumerate().rev() {
        if let Some(history) = history_at(head, files)? {
            return Ok((n, history));
        }
    }
    // producers and old epochs are forgotten; positions are not
    let (head, _) = segments.first().expect("a log always has a segment");
    let boundary = Boundary {
        last: head.previous(),
        next_offset: head.base_offset,
        log_start_offset: head.base_offset,
        terms: head.previous().into_iter().collect(),
        ..Boundary::default()
    };
    Ok((0, History::at(&boundary)))
}
