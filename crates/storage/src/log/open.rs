//! Opening a log: its folder, whose it is, and what the start makes of it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};

use super::handle::Log;
use super::partition_file;
use super::pipeline::Pipeline;
use super::recover::{Found, Recovery};
use super::replace;
use super::shared::{Inner, LogShared};
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
        let mut found = match partition_file::read(&*shared.disk, &folder, identity)? {
            None => create(shared, &folder, identity, &saved)?,
            Some(found) if found != identity => {
                return Err(OpenError::WrongIdentity {
                    expected: identity,
                    found,
                });
            }
            Some(_) => {
                replace::finish_reset(shared, &folder)?;
                let recovery = Recovery {
                    dir: shared,
                    identity,
                    folder: Arc::clone(&folder),
                    saved: &saved,
                    interval_bytes: config.index_interval_bytes,
                    trust_end: place.trust_end,
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
        let log_start_offset = saved.log_start_offset.max(first.base_offset);
        let log_start_offset = log_start_offset.min(history.next_offset);
        history.epochs.trim_start(log_start_offset);
        let last = history.last;
        let mut pipeline = Pipeline::default();
        pipeline.reset(history.next_index());
        Inner {
            config,
            segments,
            tail: Tail::default(),
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
            truncating_to: None,
            pipeline,
            closed: false,
        }
    }
}

/// Makes the folder of a new partition.
fn create(
    dir: &DirShared,
    folder: &Arc<Path>,
    identity: Identity,
    saved: &Saved,
) -> Result<Found, OpenError> {
    let disk = &dir.disk;
    if disk.exists(folder)? {
        // left by a creation that did not finish, which has no frames; else it is not ours to touch
        let strange = disk
            .read_dir(folder)?
            .into_iter()
            .find(|entry| entry.name.ends_with(".log"));
        let frames = strange.map(|entry| {
            disk.open(
                &folder.join(entry.name),
                ottla_platform::disk::OpenMode::Read,
            )?
            .len()
        });
        if frames.transpose()?.is_some_and(|len| len > 0) {
            let text = format!("{} has frames but no partition.metadata", folder.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text).into());
        }
    } else if saved.durable_index > 0 {
        let text = format!(
            "{} is gone, though it held acknowledged frames",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, text).into());
    }
    disk.create_dir_all(folder)?;
    let files = Arc::new(SegmentFiles::new(Arc::clone(disk), Arc::clone(folder), 0));
    let head = first_head(dir.clock.now_ms());
    let dirty = writer::create_segment(&files, &head, None)?;
    // last, because it says that the rest is there
    partition_file::write(&**disk, folder, &identity)?;
    dir.sync(&dirty, &[folder, &dir.path])?;
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
struct Place<'a> {
    dir: &'a DirShared,
    identity: Identity,
    before: Option<Slot>,
    trust_end: bool,
    filled: bool,
}

impl Place<'_> {
    fn take(dir: &DirShared, identity: Identity) -> Result<Place<'_>, OpenError> {
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
