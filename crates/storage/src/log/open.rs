//! Opening a log: its folder, whose it is, and what the start makes of it.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use ottla_platform::disk::OpenMode;
use ottla_platform::planted::Planted;
use parking_lot::{Condvar, Mutex};

use super::handle::Log;
use super::partition_file;
use super::pipeline::Pipeline;
use super::recover::{Found, Recovery};
use super::replace;
use super::shared::{Inner, LogShared};
use super::swap::finish_swap;
use super::types::{OnDamage, OpenError, Recovered};
use crate::Identity;
use crate::config::LogConfig;
use crate::dir::{DirShared, LogDir, Saved, Slot, writer};
use crate::history::History;
use crate::segment::{Head, Segment, SegmentFiles};
use crate::tail::Tail;

/// The head of a partition's first segment.
pub(super) fn first_head(now_ms: i64) -> Head {
    Head {
        base_offset: 0,
        first_index: 0,
        previous_term: -1,
        previous_len: 0,
        created_ms: now_ms,
        rewritten_len: None,
    }
}

impl Log {
    /// Opens the log in folder `name` of the directory, making it if absent, after checking what
    /// a crash may have left. Everything kept is durable on return. Blocks.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        dir: &LogDir,
        name: &str,
        identity: Identity,
        config: LogConfig,
        on_damage: OnDamage,
    ) -> Result<(Log, Recovered), OpenError> {
        let shared = &dir.shared;
        shared.check()?;
        let place = Place::take(shared, identity)?;
        let saved = shared
            .journal
            .lock()
            .get(&identity)
            .cloned()
            .unwrap_or_default();
        let folder: Arc<Path> = shared.path.join(name).into();
        let mut found = match read_identity(shared, &folder, identity, &saved)? {
            None => create(shared, &folder, identity, &saved)?,
            Some(found) if found != identity => {
                return Err(OpenError::WrongIdentity {
                    expected: identity,
                    found,
                });
            }
            Some(_) => {
                replace::finish_reset(shared, &folder)?;
                finish_swap(shared, &folder)?;
                let recovery = Recovery {
                    dir: shared,
                    identity,
                    folder: Arc::clone(&folder),
                    saved: &saved,
                    interval_bytes: config.index_interval_bytes,
                    trust_end: place.trust_end,
                    synced: place.first_use && shared.synced_at_start,
                    on_damage,
                };
                recovery.run()?
            }
        };
        found.recovered.vote_in_doubt = shared.votes_in_doubt;
        let recovered = found.recovered.clone();
        let log = Arc::new(LogShared {
            dir: Arc::clone(shared),
            identity,
            folder,
            inner: Mutex::new(Inner::new(found, saved, config)),
            progress: Condvar::new(),
            rewriting: Mutex::new(()),
            is_rewritten: AtomicBool::new(false),
        });
        place.fill(&log);
        let log = Log {
            shared: log,
            _dir: dir.clone(),
        };
        Ok((log, recovered))
    }
}

impl Inner {
    fn new(found: Found, saved: Saved, config: LogConfig) -> Inner {
        let Found {
            segments,
            mut history,
            ..
        } = found;
        let first = segments.first().expect("a log always has a segment").head;
        let log_start_offset = match Planted::LogStartGoesBack.is_there() {
            true => first.base_offset,
            false => saved.log_start_offset.max(first.base_offset),
        };
        let log_start_offset = log_start_offset.min(history.next_offset);
        history.epochs.trim_start(log_start_offset);
        let last = history.last;
        let mut pipeline = Pipeline::default();
        pipeline.reset(history.next_index());
        Inner {
            config,
            segments,
            tail: Tail::default(),
            opened_at: history.next_offset,
            history,
            log_start_offset,
            purged: first.previous(),
            // under asynchronous flush the log may have lost what was committed
            committed: match (saved.committed, last) {
                (Some(committed), Some(last)) if committed.index <= last.index => Some(committed),
                (Some(_), last) => last,
                (None, _) => None,
            },
            vote: saved.vote,
            compacted_to: None,
            truncating_to: None,
            pipeline,
            closed: false,
        }
    }
}

/// Whose folder it is; `None` if it is absent, or if its creation did not come to its end.
fn read_identity(
    dir: &DirShared,
    folder: &Path,
    expected: Identity,
    saved: &Saved,
) -> io::Result<Option<Identity>> {
    match partition_file::read(&*dir.disk, folder, expected.partition) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let used = saved.durable_index > 0 || has_frames(dir, folder)?;
            if used { Err(error) } else { Ok(None) }
        }
        result => result,
    }
}

fn has_frames(dir: &DirShared, folder: &Path) -> io::Result<bool> {
    if !dir.disk.exists(folder)? {
        return Ok(false);
    }
    for entry in dir.disk.read_dir(folder)? {
        let is_log = entry.name.ends_with(".log");
        if is_log
            && !dir
                .disk
                .open(&folder.join(entry.name), OpenMode::Read)?
                .is_empty()?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes the folder of a new partition, or finishes one that was begun.
fn create(
    dir: &DirShared,
    folder: &Arc<Path>,
    identity: Identity,
    saved: &Saved,
) -> Result<Found, OpenError> {
    if has_frames(dir, folder)? {
        let text = format!("{} has frames but no partition.metadata", folder.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text).into());
    }
    if saved.durable_index > 0 {
        let text = format!("{} held acknowledged frames and is gone", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text).into());
    }
    let disk = &dir.disk;
    disk.create_dir_all(folder)?;
    let files = Arc::new(SegmentFiles::new(Arc::clone(disk), Arc::clone(folder), 0));
    let head = first_head(dir.clock.now_ms());
    let mut dirty = writer::create_segment(&files, &head, None)?;
    dirty.push(partition_file::write(&**disk, folder, &identity)?);
    dir.sync_together(&dirty, &[folder, &dir.path])?;
    Ok(Found {
        segments: vec![Segment::new(head, files)],
        history: History::default(),
        recovered: Recovered {
            created: true,
            ..Recovered::default()
        },
    })
}

/// A place among the directory's open logs, given up again if opening fails.
pub(super) struct Place<'a> {
    dir: &'a DirShared,
    identity: Identity,
    before: Option<Slot>,
    first_use: bool,
    trust_end: bool,
    filled: bool,
}

impl Place<'_> {
    pub(super) fn take(dir: &DirShared, identity: Identity) -> Result<Place<'_>, OpenError> {
        let mut logs = dir.logs.lock();
        let before = logs.get(&identity).cloned();
        let trust_end = match &before {
            Some(Slot::Opening) => return Err(OpenError::InUse),
            Some(Slot::Open(log)) if log.strong_count() > 0 => return Err(OpenError::InUse),
            // dropped without being closed
            Some(Slot::Open(_)) => false,
            Some(Slot::Closed) | None => true,
        };
        logs.insert(identity, Slot::Opening);
        Ok(Place {
            dir,
            identity,
            first_use: before.is_none(),
            before,
            trust_end,
            filled: false,
        })
    }

    fn fill(mut self, log: &Arc<LogShared>) {
        self.filled = true;
        let slot = Slot::Open(Arc::downgrade(log));
        self.dir.logs.lock().insert(self.identity, slot);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.filled {
            let mut logs = self.dir.logs.lock();
            match self.before.take() {
                Some(slot) => logs.insert(self.identity, slot),
                // a failed attempt may have begun to repair: what a clean end said is void
                None => logs.insert(self.identity, Slot::Open(Weak::new())),
            };
        }
    }
}
