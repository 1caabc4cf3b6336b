//! Doors for faults, for tests of real processes: a file says that syncs are slow or fail, that writes fail,
//! that the wall clock is wrong. Only with the feature `faults`, which nothing that is shipped has.
//!
//! `OTTLA_FAULTS` names a folder. A thread looks at the file `control` in it all the time, and says in the
//! file `seen` what it has read:
//!
//! | line | meaning |
//! |---|---|
//! | `sync_delay_ms=N` | every sync takes so much longer |
//! | `write_delay_ms=N` | every write does |
//! | `sync_fails=1` | every sync fails with an I/O error |
//! | `write_fails=1` | every write does |
//! | `clock_offset_ms=N` | the wall clock is so far ahead, or behind; the monotonic clock is not touched |
//!
//! What is not named is as it should be.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const VARIABLE: &str = "OTTLA_FAULTS";
/// How often the file is looked at.
const PACE: Duration = Duration::from_millis(20);

/// What is wrong at the moment.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    sync_delay_ms: AtomicU64,
    write_delay_ms: AtomicU64,
    sync_fails: AtomicBool,
    write_fails: AtomicBool,
    clock_offset_ms: AtomicI64,
}

impl Faults {
    /// Those of this process.
    pub(crate) fn of_process() -> Arc<Faults> {
        static FAULTS: OnceLock<Arc<Faults>> = OnceLock::new();
        Arc::clone(FAULTS.get_or_init(|| {
            let faults = Arc::new(Faults::default());
            if let Some(folder) = std::env::var_os(VARIABLE) {
                watch(Arc::clone(&faults), PathBuf::from(folder));
            }
            faults
        }))
    }

    /// Before a sync: takes its time, or fails.
    pub(crate) fn sync(&self) -> io::Result<()> {
        strike(&self.sync_delay_ms, &self.sync_fails)
    }

    /// Before a write, the same.
    pub(crate) fn write(&self) -> io::Result<()> {
        strike(&self.write_delay_ms, &self.write_fails)
    }

    /// How far the wall clock is ahead.
    pub(crate) fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms.load(Ordering::Relaxed)
    }

    fn set(&self, text: &str) {
        let number = |name: &str| -> i64 {
            let mut values = text.lines().filter_map(|line| line.split_once('='));
            let last = values.rfind(|(key, _)| *key == name);
            last.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
        };
        let delay_ms = |name| number(name).max(0).unsigned_abs();
        self.sync_delay_ms
            .store(delay_ms("sync_delay_ms"), Ordering::Relaxed);
        self.write_delay_ms
            .store(delay_ms("write_delay_ms"), Ordering::Relaxed);
        self.sync_fails
            .store(number("sync_fails") != 0, Ordering::Relaxed);
        self.write_fails
            .store(number("write_fails") != 0, Ordering::Relaxed);
        self.clock_offset_ms
            .store(number("clock_offset_ms"), Ordering::Relaxed);
    }
}

fn strike(delay_ms: &AtomicU64, fails: &AtomicBool) -> io::Result<()> {
    let delay_ms = delay_ms.load(Ordering::Relaxed);
    if delay_ms > 0 {
        std::thread::sleep(Duration::from_millis(delay_ms));
    }
    match fails.load(Ordering::Relaxed) {
        true => Err(rustix::io::Errno::IO.into()),
        false => Ok(()),
    }
}

/// Reads the file once before anything else happens, and then for ever.
fn watch(faults: Arc<Faults>, folder: PathBuf) {
    let mut known = look(&faults, &folder, None);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(PACE);
            known = look(&faults, &folder, known.take());
        }
    });
}

/// Takes what the file says if that is not known already.
fn look(faults: &Faults, folder: &Path, known: Option<String>) -> Option<String> {
    let text = fs::read_to_string(folder.join("control")).ok()?;
    if known.as_ref() != Some(&text) {
        faults.set(&text);
        // Who set it may want to know; if that cannot be said, he waits in vain.
        let _ = fs::write(folder.join("seen"), &text);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_names_goes_wrong_until_it_names_it_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults::default();
        let say = |text: &str, known| {
            fs::write(folder.path().join("control"), text).unwrap();
            look(&faults, folder.path(), known)
        };
        let known = say("sync_fails=1\nclock_offset_ms=-5000\n", None);
        assert!(faults.sync().is_err() && faults.write().is_ok());
        assert_eq!(faults.clock_offset_ms(), -5_000);
        say("write_fails=1\n", known);
        assert!(faults.sync().is_ok() && faults.write().is_err());
        assert_eq!(faults.clock_offset_ms(), 0);
        let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
        assert_eq!(seen, "write_fails=1\n");
    }
}
