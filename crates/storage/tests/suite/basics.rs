//! A log does what its calls say, on a disk that works.

use crate::support::*;
use bytes::Bytes;
use ottla_protocol::records::{Batches, CheckedBatch, ProducerStamp, TimestampType};
use ottla_storage::{
    Boundary, CheckedFrame, Condition, EntryKind, FlushPolicy, FollowerReject, Frame, LogConfig,
    LogId, OpenError, Outcome, Placed, Private, ReadError, Rejection,
};

fn stamp(base_sequence: i32) -> ProducerStamp {
    ProducerStamp {
        producer_id: 5,
        producer_epoch: 0,
        base_sequence,
        transactional: false,
    }
}

#[test]
fn what_is_appended_is_read_back_with_offset_and_epoch() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig::default());
    log.append_private(next_id(&log, 3), &Private::Blank);
    assert_eq!(accepted(append(&log, batch(3, 10, NOW))).base_offset, 0);
    assert_eq!(accepted(append(&log, batch(2, 10, NOW))).base_offset, 3);
    commit(&rig, &log);
    let bytes = Bytes::from(read_all(&log, 0, 1 << 20));
    let batches: Vec<_> = Batches(bytes).map(Result::unwrap).collect();
    let heads: Vec<_> = batches.iter().map(|b| b.header).collect();
    assert_eq!(
        heads.iter().map(|h| h.base_offset).collect::<Vec<_>>(),
        [0, 3]
    );
    assert!(heads.iter().all(|h| h.partition_leader_epoch == 3));
    batches.iter().for_each(|batch| batch.verify_crc().unwrap());
    let state = log.state();
    assert_eq!((state.next_index, state.log_end_offset), (3, 5));
}

#[test]
fn entries_are_readable_before_they_are_written_and_after_a_restart() {
    let mut rig = Rig::new(1);
    let mut log = rig.log(&small());
    for n in 0..60 {
        if n % 7 == 0 {
            log.append_private(next_id(&log, 1 + n / 20), &Private::Blank);
        } else {
            accepted(append(&log, batch(2, 50, NOW)));
        }
    }
    let metas = log.entries(0..100).unwrap();
    let frames = log.frames(0, 100, usize::MAX).unwrap();
    assert_eq!(metas.len(), 60);
    assert_eq!(
        metas,
        frames
            .iter()
            .map(|(meta, _)| meta.clone())
            .collect::<Vec<_>>()
    );
    commit(&rig, &log);
    for restarted in [false, true] {
        if restarted {
            rig = rig.restart(vec![log]);
            log = rig.log(&small());
        }
        assert_eq!(log.entries(0..100).unwrap(), metas);
        assert_eq!(log.frames(0, 100, usize::MAX).unwrap(), frames);
        for start in 0..60 {
            assert_eq!(log.entry(start).as_ref(), Some(&metas[start as usize]));
            let some = log.frames(start, 60, 400).unwrap();
            assert_eq!(some[..], frames[start as usize..][..some.len()]);
            assert!(!some.is_empty());
        }
        assert_eq!(log.entry(60), None);
    }
}

#[test]
fn a_batch_sent_twice_is_a_duplicate_also_after_restarts() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    let first = accepted(append(&log, build(3, 10, NOW, Some(stamp(0)))));
    accepted(append(&log, batch(50, 50, NOW)));
    let header = build(3, 10, NOW, Some(stamp(0))).header;
    let original = Placed {
        log_append_time_ms: header.max_timestamp,
        ..first
    };
    let again = append(&log, build(3, 10, NOW, Some(stamp(0))));
    assert_eq!(again, Outcome::Duplicate(original));
    let skipped = append(&log, build(1, 10, NOW, Some(stamp(9))));
    assert!(matches!(
        skipped,
        Outcome::Rejected(Rejection::OutOfOrderSequence {
            expected: 3,
            found: 9,
            ..
        })
    ));
    let kinds: Vec<_> = log
        .entries(0..9)
        .unwrap()
        .into_iter()
        .map(|meta| meta.kind)
        .collect();
    let void = || EntryKind::Private(Private::Void);
    assert_eq!(kinds, [EntryKind::Batch, EntryKind::Batch, void(), void()]);
    commit(&rig, &log);
    let rig = rig.restart(vec![log]);
    let log = rig.log(&small());
    assert_eq!(log.duplicate_of(&header), Some(original));
    drop((log, rig.dir));
    rig.disk.restart_process();
    let rig = Rig::open(rig.disk).unwrap();
    assert_eq!(rig.log(&small()).duplicate_of(&header), Some(original));
}

