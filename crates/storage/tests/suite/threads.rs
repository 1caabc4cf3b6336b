//! The same on a real disk with the directory's own threads.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::ThreadId;
use std::time::Duration;

use bytes::Bytes;
use ottla_platform::clock::SystemClock;
use ottla_platform::disk::RealDisk;
use ottla_protocol::records::Batches;
use ottla_storage::{
    DirectoryMeta, Drive, FlushPolicy, Log, LogConfig, LogDir, LogDirError, LogDirOptions,
    OnDamage, Recovered,
};
use uuid::Uuid;

use crate::support::*;

fn open_dir(path: &Path, mapped_files_max: usize) -> Result<LogDir, LogDirError> {
    let options = LogDirOptions {
        clock: Arc::new(SystemClock::default()),
        drive: Drive::Workers,
        mapped_files_max,
        reserve_bytes: 0,
        on_failure: Box::new(|text| panic!("{text}")),
    };
    LogDir::open(Arc::new(RealDisk), path, options)
}

fn format(path: &Path) {
    let meta = DirectoryMeta {
        format: DirectoryMeta::FIRST_FORMAT,
        starts: 1,
        directory_id: Uuid::from_u128(1),
        cluster_id: "c".into(),
        node_id: 1,
        founding: None,
    };
    meta.write(&RealDisk, path).unwrap();
}

fn open_log(dir: &LogDir, n: u64, config: &LogConfig) -> (Log, Recovered) {
    let name = format!("topic-{n}");
    Log::open(dir, &name, identity(n), config.clone(), OnDamage::Refuse).unwrap()
}

fn wait(log: &Log) {
    let (done, answer) = mpsc::channel();
    log.submit(Box::new(move |result| done.send(result).unwrap()));
    answer.recv().unwrap().unwrap();
}

/// Which thread told that all is written.
fn told_by(log: &Log) -> ThreadId {
    let (done, answer) = mpsc::channel();
    log.submit(Box::new(move |result| {
        done.send((result, std::thread::current().id())).unwrap();
    }));
    let (result, thread) = answer.recv().unwrap();
    result.unwrap();
    thread
}

#[test]
fn little_is_written_by_whoever_appends_it_and_much_by_the_writer() {
    let scratch = tempfile::tempdir().unwrap();
    format(scratch.path());
    let config = LogConfig {
        flush: FlushPolicy::Async,
        segment_bytes: 1 << 20,
        ..small()
    };
    let dir = open_dir(scratch.path(), 10).unwrap();
    let log = open_log(&dir, 0, &config).0;
    let me = std::thread::current().id();
    // A machine that is busy may have it take long once, which leaves writing to the writer for a second.
    let little_by_me = (0..50).any(|_| {
        accepted(append(&log, batch(3, 50, NOW)));
        let mine = told_by(&log) == me;
        if !mine {
            std::thread::sleep(Duration::from_millis(100));
        }
        mine
    });
    assert!(little_by_me);
    accepted(append(&log, batch(1, 100_000, NOW)));
    assert_ne!(told_by(&log), me);
    check(&log);
}

#[test]
fn many_logs_are_written_read_and_opened_again() {
    for (flush, maps) in [
        (FlushPolicy::Fsync, 100),
        (FlushPolicy::Async, 3),
        (FlushPolicy::Fsync, 0),
    ] {
        let scratch = tempfile::tempdir().unwrap();
        format(scratch.path());
        let config = LogConfig { flush, ..small() };
        let dir = open_dir(scratch.path(), maps).unwrap();
        let answered = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (dir, config, answered) = (&dir, &config, &answered);
                scope.spawn(move || {
                    let log = open_log(dir, n, config).0;
                    for round in 0..40 {
                        (0..5).for_each(|_| _ = accepted(append(&log, batch(3, 50, NOW))));
                        wait(&log);
                        answered.fetch_add(1, Ordering::Relaxed);
                        let end = log.state().log_end_offset;
                        let read = log.read(end - 1, 1 << 20, true, end).unwrap();
                        assert_eq!(read.next_offset, end);
                        if round % 13 == 12 {
                            let last = log.state().last.unwrap().index;
                            log.truncate_after(Some(last - 2)).unwrap();
                        }
                    }
                    check(&log);
                    log.close().unwrap();
                });
            }
        });
        assert_eq!(answered.into_inner(), 8 * 40);
        dir.tidy().unwrap();
        dir.close().unwrap();
        drop(dir);
        let dir = open_dir(scratch.path(), maps).unwrap();
        assert!(dir.was_clean());
        assert_eq!(dir.log_names().unwrap().len(), 8);
        for n in 0..8 {
            let (log, recovered) = open_log(&dir, n, &config);
            assert!(recovered.clean);
            check(&log);
        }
        // not closed: the next start reads everything
        drop(dir);
        let dir = open_dir(scratch.path(), maps).unwrap();
        for n in 0..8 {
            let (log, recovered) = open_log(&dir, n, &config);
            assert!(!recovered.clean);
            check(&log);
        }
    }
}

/// All records are there, in order, whole.
fn check(log: &Log) {
    let state = log.state();
    let bytes = Bytes::from(read_all(log, 0, 2_000));
    let mut next = 0;
    for batch in Batches(bytes) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        assert_eq!(batch.header.base_offset, next);
        next = batch.header.next_offset();
    }
    assert_eq!(next, state.log_end_offset);
    assert_eq!(
        log.entries(0..u64::MAX).unwrap().len() as u64,
        state.next_index
    );
}

#[test]
fn a_directory_is_open_once() {
    let scratch = tempfile::tempdir().unwrap();
    assert!(matches!(
        open_dir(scratch.path(), 1),
        Err(LogDirError::NotFormatted)
    ));
    format(scratch.path());
    let dir = open_dir(scratch.path(), 1).unwrap();
    assert!(matches!(
        open_dir(scratch.path(), 1),
        Err(LogDirError::Locked)
    ));
    let log = open_log(&dir, 0, &small()).0;
    drop(dir);
    // a log keeps its directory
    assert!(matches!(
        open_dir(scratch.path(), 1),
        Err(LogDirError::Locked)
    ));
    accepted(append(&log, batch(1, 1, NOW)));
    wait(&log);
    drop(log);
    open_dir(scratch.path(), 1).unwrap();
}

#[test]
fn votes_of_many_logs_share_syncs() {
    let scratch = tempfile::tempdir().unwrap();
    format(scratch.path());
    let dir = open_dir(scratch.path(), 1).unwrap();
    let logs: Vec<Log> = (0..50).map(|n| open_log(&dir, n, &small()).0).collect();
    let (done, answers) = mpsc::channel();
    for (n, log) in logs.iter().enumerate() {
        let done = done.clone();
        let vote = Bytes::from(vec![n as u8; 20]);
        log.save_vote(vote, Box::new(move |result| done.send(result).unwrap()));
    }
    (0..50).for_each(|_| answers.recv().unwrap().unwrap());
    let stats = dir.stats();
    assert!(stats.flush_rounds <= 50 && stats.open_logs == 50);
    assert_eq!(
        stats.flush_micros_log2.iter().sum::<u64>(),
        stats.flush_rounds
    );
    drop((logs, dir));
    let dir = open_dir(scratch.path(), 1).unwrap();
    let vote = open_log(&dir, 7, &small()).0.read_vote();
    assert_eq!(vote, Some(Bytes::from(vec![7; 20])));
}
