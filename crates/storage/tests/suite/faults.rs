//! A disk that flips bits, fills up, or fails.

use bytes::Bytes;
use ottla_platform::disk::Disk;
use ottla_platform::seed::Random;
use ottla_protocol::records::BatchHeader;
use ottla_storage::{
    CheckedFrame, Damage, DiskFull, FlushPolicy, Log, LogConfig, OnDamage, OpenError, Private,
    Recovered,
};

use crate::support::*;

/// A log of 40 frames in several segments, committed, its mark on the disk; then killed.
pub(crate) fn killed(seed: u64, config: &LogConfig) -> Rig {
    let rig = Rig::new(seed);
    let log = rig.log(config);
    (0..40).for_each(|_| _ = accepted(append(&log, batch(2, 60, NOW))));
    commit(&rig, &log);
    rig.dir.tidy().unwrap();
    drop((log, rig.dir));
    rig.disk.restart_process();
    Rig::open(rig.disk).unwrap()
}

pub(crate) fn logs_of(rig: &Rig) -> Vec<String> {
    let files = rig.files().into_iter();
    files.filter(|name| name.ends_with(".log")).collect()
}

pub(crate) fn open(rig: &Rig, on_damage: OnDamage) -> Result<(Log, Recovered), OpenError> {
    Log::open(&rig.dir, "topic-0", identity(0), small(), on_damage)
}

#[test]
fn a_flipped_bit_in_acknowledged_frames_is_reported_and_nothing_is_touched() {
    let mut random = Random::new(4);
    for seed in 0..40 {
        let rig = killed(seed, &small());
        // what lies below the newest boundary under the mark is not read at a start
        let last = logs_of(&rig).pop().unwrap();
        let before = rig.disk.contents(&rig.path(&last)).unwrap();
        let frame_len = BatchHeader::parse(&before).unwrap().size_bytes() as u64;
        let (byte, bit) = (random.below(before.len() as u64), random.below(8) as u32);
        rig.disk.flip_bit(&rig.path(&last), byte, bit).unwrap();
        let before = rig.disk.contents(&rig.path(&last)).unwrap();
        let damage = match open(&rig, OnDamage::Refuse) {
            Err(OpenError::Damaged(damage)) => damage,
            Err(other) => panic!("byte {byte} bit {bit} of {last}: {other}"),
            Ok(_) => panic!("byte {byte} bit {bit} of {last} went unnoticed"),
        };
        assert!(
            damage.file.ends_with(&last) && damage.position == byte / frame_len * frame_len,
            "{damage}"
        );
        assert_eq!(rig.disk.contents(&rig.path(&last)).unwrap(), before);
        let (log, recovered) = open(&rig, OnDamage::Cut).unwrap();
        assert_eq!(recovered.damage, Some(damage.clone()));
        assert_eq!(log.state().next_index, damage.index);
        assert_eq!(log.state().log_end_offset, damage.offset);
        accepted(append(&log, batch(1, 1, NOW)));
        commit(&rig, &log);
        drop(log);
        // the damage is dealt with: the next start does not report it again
        assert_eq!(open(&rig, OnDamage::Refuse).unwrap().1.damage, None);
    }
}

/// What another replica with the same log has from an index on.
pub(crate) fn frames_from(rig: &Rig, index: u64) -> Vec<CheckedFrame> {
    let log = rig.log(&small());
    let end = log.state().next_index;
    let frames = log.frames(index, end, 4_000).unwrap().into_iter();
    let checked = frames
        .zip(index..)
        .map(|((_, frame), at)| CheckedFrame::check(at, frame));
    checked.map(Result::unwrap).collect()
}

#[test]
fn what_is_damaged_is_mended_with_the_frames_of_another_replica() {
    let mut random = Random::new(8);
    for seed in 0..30 {
        let (rig, other) = (killed(seed, &small()), killed(seed, &small()));
        let last = logs_of(&rig).pop().unwrap();
        let whole = rig.disk.contents(&rig.path(&last)).unwrap();
        for _ in 0..1 + random.below(4) {
            let (byte, bit) = (random.below(whole.len() as u64), random.below(8) as u32);
            rig.disk.flip_bit(&rig.path(&last), byte, bit).unwrap();
        }
        let mut before = None;
        let recovered = loop {
            let damage = match open(&rig, OnDamage::Refuse) {
                Ok((_, recovered)) => break recovered,
                Err(OpenError::Damaged(damage)) => damage,
                Err(other) => panic!("{other}"),
            };
            assert!(before < Some(damage.index), "{damage}");
            before = Some(damage.index);
            let frames = frames_from(&other, damage.index);
            let count = Log::mend(&rig.dir, identity(0), &damage, frames).unwrap();
            assert!(count > 0);
        };
        assert_eq!((recovered.damage, recovered.torn_bytes), (None, 0));
        assert_eq!(rig.disk.contents(&rig.path(&last)).unwrap(), whole);
    }
}