#[test]
fn a_producer_of_old_records_is_forgotten_by_its_own_chore_and_by_no_other() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    let header = build(3, 10, 0, Some(stamp(0))).header;
    accepted(append(&log, build(3, 10, 0, Some(stamp(0)))));
    commit(&rig, &log);
    rig.dir.tidy().unwrap();
    assert!(log.duplicate_of(&header).is_some());
    rig.dir.expire_producers();
    assert_eq!(log.duplicate_of(&header), None);
}

#[test]
fn a_condition_that_fails_cuts_off_what_follows() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    let send = |expected| {
        let condition = Condition {
            term: Some(1),
            base_offset: Some(expected),
            epoch_per_transaction: false,
        };
        let batch = CheckedBatch::trusted(batch(2, 10, NOW));
        log.append_leader(next_id(&log, 1), batch, Some(condition), NOW)
    };
    assert_eq!(accepted(send(0)).base_offset, 0);
    // the proposal for offset 2 was lost on the way
    assert_eq!(send(4), Outcome::Rejected(Rejection::ConditionFailed));
    assert_eq!(send(6), Outcome::Rejected(Rejection::ConditionFailed));
    assert_eq!(accepted(send(2)).base_offset, 2);
}

#[test]
fn log_append_time_is_stamped_and_the_checksum_follows() {
    let rig = Rig::new(1);
    let config = LogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..small()
    };
    let log = rig.log(&config);
    let placed = accepted(append(&log, build(2, 10, 5, Some(stamp(0)))));
    assert_eq!(placed.log_append_time_ms, NOW);
    let (_, unwritten) = log.frames(0, 1, 1).unwrap().remove(0);
    unwritten.verify_crc().unwrap();
    commit(&rig, &log);
    let (_, written) = log.frames(0, 1, 1).unwrap().remove(0);
    assert_eq!(written, unwritten);
    assert_eq!(written.header.max_timestamp, NOW);
    assert_eq!(
        written.header.attributes.timestamp_type(),
        TimestampType::LogAppendTime
    );
    let duplicate = append(&log, build(2, 10, 5, Some(stamp(0))));
    assert_eq!(duplicate, Outcome::Duplicate(placed));
}

#[test]
fn a_follower_takes_only_what_follows() {
    let rig = Rig::new(1);
    let leader = rig.log(&small());
    let follower = rig.open_log(1, &small()).unwrap().0;
    leader.append_private(next_id(&leader, 2), &Private::Blank);
    accepted(append(&leader, batch(3, 10, NOW)));
    accepted(append(&leader, batch(3, 10, NOW)));
    let frames = leader.frames(0, 3, usize::MAX).unwrap();
    let offer = |n: usize, index: u64| {
        let frame = CheckedFrame::check(index, frames[n].1.clone())?;
        follower.append_follower(frame, NOW)
    };
    offer(0, 0).unwrap();
    assert!(matches!(
        offer(2, 1),
        Err(FollowerReject::WrongOffset {
            expected: 0,
            found: 3
        })
    ));
    assert!(matches!(
        offer(1, 2),
        Err(FollowerReject::WrongIndex {
            expected: 1,
            found: 2
        })
    ));
    assert!(matches!(
        offer(0, 1),
        Err(FollowerReject::WrongIndex {
            expected: 0,
            found: 1
        })
    ));
    let mut flipped = frames[1].1.clone();
    flipped.header.max_timestamp ^= 1;
    assert_eq!(
        CheckedFrame::check(1, flipped),
        Err(FollowerReject::Damaged)
    );
    offer(1, 1).unwrap();
    offer(2, 2).unwrap();
    let old = Frame::private(LogId { term: 1, index: 3 }, 6, &Private::Blank);
    let old = CheckedFrame::check(3, old).unwrap();
    let rejected = follower.append_follower(old, NOW);
    assert!(matches!(
        rejected,
        Err(FollowerReject::WrongTerm {
            expected: 2,
            found: 1
        })
    ));
    assert_eq!(follower.frames(0, 3, usize::MAX).unwrap(), frames);
}

