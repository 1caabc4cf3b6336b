//! Opening, tending and closing a log directory.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ottla_platform::disk::{DirLock, Disk, OpenMode};
use ottla_platform::planted::Planted;
use ottla_platform::work::{Next, Worker};
use parking_lot::Mutex;

use super::group_sync::GroupSync;
use super::journal::Journal;
use super::options::Counters;
use super::queue::WorkQueue;
use super::shared::{DirShared, Slot};
use super::strays;
use super::sync_choice::SyncChoice;
use super::trash::Trash;
use super::{
    DELETED_FOLDER, DirStats, DirectoryMeta, Drive, LogDirError, LogDirOptions, flusher, writer,
};
use crate::Identity;
use crate::log::Log;
use crate::segment::MapCache;

/// The lock's file; held while the directory is open.
const LOCK_FILE: &str = ".lock";
/// There only while the directory is closed in order.
const CLEAN_FILE: &str = ".clean_shutdown";

/// One log directory, open. Cheap to clone; the workers end with the last clone, if not before.
#[derive(Clone)]
pub struct LogDir {
    pub(crate) shared: Arc<DirShared>,
    owner: Arc<Owner>,
}

/// The space of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// All of it.
    pub total_bytes: u64,
    /// What is left for this process.
    pub usable_bytes: u64,
}

/// What ends with the directory.
struct Owner {
    shared: Arc<DirShared>,
    workers: Mutex<Vec<Worker>>,
    lock: Mutex<Option<Box<dyn DirLock>>>,
}