#[test]
fn what_does_not_follow_or_fit_is_not_written() {
    let (rig, other) = (killed(1, &small()), killed(1, &small()));
    let log = rig.path(&logs_of(&rig).pop().unwrap());
    rig.disk.flip_bit(&log, 70, 1).unwrap();
    let before = rig.disk.contents(&log).unwrap();
    let Err(OpenError::Damaged(damage)) = open(&rig, OnDamage::Refuse) else {
        panic!("a flipped bit went unnoticed");
    };
    let later = frames_from(&other, damage.index + 1);
    let mended =
        |damage: &Damage, frames| Log::mend(&rig.dir, identity(0), damage, frames).unwrap();
    assert_eq!(mended(&damage, later), 0);
    let narrow = Damage {
        limit: damage.position + 10,
        ..damage.clone()
    };
    assert_eq!(mended(&narrow, frames_from(&other, damage.index)), 0);
    assert_eq!(rig.disk.contents(&log).unwrap(), before);
}

#[test]
fn garbage_behind_the_last_frame_is_cut_off() {
    for (seed, tail) in [(1, vec![0; 5_000]), (2, vec![0xa5; 40]), (3, vec![0; 61])] {
        let rig = killed(seed, &small());
        let last = rig.path(&logs_of(&rig).pop().unwrap());
        let len = rig.disk.contents(&last).unwrap().len();
        let file = rig
            .disk
            .open(&last, ottla_platform::disk::OpenMode::Write)
            .unwrap();
        file.write_all_at(&tail, len as u64).unwrap();
        let (log, recovered) = open(&rig, OnDamage::Refuse).unwrap();
        assert_eq!(recovered.torn_bytes, tail.len() as u64);
        assert_eq!(log.state().log_end_offset, 80);
        assert_eq!(rig.disk.contents(&last).unwrap().len(), len);
    }
}

#[test]
fn a_missing_file_of_acknowledged_frames_is_damage() {
    // without what its boundary says, nobody knows where a segment begins that has lost its head
    for endings in [&[".log"][..], &[".raftindex", ".boundary"]] {
        let rig = killed(1, &small());
        for ending in endings {
            let last = logs_of(&rig).pop().unwrap().replace(".log", ending);
            rig.disk.remove_file(&rig.path(&last)).unwrap();
        }
        let opened = open(&rig, OnDamage::Refuse);
        assert!(
            matches!(opened, Err(OpenError::Damaged(_))),
            "{endings:?}: {:?}",
            opened.err()
        );
    }
    let rig = killed(1, &small());
    rig.disk.remove_dir_all(&rig.path("")).unwrap();
    open(&rig, OnDamage::Refuse).err().unwrap();
}

#[test]
fn lost_indexes_and_boundaries_are_made_anew() {
    let reference = killed(1, &small());
    let log = reference.log(&small());
    let expected = (
        read_all(&log, 0, 500),
        log.frames(0, 40, usize::MAX).unwrap(),
    );
    for ending in [".index", ".timeindex", ".boundary", ".raftindex"] {
        let rig = killed(1, &small());
        for name in rig
            .files()
            .into_iter()
            .filter(|name| name.ends_with(ending))
        {
            rig.disk.remove_file(&rig.path(&name)).unwrap();
        }
        // everything is read, so that everything is made anew
        let (log, recovered) = open(&rig, OnDamage::Refuse).unwrap();
        assert!(recovered.scanned_bytes > 3_000, "{ending}");
        assert_eq!(log.max_timestamp(80).unwrap().unwrap().timestamp, NOW + 1);
        assert_eq!(
            (
                read_all(&log, 0, 500),
                log.frames(0, 40, usize::MAX).unwrap()
            ),
            expected
        );
        assert_eq!(log.read(33, 1, true, 80).unwrap().first_offset, 32);
    }
}