#[test]
fn submissions_and_votes_are_answered_in_their_order() {
    for flush in [FlushPolicy::Fsync, FlushPolicy::Async] {
        let rig = Rig::new(1);
        let log = rig.log(&LogConfig { flush, ..small() });
        let order = std::sync::Arc::new(parking_lot::Mutex::new(Vec::new()));
        for n in 0..50 {
            let order = order.clone();
            let done: ottla_storage::Done = Box::new(move |result| {
                result.unwrap();
                order.lock().push(n);
            });
            if n % 5 == 4 {
                log.save_vote(Bytes::from(vec![n as u8]), done);
            } else {
                accepted(append(&log, batch(2, 100, NOW)));
                log.submit(done);
            }
            if n % 11 == 0 {
                rig.dir.turn();
            }
        }
        rig.settle();
        assert_eq!(*order.lock(), (0..50).collect::<Vec<_>>(), "{flush:?}");
        assert_eq!(log.read_vote(), Some(Bytes::from_static(&[49])));
    }
}

#[test]
fn reads_outside_of_the_log_are_refused_and_at_its_end_empty() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    (0..10).for_each(|_| _ = accepted(append(&log, batch(10, 20, NOW))));
    commit(&rig, &log);
    log.advance_log_start(25);
    let range = |offset| match log.read(offset, 1 << 20, true, i64::MAX) {
        Err(ReadError::OffsetOutOfRange {
            log_start_offset,
            log_end_offset,
        }) => Some((log_start_offset, log_end_offset)),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    };
    assert_eq!(range(24), Some((25, 100)));
    assert_eq!(range(101), Some((25, 100)));
    assert_eq!(range(25), None);
    let whole = log.read(25, 1, true, i64::MAX).unwrap();
    assert_eq!((whole.first_offset, whole.next_offset), (20, 30));
    for (offset, max, min_one, below) in [
        (100, 1 << 20, true, 100),
        (50, 1 << 20, true, 50),
        (50, 10, false, 100),
        (50, 1 << 20, true, 59),
    ] {
        let nothing = log.read(offset, max, min_one, below).unwrap();
        assert_eq!((nothing.next_offset, nothing.size_bytes), (offset, 0));
    }
    log.advance_log_start(3);
    assert_eq!(log.state().log_start_offset, 25);
}

#[test]
fn a_folder_of_another_topic_is_refused() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    assert!(matches!(rig.open_log(0, &small()), Err(OpenError::InUse)));
    log.close().unwrap();
    drop(log);
    let other = ottla_storage::Identity {
        group_id: 5,
        ..identity(0)
    };
    let opened = ottla_storage::Log::open(&rig.dir, "topic-0", other, small(), Default::default());
    assert!(
        matches!(opened, Err(OpenError::WrongIdentity { expected, found }) if expected == other && found == identity(0))
    );
}

#[test]
fn a_truncated_tail_is_gone_with_all_it_did() {
    for cut in 0..40u64 {
        let rig = Rig::new(1);
        let log = rig.log(&small());
        let id = |index| LogId {
            term: 1 + (index / 10) as i32,
            index,
        };
        for index in 0..40 {
            if index % 10 == 0 {
                log.append_private(id(index), &Private::Blank);
            } else if index % 10 == 1 {
                let members = Private::Membership(Bytes::from(vec![index as u8]));
                log.append_private(id(index), &members);
            } else {
                let base_sequence = (index - 2 * (index / 10) - 2) as i32 * 2;
                let batch = CheckedBatch::trusted(build(2, 60, NOW, Some(stamp(base_sequence))));
                accepted(log.append_leader(id(index), batch, None, NOW));
            }
        }
        let frames = log.frames(0, 40, usize::MAX).unwrap();
        let answer = Answer::default();
        log.submit(answer.done());
        let slice = {
            rig.settle();
            log.read(0, 1 << 20, true, i64::MAX).unwrap()
        };
        let before = slice.slices.concat();
        log.truncate_after(cut.checked_sub(1)).unwrap();
        assert!(answer.is_ok());
        assert_eq!(slice.slices.concat(), before, "a slice changed");
        let state = log.state();
        assert_eq!(state.next_index, cut);
        if cut > 0 {
            assert_eq!(
                log.frames(0, 100, usize::MAX).unwrap(),
                frames[..cut as usize]
            );
        }
        for index in cut..40 {
            let frame = CheckedFrame::check(index, frames[index as usize].1.clone());
            log.append_follower(frame.unwrap(), NOW).unwrap();
        }
        commit(&rig, &log);
        assert_eq!(log.frames(0, 100, usize::MAX).unwrap(), frames);
        assert_eq!(read_all(&log, 0, 300), read_all(&log, 0, 1 << 20));
        assert_eq!(log.terms().len(), 4);
        assert_eq!(
            log.last_membership(35).unwrap().1,
            Bytes::from_static(&[31])
        );
        let rig = rig.restart(vec![log]);
        let log = rig.log(&small());
        assert_eq!(log.frames(0, 100, usize::MAX).unwrap(), frames);
        assert_eq!(
            log.last_membership(15).unwrap().1,
            Bytes::from_static(&[11])
        );
    }
}

