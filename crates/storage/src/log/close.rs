//! Closing a log, and the file that makes its next opening fast; deleting one.
//!
//! `clean.end` holds the state at the log's end. It is believed only in the directory's generation
//! that wrote it, which ends when the directory is not closed in order. An envelope (see [`crate::codec`]) with magic `OTCE`
//! and version 1; the body, big-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | generation of the directory, see the state journal |
//! | n | boundary, see [`crate::boundary`] |
//! | 8 + 4 | first Raft index and length of the last segment |
//! | ? 8 | timestamp of its first batch |
//! | 8 + 8 | its largest timestamp, −1 if none, and the last offset of the first batch that has it |
//! | 4 + 4 + 4 | entries in its `.index`, `.timeindex`, `.raftindex` |
//! | 8 + 8 | bytes since the last entry in `.index` and `.raftindex` |
//! | 8 | timestamp of the last entry in `.timeindex`, −1 if none |

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, BufMut, BytesMut};
use ottla_platform::disk::{Disk, OpenMode};

use super::handle::Log;
use super::shared::LogShared;
use crate::codec::{Malformed, get_option, put_option, seal, unseal};
use crate::dir::{DELETED_FOLDER, Slot, folder_name_after};
use crate::segment::{Aborted, Head, Kind, Segment, SegmentFiles, Sparse, Times};
use crate::{Boundary, small_file};

const FILE: &str = "clean.end";
const MAGIC: [u8; 4] = *b"OTCE";
const VERSION: u16 = 1;
/// Files of closed logs that are kept open until they are synced.
const UNSYNCED_FILES_MAX: usize = 512;

/// The end of a log that was closed in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CleanEnd {
    pub(super) generation: u64,
    pub(super) boundary: Boundary,
    pub(super) first_index: u64,
    pub(super) len: u32,
    times: Times,
    entries: [u32; 3],
    since_offset: u64,
    since_raft: u64,
    last_time: i64,
}

impl CleanEnd {
    pub(super) fn read(disk: &dyn Disk, folder: &Path) -> io::Result<Option<CleanEnd>> {
        let bytes = small_file::read(disk, &folder.join(FILE))?.unwrap_or_default();
        Ok(CleanEnd::decode(&bytes).ok())
    }

    fn of(generation: u64, boundary: Boundary, active: &Segment) -> CleanEnd {
        let sparse = &active.sparse;
        CleanEnd {
            generation,
            boundary,
            first_index: active.head.first_index,
            len: active.len,
            times: active.times.unwrap_or(Times::NONE),
            entries: [
                sparse.offsets.in_file,
                sparse.times.in_file,
                sparse.raft.in_file,
            ]
            .map(Option::unwrap_or_default),
            since_offset: sparse.since_offset,
            since_raft: sparse.since_raft,
            last_time: sparse.last_time,
        }
    }

    /// The last segment as it was closed.
    pub(super) fn active(&self, head: Head, files: Arc<SegmentFiles>) -> io::Result<Segment> {
        let mut sparse = Sparse::empty();
        let [offsets, times, raft] = self.entries.map(Some);
        sparse.offsets.in_file = offsets;
        sparse.times.in_file = times;
        sparse.raft.in_file = raft;
        sparse.since_offset = self.since_offset;
        sparse.since_raft = self.since_raft;
        sparse.last_time = self.last_time;
        let aborted = Segment {
            aborted: Aborted::InFile,
            ..Segment::new(head, Arc::clone(&files))
        };
        let all = aborted.aborted()?;
        Ok(Segment {
            len: self.len,
            written: self.len,
            next_index: self.boundary.next_index(),
            next_offset: self.boundary.next_offset,
            times: Some(self.times),
            sparse,
            aborted: Aborted::Known {
                in_file: all.len(),
                all,
            },
            ..aborted
        })
    }

    fn encode(&self) -> bytes::Bytes {
        let mut body = BytesMut::new();
        body.put_u64(self.generation);
        self.boundary.put(&mut body);
        body.put_u64(self.first_index);
        body.put_u32(self.len);
        put_option(&mut body, self.times.first, BytesMut::put_i64);
        body.put_i64(self.times.max);
        body.put_i64(self.times.max_offset);
        self.entries
            .into_iter()
            .for_each(|count| body.put_u32(count));
        body.put_u64(self.since_offset);
        body.put_u64(self.since_raft);
        body.put_i64(self.last_time);
        seal(MAGIC, VERSION, &body)
    }

