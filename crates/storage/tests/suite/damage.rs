//! Bits that a disk has lost of a log that is open: refused to readers, found by a check, mended in place.

use std::io::ErrorKind;

use ottla_platform::seed::Random;
use ottla_storage::{Checked, CheckedFrame, Log, LogId, Private, ReadError};

use crate::support::*;

/// What stands in a file of Raft positions before them, under a checksum.
const HEAD_BYTES: u64 = 56;

/// A log of several segments and two terms that was closed in order and is open again.
pub(crate) fn reopened() -> (Rig, Log) {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    for n in 0..60 {
        if n % 25 == 0 {
            log.append_private(next_id(&log, 3 + n / 25), &Private::Blank);
        }
        accepted(append(&log, batch(1 + n % 3, 60, NOW)));
    }
    commit(&rig, &log);
    let rig = rig.restart(vec![log]);
    let log = rig.log(&small());
    (rig, log)
}

pub(crate) fn contents(rig: &Rig) -> Vec<Vec<u8>> {
    let logs = rig.files().into_iter().filter(|it| it.ends_with(".log"));
    logs.map(|it| rig.disk.contents(&rig.path(&it)).unwrap())
        .collect()
}

/// Flips a bit of any segment.
fn flip(rig: &Rig, random: &mut Random) {
    let logs = rig.files().into_iter().filter(|it| it.ends_with(".log"));
    let logs: Vec<String> = logs.collect();
    assert!(logs.len() > 3);
    let path = rig.path(&logs[random.below(logs.len() as u64) as usize]);
    let len = rig.disk.contents(&path).unwrap().len() as u64;
    let (byte, bit) = (random.below(len), random.below(8) as u32);
    rig.disk.flip_bit(&path, byte, bit).unwrap();
}

pub(crate) fn frames_of(log: &Log, index: u64, max_bytes: usize) -> Vec<CheckedFrame> {
    let end = log.state().next_index;
    let frames = log.frames(index, end, max_bytes).unwrap().into_iter();
    let checked = frames
        .zip(index..)
        .map(|((_, frame), at)| CheckedFrame::check(at, frame));
    checked.map(Result::unwrap).collect()
}

/// Looks through a log and mends it with what another has committed; how many places were damaged.
fn look_through(log: &Log, committed: LogId, other: &Log) -> usize {
    let mut places = 0;
    for first_index in log.segment_indexes() {
        let mut check = log.check_segment(first_index).unwrap().unwrap();
        loop {
            match check.go_on(250).unwrap() {
                Checked::More => {}
                Checked::End => break,
                Checked::Damaged(damage) => {
                    places += 1;
                    let frames = frames_of(other, damage.index, 900);
                    if check.mend(committed, frames).unwrap() == 0 {
                        break;
                    }
                }
            }
        }
    }
    places
}

pub(crate) fn is_damage(error: ReadError) -> bool {
    matches!(error, ReadError::Io(error) if error.kind() == ErrorKind::InvalidData)
}

#[test]
fn any_bit_that_is_lost_is_found_and_put_back() {
    let mut random = Random::new(6);
    let (_other_rig, other) = reopened();
    let last = other.state().last.unwrap();
    for _ in 0..60 {
        let (rig, log) = reopened();
        assert_eq!(look_through(&log, last, &other), 0);
        let whole = contents(&rig);
        (0..1 + random.below(3)).for_each(|_| flip(&rig, &mut random));
        if contents(&rig) != whole {
            assert!(look_through(&log, last, &other) > 0);
        }
        assert_eq!(contents(&rig), whole);
        assert_eq!(look_through(&log, last, &other), 0);
    }
}