#[test]
fn a_purged_log_begins_at_a_segment_and_a_purge_beyond_the_end_empties_it() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    (0..60).for_each(|_| _ = accepted(append(&log, batch(2, 80, NOW))));
    commit(&rig, &log);
    assert_eq!(log.boundary_for_purge(40).unwrap(), None);
    log.advance_log_start(70);
    let boundary = log.boundary_for_purge(59).unwrap().unwrap();
    assert!((1..=70).contains(&boundary.next_offset), "{boundary:?}");
    assert_eq!(Boundary::decode(&boundary.encode()).unwrap(), boundary);
    let files = rig.files().len();
    log.purge_through(boundary.last.unwrap()).unwrap();
    assert!(rig.files().len() < files);
    let first = boundary.next_index();
    assert_eq!(log.state().purged, boundary.last);
    assert_eq!(log.entries(0..60).unwrap()[0].id.index, first);
    log.frames(first - 1, 60, 1).unwrap_err();
    let rig = rig.restart(vec![log]);
    let log = rig.log(&small());
    assert_eq!(
        (log.state().purged, log.state().log_start_offset),
        (boundary.last, 70)
    );
    let beyond = LogId { term: 4, index: 99 };
    log.purge_through(beyond).unwrap();
    let state = log.state();
    assert_eq!(
        (state.purged, state.last, state.next_index),
        (Some(beyond), Some(beyond), 100)
    );
    assert_eq!((state.log_start_offset, state.log_end_offset), (120, 120));
    log.append_private(next_id(&log, 5), &Private::Blank);
    assert_eq!(accepted(append(&log, batch(1, 1, NOW))).base_offset, 120);
    commit(&rig, &log);
    let rig = rig.restart(vec![log]);
    let log = rig.log(&small());
    assert_eq!(log.state().next_index, 102);
}

#[test]
fn a_log_reset_to_a_boundary_goes_on_from_there() {
    let rig = Rig::new(1);
    let source = rig.log(&small());
    (0..40).for_each(|n| _ = accepted(append(&source, build(2, 80, NOW, Some(stamp(n * 2))))));
    commit(&rig, &source);
    let boundary = source.boundary_below(35).unwrap().unwrap();
    let target = rig.open_log(1, &small()).unwrap().0;
    accepted(append(&target, batch(100, 10, NOW)));
    target.reset_to(&boundary).unwrap();
    let state = target.state();
    assert_eq!((state.purged, state.last), (boundary.last, boundary.last));
    assert_eq!(
        (state.log_start_offset, state.log_end_offset),
        (boundary.next_offset, boundary.next_offset)
    );
    for (meta, frame) in source
        .frames(boundary.next_index(), 40, usize::MAX)
        .unwrap()
    {
        let frame = CheckedFrame::check(meta.id.index, frame).unwrap();
        target.append_follower(frame, NOW).unwrap();
    }
    commit(&rig, &target);
    let last = build(2, 80, NOW, Some(stamp(78))).header;
    assert_eq!(target.duplicate_of(&last), source.duplicate_of(&last));
    let from = boundary.next_offset;
    assert_eq!(
        read_all(&target, from, 1 << 20),
        read_all(&source, from, 1 << 20)
    );
}

#[test]
fn a_folder_that_is_set_aside_keeps_its_files_and_frees_its_name() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    accepted(append(&log, batch(2, 80, NOW)));
    log.close().unwrap();
    drop(log);
    let folders = rig.dir.partition_folders().unwrap();
    let [folder] = folders.as_slice() else {
        panic!("{folders:?}")
    };
    assert_eq!(
        (folder.name.as_str(), folder.identity),
        ("topic-0", Some(identity(0)))
    );
    let aside = rig.dir.set_aside(folder).unwrap().unwrap();
    assert!(
        aside.starts_with("topic-0.") && aside.ends_with("-stray"),
        "{aside}"
    );
    assert_eq!(rig.dir.partition_folders().unwrap(), []);
    assert_eq!(rig.dir.set_aside(folder).unwrap(), None);

    let rig = rig.restart(Vec::new());
    assert_eq!(rig.dir.log_names().unwrap(), [aside]);
    let other = ottla_storage::Identity {
        group_id: 5,
        ..identity(0)
    };
    let opened = ottla_storage::Log::open(&rig.dir, "topic-0", other, small(), Default::default());
    assert!(opened.unwrap().1.created);
}