    fn decode(bytes: &[u8]) -> Result<CleanEnd, Malformed> {
        let mut body = unseal(MAGIC, VERSION, bytes)?;
        let from = &mut body;
        Ok(CleanEnd {
            generation: from.try_get_u64()?,
            boundary: Boundary::get(from)?,
            first_index: from.try_get_u64()?,
            len: from.try_get_u32()?,
            times: Times {
                first: get_option(from, |from| Ok(from.try_get_i64()?))?,
                max: from.try_get_i64()?,
                max_offset: from.try_get_i64()?,
            },
            entries: [
                from.try_get_u32()?,
                from.try_get_u32()?,
                from.try_get_u32()?,
            ],
            since_offset: from.try_get_u64()?,
            since_raft: from.try_get_u64()?,
            last_time: from.try_get_i64()?,
        })
    }
}

impl Log {
    /// Writes everything, gives back reserved space, and leaves what a fast start needs. The log
    /// accepts nothing afterwards. What this writes is synced by [`LogDir::tidy`](crate::LogDir::tidy)
    /// or [`LogDir::close`](crate::LogDir::close). Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn close(&self) -> io::Result<()> {
        let shared = &self.shared;
        let was_closed = std::mem::replace(&mut shared.inner.lock().closed, true);
        shared.end_rewriting();
        if was_closed {
            return Ok(());
        }
        shared.inner.lock().pipeline.index_wanted = true;
        let (mut dirty, saved) = {
            let mut inner = shared.wait_quiet()?;
            let (mut dirty, _) = inner.pipeline.take_dirty();
            let log_start_offset = inner.log_start_offset;
            let boundary = inner.history.boundary(log_start_offset);
            let active = inner.active();
            if active.len > 0 {
                let log = active.files.open(Kind::Log)?;
                log.set_len(active.len.into())?;
                dirty.push(log);
                dirty.extend(active.files.indexes(active.has_aborted())?);
            }
            let path = shared.folder.join(FILE);
            let end = CleanEnd::of(shared.dir.generation, boundary, active).encode();
            let file = shared.dir.disk.open(&path, OpenMode::Truncate)?;
            file.write_all_at(&end, 0)?;
            dirty.push(file);
            (dirty, inner.saved())
        };
        shared.dir.journal.lock().note(shared.identity, saved);
        let many = {
            let mut unsynced = shared.dir.unsynced.lock();
            unsynced.files.append(&mut dirty);
            unsynced.folders.push(Arc::clone(&shared.folder));
            unsynced.files.len() >= UNSYNCED_FILES_MAX
        };
        if many {
            shared.dir.sync_closed()?;
        }
        let mut logs = shared.dir.logs.lock();
        logs.insert(shared.identity, Slot::Closed);
        Ok(())
    }

    /// Drops the log: renames its folder, which [`LogDir::tidy`](crate::LogDir::tidy) removes after
    /// `file.delete.delay.ms`. What waits is answered with an error. Durable on return. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn delete(&self) -> io::Result<()> {
        let shared = &self.shared;
        let dir = &shared.dir;
        let delay_ms = shared.stop_for_good();
        shared.fail_submissions();
        let name = shared
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let gone = folder_name_after(&name, shared.identity.fingerprint(), DELETED_FOLDER);
        let gone = shared.dir.path.join(gone);
        match dir.disk.rename(&shared.folder, &gone) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
        dir.disk.sync_dir(&dir.path)?;
        dir.journal.lock().forget(shared.identity);
        dir.sync_journal_if_room()?;
        let due_ms = dir.clock.now_ms().saturating_add(delay_ms);
        let mut trash = dir.trash.lock();
        trash.forget_inside(&shared.folder);
        trash.add_folder(gone, due_ms);
        drop(trash);
        let mut unsynced = dir.unsynced.lock();
        unsynced.folders.retain(|folder| *folder != shared.folder);
        drop(unsynced);
        dir.logs.lock().remove(&shared.identity);
        Ok(())
    }
}

impl LogShared {
    /// Waits until nobody writes a segment anew: whoever begins finds the log closed.
    fn end_rewriting(&self) {
        drop(self.rewriting.lock());
    }

    /// Ends all writing, also of what was appended; how long deleted files are kept.
    fn stop_for_good(self: &Arc<Self>) -> i64 {
        let mut inner = self.inner.lock();
        inner.closed = true;
        drop(inner);
        self.end_rewriting();
        let mut inner = self.inner.lock();
        inner.pipeline.abandon();
        while inner.pipeline.in_hand() && self.dir.has_threads() && self.dir.check().is_ok() {
            self.progress.wait(&mut inner);
        }
        inner.tail.clear();
        inner
            .segments
            .iter()
            .for_each(|segment| segment.files.retire());
        i64::try_from(inner.config.file_delete_delay_ms).unwrap_or(i64::MAX)
    }
}
