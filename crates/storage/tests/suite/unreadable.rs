//! Sectors that a disk does not give any more: damage like any other, once what it gives is copied.

use ottla_platform::seed::Random;
use ottla_storage::{Checked, Log, LogId, OnDamage, OpenError};

use crate::damage::{contents, frames_of, is_damage, reopened};
use crate::faults::{frames_from, killed, logs_of, open};
use crate::support::*;

/// Looks through a log and mends it with what another has committed, as far as the disk allows.
fn look_through(log: &Log, committed: LogId, other: &Log) {
    for first_index in log.segment_indexes() {
        let mut check = log.check_segment(first_index).unwrap().unwrap();
        loop {
            let damage = match check.go_on(u64::MAX).unwrap() {
                Checked::More => continue,
                Checked::End => break,
                Checked::Damaged(damage) => damage,
            };
            let frames = frames_of(other, damage.index, 1 << 20);
            // the segment that is written to ends first
            if !check.mend(committed, frames).is_ok_and(|count| count > 0) {
                break;
            }
        }
    }
}

#[test]
fn what_the_disk_does_not_give_of_an_open_log_comes_from_others() {
    let mut random = Random::new(16);
    let (_other_rig, other) = reopened();
    let last = other.state().last.unwrap();
    for _ in 0..40 {
        let (rig, log) = reopened();
        let whole = contents(&rig).concat();
        let logs: Vec<String> = rig.files().into_iter().collect();
        let logs: Vec<&String> = logs.iter().filter(|it| it.ends_with(".log")).collect();
        for _ in 0..1 + random.below(3) {
            let path = rig.path(logs[random.below(logs.len() as u64) as usize]);
            let len = rig.disk.contents(&path).unwrap().len() as u64;
            rig.disk.lose_sector(&path, random.below(len)).unwrap();
        }
        let (mut offset, mut refused) = (0, 0);
        while offset < log.state().log_end_offset {
            match log.read(offset, 900, true, i64::MAX) {
                Ok(read) => offset = read.next_offset,
                Err(error) => {
                    assert!(is_damage(error));
                    refused += 1;
                    offset += 1;
                }
            }
        }
        assert!(refused > 0);
        for _ in 0..2 {
            look_through(&log, last, &other);
            rig.settle();
        }
        let now = contents(&rig).concat();
        assert!(now == whole);
        let mut offset = 0;
        while offset < log.state().log_end_offset {
            offset = log.read(offset, 900, true, i64::MAX).unwrap().next_offset;
        }
    }
}

#[test]
fn what_the_disk_does_not_give_at_a_start_comes_from_others() {
    let mut random = Random::new(18);
    for seed in 0..30 {
        let (rig, other) = (killed(seed, &small()), killed(seed, &small()));
        let last = rig.path(&logs_of(&rig).pop().unwrap());
        let whole = rig.disk.contents(&last).unwrap();
        for _ in 0..1 + random.below(3) {
            let byte = random.below(whole.len() as u64);
            rig.disk.lose_sector(&last, byte).unwrap();
        }
        let mut starts = 0;
        while let Err(error) = open(&rig, OnDamage::Refuse) {
            let OpenError::Damaged(damage) = error else {
                panic!("{error}");
            };
            starts += 1;
            let frames = frames_from(&other, damage.index);
            assert!(Log::mend(&rig.dir, identity(0), &damage, frames).unwrap() > 0);
        }
        assert!(starts > 0);
        assert!(rig.disk.contents(&last).unwrap() == whole);
    }
}

#[test]
fn what_was_not_marked_yet_is_missed_where_the_disk_does_not_give_it() {
    let rig = Rig::new(3);
    let log = rig.log(&small());
    for is_marked in [true, false] {
        (0..10).for_each(|_| _ = accepted(append(&log, batch(2, 60, NOW))));
        commit(&rig, &log);
        if is_marked {
            rig.dir.tidy().unwrap();
        }
    }
    drop((log, rig.dir));
    rig.disk.restart_process();
    let rig = Rig::open(rig.disk).unwrap();
    let last = rig.path(&logs_of(&rig).pop().unwrap());
    let len = rig.disk.contents(&last).unwrap().len() as u64;
    rig.disk.lose_sector(&last, len - 1).unwrap();
    for _ in 0..3 {
        // not taken for a write that was cut off, neither now nor once there are zeros
        let opened = open(&rig, OnDamage::Refuse);
        assert!(matches!(opened, Err(OpenError::Damaged(_))));
    }
}