#[test]
fn a_deleted_log_leaves_its_space_after_a_while() {
    let rig = Rig::new(1);
    let config = LogConfig {
        file_delete_delay_ms: 1_000,
        ..small()
    };
    let log = rig.log(&config);
    accepted(append(&log, batch(2, 80, NOW)));
    let waiting = Answer::default();
    log.submit(waiting.done());
    log.delete().unwrap();
    assert!(waiting.get().unwrap().is_err());
    rig.settle();
    drop(log);
    assert_eq!(rig.dir.log_names().unwrap(), Vec::<String>::new());
    let folders = || {
        use ottla_platform::disk::Disk;
        let entries = rig.disk.read_dir(std::path::Path::new(DATA)).unwrap();
        entries.into_iter().filter(|entry| entry.is_dir).count()
    };
    rig.dir.tidy().unwrap();
    assert_eq!(folders(), 1);
    rig.clock.advance(std::time::Duration::from_millis(1_000));
    rig.dir.tidy().unwrap();
    assert_eq!(folders(), 0);
    let (_, recovered) = rig.open_log(0, &config).unwrap();
    assert!(recovered.created);
}

#[test]
fn an_orderly_end_makes_the_next_start_fast_and_a_kill_does_not() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    (0..20).for_each(|_| _ = accepted(append(&log, batch(2, 80, NOW))));
    commit(&rig, &log);
    let rig = rig.restart(vec![log]);
    assert!(rig.dir.was_clean());
    let (log, recovered) = rig.open_log(0, &small()).unwrap();
    assert!(recovered.clean && recovered.scanned_bytes == 0);
    // closed and opened within one process: as fast
    log.close().unwrap();
    drop(log);
    let (log, recovered) = rig.open_log(0, &small()).unwrap();
    assert!(recovered.clean);
    accepted(append(&log, batch(1, 1, NOW)));
    commit(&rig, &log);
    // dropped without closing: to be checked, and so after the next start
    drop(log);
    let (log, recovered) = rig.open_log(0, &small()).unwrap();
    assert!(!recovered.clean && recovered.scanned_bytes > 0);
    assert_eq!(log.state().log_end_offset, 41);
    drop(log);
    rig.dir.close().unwrap();
    let rig = Rig::open(rig.disk.clone()).unwrap();
    assert!(!rig.dir.was_clean());
    let (log, recovered) = rig.open_log(0, &small()).unwrap();
    assert!(!recovered.clean);
    assert_eq!(log.state().log_end_offset, 41);
}

#[test]
fn what_an_old_process_closed_is_not_believed_after_another_died() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    accepted(append(&log, batch(2, 80, NOW)));
    commit(&rig, &log);
    let rig = rig.restart(vec![log]);
    let log = rig.log(&small());
    accepted(append(&log, batch(2, 80, NOW)));
    commit(&rig, &log);
    drop((log, rig.dir));
    rig.disk.restart_process();
    // a process that never opens the log, and ends in order
    let rig = Rig::open(rig.disk).unwrap();
    let rig = rig.restart(Vec::new());
    assert!(rig.dir.was_clean());
    let (log, recovered) = rig.open_log(0, &small()).unwrap();
    assert!(!recovered.clean);
    assert_eq!(log.state().log_end_offset, 4);
}

#[test]
fn a_log_is_whole_once_that_was_noted_while_it_is_as_long() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig::default());
    assert!(!log.is_whole().unwrap());
    accepted(append(&log, batch(1, 1, NOW)));
    commit(&rig, &log);
    log.note_whole(log.state().next_index).unwrap();
    assert!(log.is_whole().unwrap());
    drop((log, rig.dir));
    rig.disk.cut_power();
    rig.disk.power_on();
    let rig = Rig::open(rig.disk).unwrap();
    let log = rig.log(&LogConfig::default());
    assert!(log.is_whole().unwrap());
    log.truncate_after(None).unwrap();
    assert!(!log.is_whole().unwrap());
}
