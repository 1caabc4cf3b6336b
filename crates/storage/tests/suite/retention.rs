//! What retention by time and size deletes, and what rolls a segment.

use ottla_storage::{Log, LogConfig, Private};

use crate::support::*;

const HOUR: i64 = 3_600_000;

/// Base offsets of the segments, by the names of their files.
fn bases(rig: &Rig) -> Vec<i64> {
    let files = rig.files().into_iter();
    let logs = files.filter_map(|name| name.strip_suffix(".log")?.parse().ok());
    logs.collect()
}

fn append_at(log: &Log, timestamp: i64, bytes: usize) {
    accepted(append(log, batch(1, bytes, timestamp)));
}

/// Deletes as a leader would: a replicated frame, its apply, a purge.
fn delete_to(rig: &Rig, log: &Log, offset: i64) {
    log.append_private(next_id(log, 1), &Private::LogStart { offset });
    commit(rig, log);
    log.advance_log_start(offset);
    rig.settle();
    if let Some(boundary) = log.boundary_for_purge(log.state().next_index - 1).unwrap() {
        log.purge_through(boundary.last.unwrap()).unwrap();
    }
}

#[test]
fn a_segment_goes_when_its_newest_record_is_too_old() {
    let rig = Rig::new(1);
    let config = LogConfig {
        retention_ms: Some(HOUR),
        segment_ms: HOUR / 2,
        ..LogConfig::default()
    };
    let log = rig.log(&config);
    // segments of two records each, 30 minutes and a bit apart
    for n in 0..8 {
        append_at(&log, NOW + n * (HOUR / 4 + 1), 10);
    }
    commit(&rig, &log);
    assert_eq!(bases(&rig), [0, 2, 4, 6]);
    let newest_of_second = NOW + 3 * (HOUR / 4 + 1);
    let target = |now| log.retention_target(now, 8).unwrap();
    assert_eq!(target(NOW + HOUR), None);
    assert_eq!(target(newest_of_second + HOUR), Some(2));
    assert_eq!(target(newest_of_second + HOUR + 1), Some(4));
    // not what is not committed, and in the end everything
    assert_eq!(log.retention_target(NOW + 100 * HOUR, 5).unwrap(), Some(4));
    assert_eq!(target(NOW + 100 * HOUR), Some(8));
    delete_to(&rig, &log, 4);
    assert_eq!(bases(&rig), [4, 6]);
    assert_eq!(target(newest_of_second + HOUR + 1), None);
    delete_to(&rig, &log, 8);
    assert_eq!(bases(&rig), [8]);
    assert_eq!(log.state().log_start_offset, 8);
    assert_eq!(target(NOW + 100 * HOUR), None);
}

#[test]
fn the_same_after_a_restart_when_times_stand_only_in_the_index() {
    let rig = Rig::new(1);
    let config = LogConfig {
        retention_ms: Some(HOUR),
        segment_ms: HOUR / 2,
        ..LogConfig::default()
    };
    let log = rig.log(&config);
    for n in 0..8 {
        append_at(&log, NOW + n * (HOUR / 4 + 1), 10);
    }
    commit(&rig, &log);
    let rig = rig.restart(vec![log]);
    let log = rig.log(&config);
    let newest_of_second = NOW + 3 * (HOUR / 4 + 1);
    let target = |now| log.retention_target(now, 8).unwrap();
    assert_eq!(target(newest_of_second + HOUR), Some(2));
    assert_eq!(target(newest_of_second + HOUR + 1), Some(4));
}

#[test]
fn records_without_timestamps_are_as_old_as_the_segment_after_them() {
    let rig = Rig::new(1);
    let config = LogConfig {
        retention_ms: Some(HOUR),
        segment_bytes: 300,
        ..LogConfig::default()
    };
    let log = rig.log(&config);
    for n in 0..4 {
        rig.clock.set_wall(NOW + n * HOUR);
        let id = next_id(&log, 1);
        let batch = ottla_protocol::records::CheckedBatch::trusted(batch(1, 200, -1));
        accepted(log.append_leader(id, batch, None, NOW + n * HOUR));
    }
    commit(&rig, &log);
    assert_eq!(log.retention_target(NOW + 2 * HOUR, 4).unwrap(), None);
    assert_eq!(
        log.retention_target(NOW + 2 * HOUR + 1, 4).unwrap(),
        Some(1)
    );
}

