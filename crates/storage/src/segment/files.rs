//! The files of one segment: opened when first needed, closed when idle, the log mapped for reads
//! as long as it is read.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use ottla_platform::disk::{Disk, DiskFile, Mapping, OpenMode};
use parking_lot::Mutex;

use super::entries::{Entry, FileEntries};
use super::{HEAD_LEN, LogBytes, file_name, salvage};
use crate::Boundary;
use crate::small_file::{self, unfinished};

/// What a file of a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Frames.
    Log,
    /// Positions by Kafka offset.
    Offsets,
    /// Offsets by time.
    Times,
    /// Aborted transactions; only there if there are any.
    Transactions,
    /// Positions by Raft index, and where the segment begins.
    Raft,
    /// What is known at the segment's start; not there for a partition's first.
    Boundary,
}

impl Kind {
    /// All kinds; the log first, because without it the others mean nothing.
    pub(crate) const ALL: [Kind; 6] = [
        Kind::Log,
        Kind::Offsets,
        Kind::Times,
        Kind::Transactions,
        Kind::Raft,
        Kind::Boundary,
    ];

    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Kind::Log => "log",
            Kind::Offsets => "index",
            Kind::Times => "timeindex",
            Kind::Transactions => "txnindex",
            Kind::Raft => "raftindex",
            Kind::Boundary => "boundary",
        }
    }
}

/// A mapping is made at least this long, so that a growing log is not mapped anew all the time.
const MAPPED_BYTES_MIN: u64 = 1 << 20;

/// The files of one segment.
#[derive(Debug)]
pub(crate) struct SegmentFiles {
    disk: Arc<dyn Disk>,
    folder: Arc<Path>,
    pub(crate) base_offset: i64,
    handles: Mutex<[Option<Arc<dyn DiskFile>>; Kind::ALL.len()]>,
    mapped: Mutex<Option<Mapped>>,
    /// Read since the map cache or the chores last looked.
    used: AtomicBool,
    /// Removed: opens no file any more, since another segment may bear its name.
    retired: AtomicBool,
    /// End of the space reserved for the log.
    pub(crate) allocated: AtomicU64,
}

#[derive(Debug, Clone)]
struct Mapped {
    mapping: Arc<dyn Mapping>,
    len: u64,
}

