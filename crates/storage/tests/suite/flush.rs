//! When a log is synced, and what an idle one gives back.

use std::time::Duration;

use ottla_platform::disk::Disk;
use ottla_storage::{FlushPolicy, Log, LogConfig};

use crate::support::*;

fn config() -> LogConfig {
    LogConfig {
        flush: FlushPolicy::Async,
        ..LogConfig::default()
    }
}

/// Appends one record and has it written.
fn write(rig: &Rig, log: &Log) {
    accepted(append(log, batch(1, 10, NOW)));
    commit(rig, log);
}

fn rounds(rig: &Rig) -> u64 {
    rig.dir.stats().flush_rounds
}

#[test]
fn asynchronous_flush_syncs_after_so_many_records() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig {
        flush_messages: 10,
        ..config()
    });
    (0..9).for_each(|_| write(&rig, &log));
    assert_eq!(rounds(&rig), 0);
    write(&rig, &log);
    assert_eq!(rounds(&rig), 1);
    (0..10).for_each(|_| write(&rig, &log));
    assert_eq!(rounds(&rig), 2);
}

#[test]
fn asynchronous_flush_syncs_after_so_much_time() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig {
        flush_ms: 1_000,
        ..config()
    });
    write(&rig, &log);
    rig.clock.advance(Duration::from_millis(999));
    write(&rig, &log);
    assert_eq!(rounds(&rig), 0);
    rig.clock.advance(Duration::from_millis(1));
    rig.settle();
    assert_eq!(rounds(&rig), 1);
    // counted anew from the next write on
    rig.clock.advance(Duration::from_millis(5_000));
    write(&rig, &log);
    assert_eq!(rounds(&rig), 1);
    rig.clock.advance(Duration::from_millis(1_000));
    rig.settle();
    assert_eq!(rounds(&rig), 2);
}

#[test]
fn asynchronous_flush_syncs_a_segment_that_ends_and_a_log_that_falls_idle() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig {
        segment_bytes: 200,
        ..config()
    });
    write(&rig, &log);
    write(&rig, &log);
    assert_eq!(rounds(&rig), 0);
    write(&rig, &log);
    assert_eq!(rounds(&rig), 1);
    write(&rig, &log);
    for _ in 0..4 {
        rig.dir.tidy().unwrap();
        rig.settle();
    }
    assert_eq!(rounds(&rig), 2);
}

#[test]
fn a_log_can_be_made_to_wait_for_the_medium_from_now_on() {
    let rig = Rig::new(1);
    let log = rig.log(&config());
    write(&rig, &log);
    log.set_config(LogConfig::default());
    write(&rig, &log);
    assert_eq!(rounds(&rig), 1);
    drop((log, rig.dir));
    // both records: the sync covered what was written before it
    rig.disk.power_on();
    let rig = Rig::open(rig.disk).unwrap();
    assert_eq!(rig.log(&config()).state().log_end_offset, 2);
}

#[test]
fn one_round_serves_all_logs_that_wait() {
    for whole_sync in [false, true] {
        let disk = Rig::new(1).disk;
        disk.set_faults(|faults| faults.whole_sync = whole_sync);
        let rig = Rig::open(disk).unwrap();
        let logs: Vec<Log> = (0..20)
            .map(|n| rig.open_log(n, &LogConfig::default()).unwrap().0)
            .collect();
        let answers: Vec<Answer> = logs
            .iter()
            .map(|log| {
                accepted(append(log, batch(1, 10, NOW)));
                let answer = Answer::default();
                log.submit(answer.done());
                answer
            })
            .collect();
        let before = rig.disk.operations();
        rig.dir.turn();
        assert!(answers.iter().all(Answer::is_ok));
        assert_eq!(rounds(&rig), 1);
        // a write and a reservation each, and the syncs
        let syncs = rig.disk.operations() - before - 40;
        assert_eq!(syncs, if whole_sync { 1 } else { 20 });
        drop((logs, rig.dir));
        rig.disk.power_on();
        let rig = Rig::open(rig.disk).unwrap();
        for n in 0..20 {
            let log = rig.open_log(n, &LogConfig::default()).unwrap().0;
            assert_eq!(log.state().log_end_offset, 1);
        }
    }
}

#[test]
fn an_idle_log_reads_from_its_files_alone() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    (0..30).for_each(|_| write(&rig, &log));
    let before = (read_all(&log, 0, 400), log.entries(0..30).unwrap());
    for _ in 0..5 {
        rig.dir.tidy().unwrap();
        rig.settle();
    }
    assert_eq!(
        (read_all(&log, 0, 400), log.entries(0..30).unwrap()),
        before
    );
    // the index of the segment being written is complete, for tools that read it meanwhile
    let index = rig
        .files()
        .into_iter()
        .rfind(|name| name.ends_with(".index"));
    assert!(
        !rig.disk
            .contents(&rig.path(&index.unwrap()))
            .unwrap()
            .is_empty()
    );
    write(&rig, &log);
    assert_eq!(log.entry(30).unwrap().next_offset, 31);
    assert!(rig.disk.exists(&rig.path("partition.metadata")).unwrap());
}
