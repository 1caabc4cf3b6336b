//! What the logs and threads of a directory share.
//!
//! Lock order: a log's state, then one of the locks here. None of the latter is held while another
//! is taken, nor while the disk is waited for, but for the journal's and the format's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use ottla_platform::clock::Clock;
use ottla_platform::disk::{Disk, DiskFile, WholeSync, is_exhaustion};
use ottla_platform::work;
use parking_lot::Mutex;

use super::group_sync::GroupSync;
use super::journal::Journal;
use super::options::{Counters, Drive, OnFailure};
use super::queue::WorkQueue;
use super::sync_choice::{SyncChoice, Way};
use super::trash::Trash;
use super::writer::Pen;
use super::{DirectoryMeta, flusher, writer};
use crate::Identity;
use crate::log::LogShared;
use crate::segment::MapCache;

/// Files and folders that were written to and not synced.
#[derive(Default)]
pub(crate) struct Unsynced {
    pub(crate) files: Vec<Arc<dyn DiskFile>>,
    pub(crate) folders: Vec<Arc<Path>>,
}

/// What this process knows of a log.
#[derive(Clone)]
pub(crate) enum Slot {
    Opening,
    /// Dead if it was dropped without being closed.
    Open(Weak<LogShared>),
    /// Closed in order.
    Closed,
}

pub(crate) struct DirShared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
    pub(crate) meta: DirectoryMeta,
    /// The one in `meta.properties`.
    pub(crate) format: Mutex<u32>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) drive: Drive,
    pub(crate) reserve_bytes: u64,
    pub(crate) was_clean: bool,
    /// Everything that was there at the start is on the medium.
    pub(crate) synced_at_start: bool,
    pub(crate) votes_in_doubt: bool,
    /// What a log left at its closing is believed only in the same generation.
    pub(crate) generation: u64,
    pub(crate) journal: Mutex<Journal>,
    pub(crate) whole: Option<Arc<dyn WholeSync>>,
    pub(crate) sync_choice: SyncChoice,
    pub(crate) logs: Mutex<BTreeMap<Identity, Slot>>,
    /// Held by who writes and flushes where no worker does.
    pub(crate) turning: Mutex<()>,
    pub(crate) pen: Pen,
    pub(crate) writer: WorkQueue,
    pub(crate) flusher: WorkQueue,
    /// Logs to be flushed at a time of the monotonic clock.
    pub(crate) timers: Mutex<Vec<(Duration, Weak<LogShared>)>>,
    pub(crate) group_sync: GroupSync,
    pub(crate) maps: MapCache,
    pub(crate) trash: Mutex<Trash>,
    /// What closed logs have written and nobody waits for.
    pub(crate) unsynced: Mutex<Unsynced>,
    pub(crate) counters: Counters,
    pub(crate) full: AtomicBool,
    pub(crate) failure: OnceLock<String>,
    pub(crate) on_failure: OnFailure,
}

impl DirShared {
    /// Declares the directory unusable: what waits fails, and everything that comes.
    pub(crate) fn fail(&self, doing: &str, error: &io::Error) {
        let text = format!("{doing}: {error}");
        if self.failure.set(text.clone()).is_err() {
            return;
        }
        tracing::error!(directory = %self.path.display(), "log directory failed: {text}");
        (self.on_failure)(&text);
        self.open_logs()
            .iter()
            .for_each(|log| log.fail_submissions());
    }

    /// Notes durably that an older program must not touch the directory, before something of such a format is
    /// written. Blocks the first time.
    pub(crate) fn need_format(&self, needed: u32) -> io::Result<()> {
        let mut format = self.format.lock();
        if *format >= needed {
            return Ok(());
        }
        // The broker may have written it since it was read.
        let known = DirectoryMeta::read(&*self.disk, &self.path)?;
        let meta = DirectoryMeta {
            format: needed,
            ..known.unwrap_or_else(|| self.meta.clone())
        };
        meta.write(&*self.disk, &self.path)?;
        *format = needed;
        let directory = self.path.display();
        tracing::info!(%directory, needed, "the log directory is in a format that older versions of Ottla cannot read");
        Ok(())
    }

    /// The logs that are open.
    pub(crate) fn open_logs(&self) -> Vec<Arc<LogShared>> {
        let logs = self.logs.lock();
        let open = logs.values().filter_map(|slot| match slot {
            Slot::Open(log) => log.upgrade(),
            Slot::Opening | Slot::Closed => None,
        });
        open.collect()
    }

