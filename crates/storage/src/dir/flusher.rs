//! Group flush: one round syncs what every log of the directory has written since the last, so
//! that all who wait share its cost. While a round runs, the next one gathers.
//!
//! A round writes the journal (votes, and marks of what the round *before* made durable), syncs
//! the files, and then tells everyone, log by log in the order of their submissions. A vote that finds
//! no space waits for it, and with it what was submitted after it.

use std::io;
use std::sync::atomic::Ordering;

use ottla_platform::disk::is_exhaustion;
use ottla_platform::planted::Planted;
use ottla_platform::work::Next;

use super::shared::DirShared;
use super::writer::RETRY;
use crate::log::FlushWork;

/// A round of the worker.
pub(super) fn round(dir: &DirShared) -> Next {
    turn(dir);
    let next = dir.timers.lock().iter().map(|(due, _)| *due).min();
    let now = dir.clock.monotonic();
    let timer = next.map(|due| due.saturating_sub(now));
    let retry = dir.flusher.has_stalled().then_some(RETRY);
    dir.flusher.next(timer.into_iter().chain(retry).min())
}

/// Flushes what is queued; whether there was anything to do.
pub(super) fn turn(dir: &DirShared) -> bool {
    fire_timers(dir);
    if dir.flusher.has_stalled() {
        dir.flusher.retry();
    }
    let works: Vec<FlushWork> = dir
        .flusher
        .take()
        .into_iter()
        .map(|log| log.begin_flush())
        .collect();
    if works.is_empty() {
        return false;
    }
    let votes_are_kept = flush(dir, &works).unwrap_or_else(|error| {
        dir.fail("flush", &error);
        true
    });
    if !votes_are_kept {
        dir.full.store(true, Ordering::Relaxed);
    }
    for work in works {
        match work.has_vote && !votes_are_kept {
            true => work.put_off(dir),
            false => work.finish(dir),
        }
    }
    true
}

/// Whether there was space for votes, if there are any.
fn flush(dir: &DirShared, works: &[FlushWork]) -> io::Result<bool> {
    let started = dir.clock.monotonic();
    dir.check()?;
    let (journal, is_written) = {
        let mut journal = dir.journal.lock();
        for work in works {
            if let Some(saved) = &work.saved {
                journal.note(work.log.identity, saved.clone());
            }
        }
        let is_written = match journal.write() {
            Err(error) if is_exhaustion(&error) => false,
            result => result.map(|()| true)?,
        };
        let votes = works.iter().any(|work| work.has_vote);
        let file = match votes && !Planted::VoteNotSynced.is_there() {
            true => journal.take_unsynced(),
            false => None,
        };
        (file, is_written)
    };
    let mut files: Vec<_> = works.iter().flat_map(|work| work.files.clone()).collect();
    files.extend(journal);
    let folders = works.iter().filter(|work| work.folder);
    let folders: Vec<_> = folders.map(|work| &*work.log.folder).collect();
    dir.sync(&files, &folders)?;
    dir.counters.flushed(
        files.len() + folders.len(),
        dir.clock.monotonic().saturating_sub(started),
    );
    Ok(is_written)
}

/// Queues logs whose time to be flushed has come.
fn fire_timers(dir: &DirShared) {
    let now = dir.clock.monotonic();
    let due: Vec<_> = {
        let mut timers = dir.timers.lock();
        let due = timers.extract_if(.., |(due, _)| *due <= now);
        due.filter_map(|(_, log)| log.upgrade()).collect()
    };
    due.iter().for_each(|log| log.flush_now());
}