#[test]
fn a_full_disk_refuses_before_it_promises_and_recovers_by_itself() {
    let rig = Rig::new(1);
    let rig = {
        let disk = rig.disk.clone();
        drop(rig);
        disk.restart_process();
        Rig::open_with(disk, |options| options.reserve_bytes = 200_000).unwrap()
    };
    rig.disk
        .set_faults(|faults| faults.capacity_bytes = Some(2_100_000));
    let config = LogConfig {
        segment_bytes: 100_000,
        file_delete_delay_ms: 0,
        ..LogConfig::default()
    };
    let log = rig.log(&config);
    let mut appended = 0;
    while log.admit(10_000) == Ok(()) {
        accepted(append(&log, batch(1, 10_000, NOW)));
        commit(&rig, &log);
        appended += 1;
        assert!(appended < 200, "never full");
    }
    assert!(appended > 50 && rig.dir.is_full());
    // what frees space can still be written, within the reserve
    let end = log.state().log_end_offset;
    log.append_private(next_id(&log, 1), &Private::LogStart { offset: end });
    commit(&rig, &log);
    log.advance_log_start(end);
    rig.settle();
    let boundary = log.boundary_for_purge(u64::MAX - 1).unwrap().unwrap();
    log.purge_through(boundary.last.unwrap()).unwrap();
    rig.dir.tidy().unwrap();
    assert_eq!(log.admit(10_000), Ok(()));
    accepted(append(&log, batch(1, 10_000, NOW)));
    commit(&rig, &log);
    assert!(rig.failures.lock().is_empty());
}

#[test]
fn what_was_promised_on_a_disk_that_filled_up_waits_for_space() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig::default());
    accepted(append(&log, batch(1, 100, NOW)));
    commit(&rig, &log);
    let used = 1_000_000 - {
        rig.disk
            .set_faults(|faults| faults.capacity_bytes = Some(1_000_000));
        rig.disk.free_bytes(&rig.path("")).unwrap()
    };
    rig.disk
        .set_faults(|faults| faults.capacity_bytes = Some(used + 1_000));
    let answers: Vec<Answer> = (0..3)
        .map(|_| {
            accepted(append(&log, batch(1, 100_000, NOW)));
            let answer = Answer::default();
            log.submit(answer.done());
            rig.dir.turn();
            answer
        })
        .collect();
    assert!(answers.iter().all(|answer| answer.get().is_none()));
    assert_eq!(log.admit(1), Err(DiskFull));
    assert_eq!(log.frames(1, 4, usize::MAX).unwrap().len(), 3);
    rig.dir.tidy().unwrap();
    // calls that would have to wait for it say so instead
    assert_eq!(
        log.close().unwrap_err().kind(),
        std::io::ErrorKind::StorageFull
    );
    rig.disk.set_faults(|faults| faults.capacity_bytes = None);
    rig.settle();
    assert!(answers.iter().all(Answer::is_ok));
    rig.dir.tidy().unwrap();
    assert_eq!(log.admit(1), Ok(()));
}

#[test]
fn the_first_failed_sync_is_the_end_of_the_directory() {
    for flush in [FlushPolicy::Fsync, FlushPolicy::Async] {
        let rig = Rig::new(1);
        let config = LogConfig { flush, ..small() };
        let logs = [rig.log(&config), rig.open_log(1, &config).unwrap().0];
        rig.disk
            .set_faults(|faults| faults.sync_fails_after = Some(0));
        let answers = logs.each_ref().map(|log| {
            accepted(append(log, batch(1, 1, NOW)));
            let answer = Answer::default();
            log.save_vote(Bytes::from_static(b"v"), answer.done());
            answer
        });
        rig.settle();
        assert!(
            answers.iter().all(|answer| answer.get().unwrap().is_err()),
            "{flush:?}"
        );
        // a sync that would succeed now proves nothing
        rig.disk.set_faults(|faults| faults.sync_fails_after = None);
        let later = Answer::default();
        logs[0].submit(later.done());
        assert!(later.get().unwrap().is_err());
        logs[0].truncate_after(None).unwrap_err();
        logs[1].close().unwrap_err();
        assert!(rig.open_log(2, &config).is_err());
        assert_eq!(rig.failures.lock().len(), 1);
        assert!(rig.dir.failure().unwrap().contains("sync"));
        rig.dir.close().unwrap_err();
    }
}

#[test]
fn a_failed_write_is_the_end_of_the_directory() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    rig.disk
        .set_faults(|faults| faults.write_fails_after = Some(0));
    accepted(append(&log, batch(1, 1, NOW)));
    let answer = Answer::default();
    log.submit(answer.done());
    rig.settle();
    assert!(answer.get().unwrap().is_err());
    assert!(rig.dir.failure().is_some());
}

#[test]
fn a_damaged_vote_is_told_of() {
    let rig = Rig::new(1);
    let logs = [rig.log(&small()), rig.open_log(1, &small()).unwrap().0];
    for log in &logs {
        let answer = Answer::default();
        log.save_vote(Bytes::from_static(b"vote"), answer.done());
        rig.settle();
        assert!(answer.is_ok());
    }
    drop((logs, rig.dir));
    rig.disk.restart_process();
    let journal = std::path::Path::new(DATA).join("state.journal");
    rig.disk.flip_bit(&journal, 30, 0).unwrap();
    let rig = Rig::open(rig.disk).unwrap();
    let (_, recovered) = rig.open_log(1, &small()).unwrap();
    assert!(recovered.vote_in_doubt);
}