#[test]
fn nobody_reads_what_is_damaged() {
    let mut random = Random::new(7);
    for _ in 0..60 {
        let (rig, log) = reopened();
        let (end, next_index) = (log.state().log_end_offset, log.state().next_index);
        let whole = log.frames(0, next_index, usize::MAX).unwrap();
        let records: Vec<_> = (0..end)
            .map(|at| log.read(at, 1, true, end).unwrap())
            .collect();
        flip(&rig, &mut random);
        let mut refused = 0;
        for index in 0..next_index {
            match log.frames(index, index + 1, 1) {
                Ok(frames) => assert_eq!(frames[0], whole[index as usize]),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0);
        for (at, before) in (0..end).zip(records) {
            match log.read(at, 1, true, end) {
                // a leader epoch is read for followers only
                Ok(after) if after.slices.is_empty() => {
                    panic!("{at} of {end}: {after:?} {before:?}")
                }
                Ok(after) => assert_eq!(without_epoch(after), without_epoch(before)),
                Err(error) => assert!(is_damage(error)),
            }
        }
    }
}

fn without_epoch(slices: ottla_storage::ReadSlices) -> Vec<u8> {
    let mut bytes = slices.slices.concat();
    bytes[12..16].fill(0);
    bytes
}

#[test]
fn what_is_not_committed_is_not_written_over() {
    let (_other_rig, other) = reopened();
    let (rig, log) = reopened();
    let path = rig.path("00000000000000000000.log");
    rig.disk.flip_bit(&path, 80, 1).unwrap();
    let before = contents(&rig);
    let damaged_at = match log
        .check_segment(0)
        .unwrap()
        .unwrap()
        .go_on(u64::MAX)
        .unwrap()
    {
        Checked::Damaged(damage) => damage.index,
        other => panic!("{other:?}"),
    };
    let committed = |index| LogId { term: 3, index };
    assert_eq!(look_through(&log, committed(damaged_at - 1), &other), 1);
    assert_eq!(contents(&rig), before);
    assert_eq!(look_through(&log, committed(damaged_at), &other), 1);
    assert_ne!(contents(&rig), before);
    assert_eq!(rig.dir.stats().mended_frames, 1);
    assert!(rig.dir.stats().checked_bytes > 1_000);
}

#[test]
fn a_segment_that_is_not_there_any_more_is_not_checked() {
    let (_rig, log) = reopened();
    let second = log.segment_indexes()[1];
    assert!(log.check_segment(second + 1).unwrap().is_none());
    let mut check = log.check_segment(second).unwrap().unwrap();
    let last = log.state().last.unwrap();
    log.advance_log_start(log.state().log_end_offset);
    log.purge_through(LogId {
        index: last.index + 5,
        ..last
    })
    .unwrap();
    assert!(log.check_segment(second).unwrap().is_none());
    assert_eq!(check.go_on(u64::MAX).unwrap(), Checked::End);
}

/// All that a log gives by offset, and by Raft index.
fn all_that_is_read(log: &Log) -> Vec<(i64, Vec<u8>)> {
    let state = log.state();
    let by_offset = (0..state.log_end_offset).map(|offset| {
        let read = log.read(offset, 1, true, i64::MAX).unwrap();
        (read.first_offset, read.slices.concat())
    });
    let by_index = (0..state.next_index).map(|index| {
        let (meta, frame) = log.frames(index, index + 1, 1).unwrap().remove(0);
        assert_eq!(meta.id.index, index);
        (meta.base_offset, frame.payload.to_vec())
    });
    by_offset.chain(by_index).collect()
}

#[test]
fn a_damaged_index_misleads_nobody() {
    let mut random = Random::new(26);
    let mut config = small();
    config.index_interval_bytes = 1;
    for _ in 0..40 {
        let rig = Rig::new(1);
        let log = rig.log(&config);
        (0..60).for_each(|n| _ = accepted(append(&log, batch(1 + n % 3, 60, NOW))));
        commit(&rig, &log);
        let rig = rig.restart(vec![log]);
        let log = rig.log(&config);
        let whole = all_that_is_read(&log);
        let indexes = rig.files().into_iter().filter(|it| it.ends_with("index"));
        let indexes: Vec<String> = indexes.filter(|it| !it.ends_with("timeindex")).collect();
        for _ in 0..1 + random.below(3) {
            let path = rig.path(&indexes[random.below(indexes.len() as u64) as usize]);
            let head = if path.extension().is_some_and(|it| it == "raftindex") {
                HEAD_BYTES
            } else {
                0
            };
            let len = rig.disk.contents(&path).unwrap().len() as u64;
            if len > head {
                let byte = head + random.below(len - head);
                match random.chance(1, 4) {
                    true => rig.disk.lose_sector(&path, byte).unwrap(),
                    false => rig
                        .disk
                        .flip_bit(&path, byte, random.below(8) as u32)
                        .unwrap(),
                }
            }
        }
        assert!(all_that_is_read(&log) == whole);
    }
}
