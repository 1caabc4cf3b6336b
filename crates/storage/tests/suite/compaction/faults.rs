//! Compaction that is interrupted, and logs that are damaged, cut or closed.

use std::io::ErrorKind;

use ottla_storage::{Checked, Cleaning, Damage};

use super::*;

/// A frame of the compacted log does not fit where it stood in the other, nor the other way.
#[test]
fn what_is_damaged_is_written_anew_where_what_another_has_does_not_fit() {
    let mut repaired = 0;
    for seed in 300..310 {
        let mut run = Run::new(seed);
        (0..90).for_each(|_| run.step());
        run.commit();
        run.clean(1 << 20, i64::MAX).unwrap();
        let [compacted, plain] = &run.logs;
        let committed = plain.state().last.unwrap();
        for (damaged, folder, other) in [(compacted, 0, plain), (plain, 1, compacted)] {
            let folder = std::path::Path::new(DATA).join(format!("topic-{folder}"));
            for first_index in damaged.segment_indexes() {
                let before = visible(damaged);
                let mut check = damaged.check_segment(first_index).unwrap().unwrap();
                let id = damaged.entry(first_index).unwrap();
                let file = folder.join(format!("{:020}.log", id.base_offset));
                let Ok(bytes) = run.rig.disk.contents(&file) else {
                    continue;
                };
                if bytes.len() < 70 {
                    continue;
                }
                run.rig.disk.flip_bit(&file, 65, 2).unwrap();
                let Checked::Damaged(damage) = check.go_on(1 << 20).unwrap() else {
                    panic!("a flipped bit went unnoticed");
                };
                let frames = other.frames(damage.index, other.state().next_index, 900);
                let checked = frames
                    .unwrap()
                    .into_iter()
                    .map(|(meta, frame)| CheckedFrame::check(meta.id.index, frame).unwrap());
                let is_mended = check.mend(committed, checked.collect()).unwrap() > 0;
                if is_mended {
                    assert_eq!(run.rig.disk.contents(&file).unwrap(), bytes);
                    assert_eq!(visible(damaged), before);
                } else if repair(damaged, &damage, other, committed) {
                    repaired += 1;
                    assert_eq!(state(&visible(damaged)), state(&before));
                } else {
                    // only where it is written to
                    assert_eq!(damaged.segment_indexes().last(), Some(&first_index));
                    run.rig.disk.flip_bit(&file, 65, 2).unwrap();
                }
            }
        }
        run.check_entries();
        let end = plain.state().log_end_offset;
        run.check_reads(end);
        let run = run.reopen(|rig, logs| {
            drop(logs);
            rig.after_power_cut()
        });
        run.check();
    }
    assert!(repaired > 20, "{repaired}");
}

/// Has the damaged segment written anew with what another replica has.
fn repair(log: &Log, damage: &Damage, other: &Log, committed: LogId) -> bool {
    let Some(mut repair) = log.repair(damage).unwrap() else {
        return false;
    };
    while let Some(index) = repair.wanted() {
        let frames = other.frames(index, other.state().next_index, 400).unwrap();
        let checked = frames
            .into_iter()
            .map(|(meta, frame)| CheckedFrame::check(meta.id.index, frame).unwrap());
        if repair.add(committed, checked.collect()).unwrap() == 0 {
            break;
        }
    }
    repair.finish().unwrap()
}

#[test]
fn what_is_cut_is_compacted_again() {
    let mut run = Run::new(7);
    (0..100).for_each(|_| run.step());
    run.commit();
    let log = &run.logs[0];
    run.clean(1 << 20, i64::MAX).unwrap().unwrap();
    let compacted_to = log.compacted_to().unwrap();
    // an index in each frame, gaps and all
    for index in (5..log.state().next_index).rev().step_by(9) {
        log.truncate_after(Some(index)).unwrap();
        let state = log.state();
        assert!(state.next_index <= index + 1);
        assert!(log.compacted_to().unwrap() <= state.log_end_offset);
        let frames = log.frames(0, state.next_index, usize::MAX).unwrap();
        let covered: u64 = frames.iter().map(|(meta, _)| u64::from(meta.indexes)).sum();
        assert_eq!(covered, state.next_index);
    }
    assert!(log.compacted_to().unwrap() < compacted_to);
    let run = run.reopen(|rig, logs| {
        drop(logs);
        rig.after_power_cut()
    });
    let log = &run.logs[0];
    let state = log.state();
    assert!(log.compacted_to().unwrap() <= state.log_end_offset);
    for _ in 0..200 {
        let id = next_id(log, run.term + 1);
        if log.state().last.is_none_or(|last| last.term < id.term) {
            log.append_private(id, &Private::Blank);
        }
        accepted(append(log, batch(2, 40, NOW)));
    }
    commit(&run.rig, log);
    assert!(log.compaction_need(NOW, i64::MAX).unwrap().unwrap().is_due);
}

/// A pass over a log that has begun to write.
fn pass_under_way(run: &mut Run) -> Cleaning {
    (0..120).for_each(|_| run.step());
    run.commit();
    let log = &run.logs[0];
    let need = log.compaction_need(NOW, i64::MAX).unwrap().unwrap();
    let options = CleaningOptions {
        now_ms: NOW,
        memory_bytes: 1 << 20,
        load_factor: 0.5,
        settled: 0,
    };
    let mut pass = log.clean(need, options).unwrap();
    let busy = log.clean(need, options).err().map(|error| error.kind());
    assert_eq!(busy, Some(ErrorKind::ResourceBusy));
    while pass.cleaned().end == 0 {
        pass.go_on(500).unwrap().unwrap();
    }
    pass.go_on(500).unwrap().unwrap();
    pass
}

#[test]
fn a_pass_over_a_log_that_is_cut_or_closed_meanwhile_changes_nothing() {
    let mut run = Run::new(8);
    let mut pass = pass_under_way(&mut run);
    let log = &run.logs[0];
    log.truncate_after(Some(3)).unwrap();
    let left = read_all(log, 0, 1 << 20);
    while pass.go_on(500).unwrap().is_some() {}
    assert_eq!(read_all(log, 0, 1 << 20), left);

    let mut run = Run::new(8);
    let mut pass = pass_under_way(&mut run);
    let log = &run.logs[0];
    let left = read_all(log, 0, 1 << 20);
    log.close().unwrap();
    pass.go_on(500).unwrap_err();
    pass.go_on(500).unwrap_err();
    drop(pass);
    let run = run.reopen(Rig::restart);
    assert_eq!(read_all(&run.logs[0], 0, 1 << 20), left);
    let files = run.rig.files();
    assert!(files.iter().all(|name| !name.ends_with(".cleaned")));
}

#[test]
fn the_power_may_fail_at_any_moment_of_a_pass() {
    for seed in 200..201 {
        let before = |seed| {
            let mut run = Run::new(seed);
            (0..70).for_each(|_| run.step());
            run.commit();
            run
        };
        let run = before(seed);
        let begun = run.rig.disk.operations();
        run.clean(1 << 20, i64::MAX).unwrap().unwrap();
        let operations = run.rig.disk.operations() - begun;
        assert!(operations > 20, "{operations}");
        for cut_at in 1..=operations {
            let run = before(seed);
            run.rig.disk.cut_power_in(cut_at);
            run.clean(1 << 20, i64::MAX).unwrap_err();
            let run = run.reopen(|rig, logs| {
                drop(logs);
                rig.after_power_cut()
            });
            run.check();
            run.clean(1 << 20, i64::MAX).unwrap();
            run.check();
        }
    }
}