/// What has its space already goes on meanwhile.
#[test]
fn a_vote_that_finds_no_space_waits_for_it_and_ends_nothing() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig::default());
    accepted(append(&log, batch(1, 100, NOW)));
    commit(&rig, &log);
    rig.dir.tidy().unwrap();
    let used = rig.disk.used_bytes();
    rig.disk
        .set_faults(|faults| faults.capacity_bytes = Some(used));
    let mut votes = 0_u32..100_000;
    let (vote, voted) = loop {
        let (vote, voted) = (votes.next().unwrap().to_be_bytes(), Answer::default());
        log.save_vote(Bytes::copy_from_slice(&vote), voted.done());
        rig.dir.turn();
        if voted.get().is_none() {
            break (vote, voted);
        }
    };
    let written = Answer::default();
    accepted(append(&log, batch(1, 100, NOW)));
    log.submit(written.done());
    (0..3).for_each(|_| _ = rig.dir.turn());
    assert!(voted.get().is_none() && written.get().is_none());
    assert!(rig.dir.is_full() && rig.failures.lock().is_empty());
    assert_eq!(
        log.truncate_after(Some(0)).unwrap_err().kind(),
        std::io::ErrorKind::StorageFull
    );

    rig.disk.set_faults(|faults| faults.capacity_bytes = None);
    rig.settle();
    assert!(voted.is_ok() && written.is_ok());
    rig.dir.tidy().unwrap();
    assert!(!rig.dir.is_full());
    drop((log, rig.dir));
    rig.disk.cut_power();
    rig.disk.power_on();
    let rig = Rig::open(rig.disk).unwrap();
    let log = rig.log(&LogConfig::default());
    assert_eq!(log.read_vote(), Some(Bytes::copy_from_slice(&vote)));
    assert_eq!(log.state().log_end_offset, 2);
}

/// A node that starts on a full disk may lead before its chores begin.
#[test]
fn who_starts_on_a_full_disk_takes_records_as_soon_as_there_is_room() {
    const RESERVE: u64 = 1 << 30;
    let disk = Rig::new(1).disk;
    disk.restart_process();
    disk.set_faults(|faults| faults.capacity_bytes = Some(RESERVE / 2));
    let rig = Rig::open_with(disk, |options| options.reserve_bytes = RESERVE).unwrap();
    let log = rig.log(&small());
    assert!(log.admit(100).is_err());
    rig.disk.set_faults(|faults| faults.capacity_bytes = None);
    assert!(log.admit(100).is_ok());
}

/// All frames, as they are sent to a follower.
fn frames(log: &Log) -> Vec<(u64, Vec<u8>)> {
    let end = log.state().next_index;
    let frame = |index| {
        let (meta, frame) = log.frames(index, end, 1).unwrap().remove(0);
        (
            meta.id.index,
            [&frame.header.encode()[..], &frame.payload].concat(),
        )
    };
    (0..end).map(frame).collect()
}

#[test]
fn a_truncation_that_finds_no_space_is_made_when_there_is_some() {
    let build = || {
        let rig = Rig::new(1);
        let log = rig.log(&small());
        log.append_private(next_id(&log, 1), &Private::Blank);
        (0..20).for_each(|_| _ = accepted(append(&log, batch(2, 60, NOW))));
        commit(&rig, &log);
        (rig, log)
    };
    // in the last segment, in one before it, and where no record is left
    for end in [20, 12, 1] {
        let (_rig, other) = build();
        other.truncate_after(Some(end - 1)).unwrap();
        let expected = frames(&other);
        for room in (0..).step_by(16) {
            let (rig, log) = build();
            let used = rig.disk.used_bytes();
            let set = |capacity| {
                rig.disk
                    .set_faults(|faults| faults.capacity_bytes = capacity)
            };
            set(Some(used + room));
            let was_full = match log.truncate_after(Some(end - 1)) {
                Ok(()) => false,
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
                    assert!(!log.is_closed());
                    set(None);
                    log.truncate_after(Some(end - 1)).unwrap();
                    true
                }
            };
            set(None);
            assert!(frames(&log) == expected, "{end} {room}");
            accepted(append(&log, batch(2, 60, NOW)));
            commit(&rig, &log);
            let after = frames(&log);
            drop((log, rig.dir));
            rig.disk.cut_power();
            rig.disk.power_on();
            let rig = Rig::open(rig.disk).unwrap();
            assert!(frames(&rig.log(&small())) == after, "{end} {room}");
            if !was_full {
                break;
            }
        }
    }
}