    /// Syncs what closed logs have written.
    pub(crate) fn sync_closed(&self) -> io::Result<()> {
        let Unsynced { files, folders } = std::mem::take(&mut *self.unsynced.lock());
        let folders: Vec<&Path> = folders.iter().map(|folder| &**folder).collect();
        self.sync(&files, &folders)
    }

    /// The error of a directory that failed.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.failure.get() {
            None => Ok(()),
            Some(text) => Err(io::Error::other(format!(
                "the log directory failed: {text}"
            ))),
        }
    }

    /// Looks at the free space; whether proposals may go on.
    pub(crate) fn check_space(&self) -> io::Result<bool> {
        let free = self.disk.free_bytes(&self.path)?;
        let has_stalled = self.writer.has_stalled() || self.flusher.has_stalled();
        let full = free < self.reserve_bytes || has_stalled;
        if self.full.swap(full, Ordering::Relaxed) != full {
            let directory = self.path.display();
            if full {
                tracing::warn!(%directory, free, "log directory is full: appends are refused");
            } else {
                tracing::info!(%directory, free, "log directory has space again");
            }
        }
        Ok(!full)
    }

    /// Syncs files and then the names in folders. The first failure is final for the directory.
    pub(crate) fn sync(&self, files: &[Arc<dyn DiskFile>], folders: &[&Path]) -> io::Result<()> {
        self.check()?;
        let result = self.try_sync(files, folders);
        if let Err(error) = &result {
            self.fail("sync", error);
        }
        result
    }

    fn try_sync(&self, files: &[Arc<dyn DiskFile>], folders: &[&Path]) -> io::Result<()> {
        let count = files.len() + folders.len();
        if count == 0 {
            return Ok(());
        }
        let begun = self.clock.monotonic();
        let way = match &self.whole {
            Some(_) => self.sync_choice.of(count),
            None => Way::OneByOne,
        };
        match &self.whole {
            Some(whole) if way == Way::AllAtOnce => whole.sync()?,
            _ => {
                files.iter().try_for_each(|file| file.sync_data())?;
                folders
                    .iter()
                    .try_for_each(|folder| self.sync_folder(folder))?;
            }
        }
        let took = self.clock.monotonic().saturating_sub(begun);
        self.sync_choice.took(way, count, took);
        Ok(())
    }

    /// As [`DirShared::sync`], but with one sync of everything where that can be trusted, which
    /// calls on several threads share.
    pub(crate) fn sync_together(
        &self,
        files: &[Arc<dyn DiskFile>],
        folders: &[&Path],
    ) -> io::Result<()> {
        let Some(whole) = &self.whole else {
            return self.sync(files, folders);
        };
        self.check()?;
        self.group_sync.run(|| {
            if let Err(error) = whole.sync() {
                self.fail("sync", &error);
            }
        });
        self.check()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match self.disk.sync_dir(folder) {
            // one that was deleted meanwhile has no names to keep
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Writes what the journal was told and makes it durable. A full disk is an error, but not
    /// the end: the journal is written later.
    pub(crate) fn sync_journal(&self) -> io::Result<()> {
        self.check()?;
        let result = self.journal.lock().sync();
        match &result {
            Err(error) if !is_exhaustion(error) => {
                self.fail("sync the state journal", error);
            }
            _ => {}
        }
        result
    }

    /// The same where it may as well be written later.
    pub(crate) fn sync_journal_if_room(&self) -> io::Result<()> {
        match self.sync_journal() {
            Err(error) if is_exhaustion(&error) => Ok(()),
            result => result,
        }
    }

    /// Whether other threads write and flush, and so whoever must wait for them can.
    pub(crate) fn has_threads(&self) -> bool {
        self.drive == Drive::Workers && work::HAS_THREADS
    }

    /// Writes what is queued and runs a flush round, on this thread; whether there was anything.
    /// With threads of its own the directory does that itself.
    pub(crate) fn turn(&self) -> bool {
        if self.has_threads() {
            return false;
        }
        let _one_at_a_time = self.turning.lock();
        let wrote = writer::turn(self);
        let flushed = flusher::turn(self);
        wrote || flushed
    }
}