impl SegmentFiles {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: Arc<Path>, base_offset: i64) -> SegmentFiles {
        SegmentFiles {
            disk,
            folder,
            base_offset,
            handles: Mutex::default(),
            mapped: Mutex::default(),
            used: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            allocated: AtomicU64::new(0),
        }
    }

    pub(crate) fn path(&self, kind: Kind) -> PathBuf {
        self.folder.join(file_name(self.base_offset, kind))
    }

    /// An open file, made if absent.
    pub(crate) fn open(&self, kind: Kind) -> io::Result<Arc<dyn DiskFile>> {
        let handle = &mut self.handles.lock()[kind as usize];
        if let Some(file) = handle {
            return Ok(Arc::clone(file));
        }
        if self.retired.load(Ordering::Acquire) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = self.disk.open(&self.path(kind), OpenMode::Create)?;
        *handle = Some(Arc::clone(&file));
        Ok(file)
    }

    /// The index files, to be synced.
    pub(crate) fn indexes(&self, with_aborted: bool) -> io::Result<Vec<Arc<dyn DiskFile>>> {
        let always = [Kind::Offsets, Kind::Times, Kind::Raft].into_iter();
        let aborted = with_aborted.then_some(Kind::Transactions);
        always.chain(aborted).map(|kind| self.open(kind)).collect()
    }

    /// The bytes of a small file; `None` if it is absent.
    ///
    /// # Errors
    /// The disk fails, or does not give all of it, which is damage.
    pub(crate) fn read(&self, kind: Kind) -> io::Result<Option<Vec<u8>>> {
        let path = self.path(kind);
        let given = small_file::read_what_is_given(&*self.disk, &path)?;
        if self.retired.load(Ordering::Acquire) {
            // what was read may be another segment's, or absent because this one is
            return Err(io::ErrorKind::NotFound.into());
        }
        match given {
            Some(given) if given.lost_bytes > 0 => {
                let text = format!("the disk does not give all of {}", path.display());
                Err(io::Error::new(io::ErrorKind::InvalidData, text))
            }
            given => Ok(given.map(|given| given.bytes)),
        }
    }

    /// What is known at the segment's start, if the file is there and says it.
    pub(crate) fn boundary(&self) -> io::Result<Option<Boundary>> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let read = self.read(Kind::Boundary);
        let decode = |bytes: Vec<u8>| Boundary::decode(&bytes).map_err(invalid);
        match read.and_then(|bytes| bytes.map(decode).transpose()) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let path = self.path(Kind::Boundary);
                tracing::warn!(path = %path.display(), %error, "a boundary is damaged: not used");
                Ok(None)
            }
            read => read,
        }
    }

    /// Replaces a file that is no log. The bytes are synced, the name is not.
    pub(crate) fn put(&self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let mut handles = self.handles.lock();
        handles[kind as usize] = None;
        small_file::put(&*self.disk, &self.path(kind), bytes)
    }

    /// Puts a log with these bytes in the place of another, which open views keep. The bytes are
    /// synced, the name is not. For files that were not opened yet.
    pub(crate) fn put_log(&self, bytes: &[u8]) -> io::Result<()> {
        small_file::put(&*self.disk, &self.path(Kind::Log), bytes)
    }

    /// Puts a copy in the place of a log that cannot all be read, with zeros where nothing is given: it is
    /// damaged then like any other, and can be written to. Nobody writes to it meanwhile. The bytes and the
    /// name are synced. Blocks.
    pub(crate) fn salvage_log(&self) -> io::Result<()> {
        let path = self.path(Kind::Log);
        let copy = unfinished(&path);
        let lost_bytes = salvage::copy(&*self.disk, &path, &copy)?;
        let mut handles = self.handles.lock();
        if self.retired.load(Ordering::Acquire) {
            self.disk.remove_file(&copy)?;
            return Err(io::ErrorKind::NotFound.into());
        }
        self.disk.rename(&copy, &path)?;
        handles[Kind::Log as usize] = None;
        self.mapped.lock().take();
        drop(handles);
        let log = path.display();
        tracing::warn!(%log, lost_bytes, "the disk does not give all of a segment; what it gives was copied");
        self.disk.sync_dir(&self.folder)
    }

    /// Removes the files; views that are open stay readable.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.retire();
        for kind in Kind::ALL {
            match self.disk.remove_file(&self.path(kind)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// Renames the files, the log first; the new names.
    pub(crate) fn rename(&self, ending: &str) -> io::Result<Vec<PathBuf>> {
        self.retire();
        let mut renamed = Vec::new();
        for kind in Kind::ALL {
            let from = self.path(kind);
            let mut to = from.clone().into_os_string();
            to.push(ending);
            match self.disk.rename(&from, to.as_ref()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => {
                    result?;
                    renamed.push(to.into());
                }
            }
        }
        Ok(renamed)
    }

    /// Opens no file from now on, nor is one being opened on return; what is open stays so.
    pub(crate) fn retire(&self) {
        let _none_is_being_opened = self.handles.lock();
        self.retired.store(true, Ordering::Release);
    }

    /// Closes files and mapping unless they were read lately; they open again when needed.
    pub(crate) fn release(&self) {
        if !self.used.swap(false, Ordering::Relaxed) {
            *self.handles.lock() = Default::default();
            self.mapped.lock().take();
        }
    }

    /// The entries of an index file; `count` as in [`FileEntries::new`].
    pub(crate) fn entries<E: Entry>(
        &self,
        kind: Kind,
        count: Option<u32>,
    ) -> io::Result<FileEntries<E>> {
        let start = if kind == Kind::Raft { HEAD_LEN } else { 0 };
        FileEntries::new(self.open(kind)?, start, count)
    }

    /// The log's bytes up to `end`. `full_len` is how long the log may become.
    pub(crate) fn bytes(
        self: &Arc<Self>,
        maps: &MapCache,
        end: u64,
        full_len: u64,
    ) -> io::Result<LogBytes> {
        self.used.store(true, Ordering::Relaxed);
        if let Some(mapped) = &*self.mapped.lock()
            && mapped.len >= end
        {
            return Ok(LogBytes::Mapped(Arc::clone(&mapped.mapping)));
        }
        let file = self.open(Kind::Log)?;
        if maps.files_max == 0 {
            return Ok(LogBytes::File(file));
        }
        let len = full_len.max(end).max(MAPPED_BYTES_MIN);
        // without address space or mappings left, reading still works
        let Ok(mapping) = file.map(len) else {
            return Ok(LogBytes::File(file));
        };
        let mapped = Mapped { mapping, len };
        let handles = self.handles.lock();
        let is_that = |now: &Arc<dyn DiskFile>| Arc::ptr_eq(now, &file);
        if !handles[Kind::Log as usize].as_ref().is_some_and(is_that) {
            // closed meanwhile, or a copy is in its place
            return Ok(LogBytes::Mapped(mapped.mapping));
        }
        if self.mapped.lock().replace(mapped.clone()).is_none() {
            maps.admit(self);
        }
        Ok(LogBytes::Mapped(mapped.mapping))
    }
}

/// Bounds how many segments are mapped at once, because the system does. When one more is mapped,
/// the one that was longest not looked at gives way; views of it stay valid.
#[derive(Debug)]
pub(crate) struct MapCache {
    files_max: usize,
    /// In order of mapping; one that was used since goes to the back once more.
    queue: Mutex<VecDeque<Weak<SegmentFiles>>>,
}

impl MapCache {
    /// At most `files_max` mappings; 0 means never to map.
    pub(crate) fn new(files_max: usize) -> MapCache {
        MapCache {
            files_max,
            queue: Mutex::default(),
        }
    }

    fn admit(&self, files: &Arc<SegmentFiles>) {
        let mut queue = self.queue.lock();
        queue.push_back(Arc::downgrade(files));
        let mut second_chances = queue.len();
        while queue.len() > self.files_max {
            let Some(oldest) = queue.pop_front() else {
                return;
            };
            let Some(segment) = oldest.upgrade() else {
                continue;
            };
            if second_chances > 0 && segment.used.swap(false, Ordering::Relaxed) {
                second_chances -= 1;
                queue.push_back(oldest);
            } else {
                segment.mapped.lock().take();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_platform::sim::SimDisk;

    fn segments(count: i64) -> Vec<Arc<SegmentFiles>> {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(0));
        let folder: Arc<Path> = Path::new("").into();
        let new = |base| SegmentFiles::new(Arc::clone(&disk), Arc::clone(&folder), base);
        (0..count).map(|base| Arc::new(new(base))).collect()
    }

    fn mapped(segments: &[Arc<SegmentFiles>]) -> Vec<i64> {
        let mapped = segments.iter().filter(|s| s.mapped.lock().is_some());
        mapped.map(|s| s.base_offset).collect()
    }

    #[test]
    fn the_segment_that_is_not_read_gives_way() {
        let segments = segments(4);
        let maps = MapCache::new(3);
        for segment in &segments[..3] {
            segment.bytes(&maps, 0, 0).unwrap();
            segment.used.store(false, Ordering::Relaxed);
        }
        segments[0].bytes(&maps, 0, 0).unwrap();
        segments[3].bytes(&maps, 0, 0).unwrap();
        assert_eq!(mapped(&segments), [0, 2, 3]);
    }

    #[test]
    fn a_segment_that_outgrew_its_mapping_is_mapped_anew_and_counted_once() {
        let segments = segments(1);
        let maps = MapCache::new(3);
        for end in [
            1,
            MAPPED_BYTES_MIN,
            MAPPED_BYTES_MIN + 1,
            5 * MAPPED_BYTES_MIN,
        ] {
            segments[0].bytes(&maps, end, 0).unwrap();
            assert!(segments[0].mapped.lock().as_ref().unwrap().len >= end);
        }
        assert_eq!(maps.queue.lock().len(), 1);
    }

    #[test]
    fn nothing_is_mapped_if_none_may_be() {
        let segments = segments(1);
        let bytes = segments[0].bytes(&MapCache::new(0), 0, 0).unwrap();
        assert!(matches!(bytes, LogBytes::File(_)));
    }
}
