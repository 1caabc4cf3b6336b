//! Transactions as far as the log knows them: markers, aborted ranges, the last stable offset.

use ottla_protocol::records::{
    Batch, BatchBuilder, CheckedBatch, Compression, NO_SEQUENCE, ProducerStamp,
};
use ottla_storage::{AbortedTransaction, EntryKind, Log, Outcome, Rejection};

use crate::support::*;

fn stamp(producer_id: i64, base_sequence: i32) -> ProducerStamp {
    ProducerStamp {
        producer_id,
        producer_epoch: 0,
        base_sequence,
        transactional: true,
    }
}

fn marker(producer_id: i64, commit: bool, coordinator_epoch: i32) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None)
        .with_producer(stamp(producer_id, NO_SEQUENCE))
        .with_control();
    let value = [&[0, 0][..], &coordinator_epoch.to_be_bytes()].concat();
    builder.push(NOW, Some(&[0, 0, 0, commit.into()]), Some(&value), &[]);
    builder.build().unwrap()
}

pub(crate) fn send(log: &Log, producer_id: i64, base_sequence: i32) -> i64 {
    let batch = build(2, 40, NOW, Some(stamp(producer_id, base_sequence)));
    accepted(append(log, batch)).base_offset
}

pub(crate) fn end(log: &Log, producer_id: i64, commit: bool) -> i64 {
    accepted(append(log, marker(producer_id, commit, 1))).base_offset
}

fn aborted(log: &Log, from: i64, to: i64) -> Vec<(i64, i64)> {
    let aborted = log.aborted_transactions(from, to).unwrap().into_iter();
    aborted
        .map(
            |AbortedTransaction {
                 producer_id,
                 first_offset,
             }| (producer_id, first_offset),
        )
        .collect()
}

/// Three transactions, interleaved, over several segments: 1 aborted, 2 committed, 3 open.
fn scenario(log: &Log) -> [i64; 5] {
    let first = send(log, 1, 0);
    let second = send(log, 2, 0);
    (1..8).for_each(|n| _ = send(log, 1, n * 2));
    let third = send(log, 3, 0);
    (1..8).for_each(|n| _ = send(log, 2, n * 2));
    let abort = end(log, 1, false);
    (0..20).for_each(|_| _ = accepted(append(log, batch(2, 40, NOW))));
    let commit = end(log, 2, true);
    assert_eq!([first, second], [0, 2]);
    [first, second, third, abort, commit]
}

fn check(log: &Log, [first, second, third, abort, commit]: [i64; 5]) {
    let stable = |high_watermark| log.last_stable_offset(high_watermark);
    assert_eq!(stable(first), first);
    assert_eq!(stable(abort), first, "the abort is not committed");
    assert_eq!(stable(abort + 1), second);
    assert_eq!(stable(commit), second);
    assert_eq!(stable(commit + 1), third);
    assert_eq!(aborted(log, 0, i64::MAX), [(1, first)]);
    assert_eq!(aborted(log, abort, abort + 1), [(1, first)]);
    assert_eq!(aborted(log, abort + 1, i64::MAX), []);
}

#[test]
fn the_stable_offset_waits_for_committed_markers_and_aborts_are_listed() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    let offsets = scenario(&log);
    commit(&rig, &log);
    check(&log, offsets);
    let metas = log.entries(0..100).unwrap();
    assert_eq!(
        metas
            .iter()
            .filter(|meta| meta.kind == EntryKind::Marker)
            .count(),
        2
    );
}

#[test]
fn transactions_survive_a_restart_and_a_kill() {
    for orderly in [true, false] {
        let rig = Rig::new(1);
        let log = rig.log(&small());
        let offsets = scenario(&log);
        commit(&rig, &log);
        let rig = if orderly {
            rig.restart(vec![log])
        } else {
            drop((log, rig.dir));
            rig.disk.restart_process();
            Rig::open(rig.disk).unwrap()
        };
        let log = rig.log(&small());
        check(&log, offsets);
        end(&log, 3, false);
        commit(&rig, &log);
        assert_eq!(
            aborted(&log, 0, i64::MAX),
            [(1, offsets[0]), (3, offsets[2])]
        );
    }
}

#[test]
fn a_truncated_marker_leaves_its_transaction_open() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    let first = send(&log, 1, 0);
    let before = log.state().last.unwrap().index;
    end(&log, 1, false);
    commit(&rig, &log);
    log.truncate_after(Some(before)).unwrap();
    assert_eq!(log.last_stable_offset(i64::MAX), first);
    assert_eq!(aborted(&log, 0, i64::MAX), []);
    end(&log, 1, true);
    commit(&rig, &log);
    let end_offset = log.state().log_end_offset;
    assert_eq!(log.last_stable_offset(end_offset), end_offset);
    assert_eq!(aborted(&log, 0, i64::MAX), []);
}

#[test]
fn markers_of_replaced_coordinators_and_producers_are_refused() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    send(&log, 1, 0);
    accepted(append(&log, marker(1, true, 5)));
    let refused = append(&log, marker(1, false, 4));
    let stale = Rejection::StaleCoordinatorEpoch {
        current: 5,
        found: 4,
    };
    assert_eq!(refused, Outcome::Rejected(stale));
    send(&log, 1, 2);
    let plain = ProducerStamp {
        transactional: false,
        ..stamp(1, 4)
    };
    let outcome = append(&log, build(1, 1, NOW, Some(plain)));
    assert!(matches!(
        outcome,
        Outcome::Rejected(Rejection::TransactionOpen { .. })
    ));
    let _ = CheckedBatch::trusted(batch(1, 1, NOW));
}