#[test]
fn size_deletes_whole_segments_and_keeps_at_least_the_limit() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig {
        retention_ms: None,
        segment_bytes: 1_000,
        ..LogConfig::default()
    });
    (0..20).for_each(|_| append_at(&log, NOW, 250)); // three to a segment
    commit(&rig, &log);
    let size = log.size_bytes();
    let segment = size / 20 * 3;
    let target = |bytes| {
        log.set_config(LogConfig {
            retention_ms: None,
            retention_bytes: Some(bytes),
            ..LogConfig::default()
        });
        log.retention_target(NOW, 20).unwrap()
    };
    assert_eq!(target(size), None);
    assert_eq!(target(size - segment + 1), None);
    assert_eq!(target(size - segment), Some(3));
    assert_eq!(target(size - 2 * segment), Some(6));
    assert_eq!(target(0), Some(20));
    assert_eq!(log.retention_target(NOW, 7).unwrap(), Some(6));
}

#[test]
fn deleted_files_keep_their_space_for_a_while() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig {
        file_delete_delay_ms: 60_000,
        ..small()
    });
    (0..40).for_each(|_| append_at(&log, NOW, 200));
    commit(&rig, &log);
    delete_to(&rig, &log, 30);
    let deleted = || {
        rig.files()
            .iter()
            .filter(|name| name.ends_with(".deleted"))
            .count()
    };
    let waiting = deleted();
    assert!(waiting > 0);
    rig.dir.tidy().unwrap();
    assert_eq!(deleted(), waiting);
    rig.clock.advance(std::time::Duration::from_millis(60_000));
    rig.dir.tidy().unwrap();
    assert_eq!(deleted(), 0);
}

#[test]
fn segments_roll_by_size_time_and_full_index() {
    let rolled = |change: &dyn Fn(&mut LogConfig), appends: &dyn Fn(&Log)| {
        let rig = Rig::new(1);
        let mut config = LogConfig::default();
        change(&mut config);
        let log = rig.log(&config);
        appends(&log);
        commit(&rig, &log);
        bases(&rig)
    };
    let sizes = |log: &Log| (0..6).for_each(|_| append_at(log, NOW, 400));
    assert_eq!(rolled(&|c| c.segment_bytes = 1_000, &sizes), [0, 2, 4]);
    let times = |log: &Log| (0..6).for_each(|n| append_at(log, NOW + n * 100, 10));
    assert_eq!(rolled(&|c| c.segment_ms = 200, &times), [0, 3]);
    // records older than the first roll nothing
    let back = |log: &Log| (0..6).for_each(|n| append_at(log, NOW - n * 100, 10));
    assert_eq!(rolled(&|c| c.segment_ms = 200, &back), [0]);
    let full = |c: &mut LogConfig| (c.segment_index_bytes, c.index_interval_bytes) = (24, 0);
    assert_eq!(rolled(&full, &times), [0, 2, 4]);
    // one larger than a segment gets one of its own
    let large = |log: &Log| {
        [10, 5_000, 10]
            .iter()
            .for_each(|bytes| append_at(log, NOW, *bytes))
    };
    assert_eq!(rolled(&|c| c.segment_bytes = 1_000, &large), [0, 1, 2]);
}

#[test]
fn jitter_rolls_segments_of_different_logs_at_different_times() {
    let rig = Rig::new(1);
    let config = LogConfig {
        segment_ms: 1_000_000,
        segment_jitter_ms: 900_000,
        ..LogConfig::default()
    };
    let first_rolls: std::collections::BTreeSet<i64> = (0..5)
        .map(|n| {
            let log = rig.open_log(n, &config).unwrap().0;
            let rolled = (0..200).find(|step| {
                append_at(&log, NOW + step * 10_000, 1);
                commit(&rig, &log);
                log.boundary_below(u64::MAX - 1).unwrap().is_some()
            });
            rolled.unwrap()
        })
        .collect();
    assert!(first_rolls.len() > 2, "{first_rolls:?}");
    assert!(
        first_rolls.iter().all(|step| (10..=101).contains(step)),
        "{first_rolls:?}"
    );
}

#[test]
fn a_segment_without_records_is_not_rolled() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    (0..100).for_each(|_| log.append_private(next_id(&log, 1), &Private::Blank));
    commit(&rig, &log);
    assert_eq!(bases(&rig), [0]);
    assert!(log.size_bytes() > u64::from(small().segment_bytes));
    append_at(&log, NOW, 1);
    append_at(&log, NOW, 1);
    commit(&rig, &log);
    assert_eq!(bases(&rig), [0, 1]);
}