impl LogDir {
    /// Opens a formatted directory, takes its lock and starts its threads. Blocks.
    ///
    /// # Errors
    /// See [`LogDirError`].
    pub fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: LogDirOptions,
    ) -> Result<LogDir, LogDirError> {
        let meta = DirectoryMeta::read(&*disk, directory)?.ok_or(LogDirError::NotFormatted)?;
        let lock = match disk.lock(&directory.join(LOCK_FILE)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(LogDirError::Locked);
            }
            result => result?,
        };
        // before the first write, so that it reports every write that is lost later
        let whole = disk.whole_sync(directory)?;
        let was_clean = take_clean_mark(&*disk, directory)?;
        // what earlier processes left may be only in the page cache
        match &whole {
            Some(whole) if !Planted::RecoveryWithoutFsync.is_there() => whole.sync()?,
            _ => {}
        }
        let synced_at_start = whole.is_some();
        // a time is never a count of starts
        let unknown = options.clock.now_ms().unsigned_abs();
        let (journal, votes_in_doubt) =
            Journal::open(Arc::clone(&disk), directory, was_clean, unknown)?;
        let shared = Arc::new(DirShared {
            disk,
            path: directory.to_owned(),
            format: Mutex::new(meta.format),
            meta,
            clock: options.clock,
            drive: options.drive,
            reserve_bytes: options.reserve_bytes,
            was_clean,
            synced_at_start,
            votes_in_doubt,
            generation: journal.generation(),
            journal: Mutex::new(journal),
            whole,
            sync_choice: SyncChoice::default(),
            logs: Mutex::default(),
            turning: Mutex::default(),
            pen: writer::Pen::default(),
            writer: WorkQueue::default(),
            flusher: WorkQueue::default(),
            timers: Mutex::default(),
            group_sync: GroupSync::default(),
            maps: MapCache::new(options.mapped_files_max),
            trash: Mutex::default(),
            unsynced: Mutex::default(),
            counters: Counters::default(),
            full: AtomicBool::new(false),
            failure: OnceLock::new(),
            on_failure: options.on_failure,
        });
        shared.check_space()?;
        gather_trash(&shared)?;
        strays::forget_removed(&shared)?;
        let dir = LogDir {
            owner: Arc::new(Owner {
                shared: Arc::clone(&shared),
                workers: Mutex::default(),
                lock: Mutex::new(Some(lock)),
            }),
            shared,
        };
        if dir.shared.drive == Drive::Workers {
            dir.start("log-writer", &dir.shared.writer, writer::round)?;
            dir.start("log-flusher", &dir.shared.flusher, flusher::round)?;
        }
        Ok(dir)
    }

    fn start(
        &self,
        name: &str,
        queue: &WorkQueue,
        round: fn(&DirShared) -> Next,
    ) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let worker = Worker::start(name, Arc::clone(&queue.bell), move || round(&shared))?;
        self.owner.workers.lock().push(worker);
        Ok(())
    }

    /// Who the directory belongs to.
    pub fn meta(&self) -> &DirectoryMeta {
        &self.shared.meta
    }

    /// Whether the last process closed the directory in order.
    pub fn was_clean(&self) -> bool {
        self.shared.was_clean
    }

    /// Names of the partition folders, sorted; folders being deleted are not among them. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn log_names(&self) -> io::Result<Vec<String>> {
        let entries = self.shared.disk.read_dir(&self.shared.path)?.into_iter();
        let folders = entries.filter(|entry| entry.is_dir && !entry.name.ends_with(DELETED_FOLDER));
        Ok(folders.map(|entry| entry.name).collect())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The space of the volume that it lies on. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn volume(&self) -> io::Result<Volume> {
        let DirShared { disk, path, .. } = &*self.shared;
        Ok(Volume {
            total_bytes: disk.total_bytes(path)?,
            usable_bytes: disk.free_bytes(path)?,
        })
    }

    /// The first fatal error; everything fails from then on.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }

    /// Whether proposals are refused for lack of space.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// Under [`Drive::Manual`]: writes what is queued, then runs one flush round; whether there
    /// was anything to do. Not to be called from a callback.
    pub fn turn(&self) -> bool {
        self.shared.turn()
    }

    /// A chore, to be called every few seconds: removes deleted files whose time has come, closes
    /// files of idle logs and shrinks their memory, looks at free space, saves the logs' progress.
    /// Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn tidy(&self) -> io::Result<()> {
        let shared = &self.shared;
        shared.check()?;
        let now_ms = shared.clock.now_ms();
        let due = shared.trash.lock().take_due(now_ms);
        due.remove(&*shared.disk)?;
        shared.check_space()?;
        shared.sync_closed()?;
        for log in shared.open_logs() {
            if let Some(saved) = log.tidy() {
                shared.journal.lock().note(log.identity, saved);
            }
        }
        shared.sync_journal_if_room()
    }

    /// A chore, to be called every few minutes: forgets idle producers.
    ///
    /// How long one is idle says the time of its newest batch, and that may be years ago while it
    /// writes: a copy of old records. Called often, this would take from such a producer what it is
    /// protected by.
    pub fn expire_producers(&self) {
        let now_ms = self.shared.clock.now_ms();
        for log in self.shared.open_logs() {
            log.expire_producers(now_ms);
        }
    }

    /// Whose logs are open.
    pub fn open_logs(&self) -> Vec<Identity> {
        let logs = self.shared.open_logs();
        logs.iter().map(|log| log.identity).collect()
    }

    /// A log that is open. Its owner cannot open it anew while this handle is held.
    pub fn log(&self, identity: Identity) -> Option<Log> {
        let shared = match self.shared.logs.lock().get(&identity)? {
            Slot::Open(log) => log.upgrade()?,
            Slot::Opening | Slot::Closed => return None,
        };
        Some(Log {
            shared,
            _dir: self.clone(),
        })
    }

    /// Counters.
    pub fn stats(&self) -> DirStats {
        self.shared.counters.read(self.shared.open_logs().len())
    }

    /// Ends the threads and, if every log was closed, leaves the mark that makes the next start
    /// fast. Blocks.
    ///
    /// # Errors
    /// The disk fails; the next start will check the logs.
    pub fn close(&self) -> io::Result<()> {
        self.owner.stop();
        let shared = &self.shared;
        let result = shared.check().and_then(|()| {
            shared.sync_journal()?;
            shared.sync_closed()?;
            let logs = shared.logs.lock();
            let all_closed = logs.values().all(|slot| matches!(slot, Slot::Closed));
            drop(logs);
            if !all_closed {
                tracing::warn!("logs are still open: the next start will check them");
                return Ok(());
            }
            let path = shared.path.join(CLEAN_FILE);
            let mark = shared.disk.open(&path, OpenMode::Create)?;
            shared.sync(&[mark], &[&shared.path])
        });
        self.owner.lock.lock().take();
        result
    }
}

impl Owner {
    fn stop(&self) {
        // the writer first: what it still writes is then flushed
        let workers: Vec<_> = self.workers.lock().drain(..).collect();
        let mut workers = workers.into_iter();
        for queue in [&self.shared.writer, &self.shared.flusher] {
            queue.stop();
            // a callback may drop the last handle, on one of these threads: that one is not waited for
            let ended = workers.next().is_none_or(Worker::join);
            if !ended {
                tracing::error!("a thread of the log directory panicked");
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether the mark of an orderly end was there; it is gone, durably, before anything is written.
fn take_clean_mark(disk: &dyn Disk, directory: &Path) -> io::Result<bool> {
    match disk.remove_file(&directory.join(CLEAN_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => {
            result?;
            disk.sync_dir(directory)?;
            Ok(true)
        }
    }
}

/// Folders whose deletion an earlier process began.
fn gather_trash(shared: &DirShared) -> io::Result<()> {
    let mut trash = Trash::default();
    for entry in shared.disk.read_dir(&shared.path)? {
        if entry.is_dir && entry.name.ends_with(DELETED_FOLDER) {
            trash.add_folder(shared.path.join(entry.name), i64::MIN);
        }
    }
    *shared.trash.lock() = trash;
    Ok(())
}
