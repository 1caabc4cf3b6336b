//! Files beside the frames that a disk flips bits of or does not give any more: what can be made from the frames
//! is made anew, at a start or while the log is open.

use ottla_platform::disk::Disk;
use ottla_platform::seed::Random;
use ottla_storage::{Checked, Log, OnDamage};

use crate::damage::reopened;
use crate::faults::{killed, logs_of, open};
use crate::support::*;
use crate::transactions::{end, send};

/// All files but the logs, and what they hold.
fn files_beside(rig: &Rig) -> Vec<(String, Vec<u8>)> {
    let files = rig.files().into_iter();
    let beside = files.filter(|it| !it.ends_with(".log"));
    let contents = |it: String| {
        let bytes = rig.disk.contents(&rig.path(&it)).unwrap();
        (it, bytes)
    };
    beside.map(contents).collect()
}

/// A log of several segments with transactions of which some were aborted, open again after an orderly end.
fn with_transactions() -> (Rig, Log) {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    for n in 0..40 {
        send(&log, n % 3, n as i32 / 3 * 2);
        if n % 7 == 6 {
            end(&log, n % 3, n % 2 == 0);
        }
    }
    (0..3).for_each(|producer| _ = end(&log, producer, producer == 1));
    (0..20).for_each(|_| _ = accepted(append(&log, batch(2, 60, NOW))));
    commit(&rig, &log);
    let rig = rig.restart(vec![log]);
    let log = rig.log(&small());
    (rig, log)
}

/// Reads all segments, which are good.
pub(crate) fn look_through(log: &Log) {
    for first_index in log.segment_indexes() {
        let mut check = log.check_segment(first_index).unwrap().unwrap();
        while check.go_on(300).unwrap() == Checked::More {}
        assert_eq!(check.go_on(300).unwrap(), Checked::End);
    }
}

fn damage(rig: &Rig, name: &str, random: &mut Random) {
    let path = rig.path(name);
    let len = rig.disk.contents(&path).unwrap().len() as u64;
    match (len, random.below(3)) {
        (0, _) => {}
        (_, 0) => rig.disk.lose_sector(&path, random.below(len)).unwrap(),
        (_, 1) => {
            let (byte, bit) = (random.below(len), random.below(8) as u32);
            rig.disk.flip_bit(&path, byte, bit).unwrap();
        }
        _ => rig.disk.remove_file(&path).unwrap(),
    }
}

#[test]
fn a_check_writes_nothing_where_nothing_is_damaged() {
    let rig = killed(1, &small());
    let recovered = open(&rig, OnDamage::Refuse).unwrap().0;
    for (rig, log) in [reopened(), with_transactions(), (rig, recovered)] {
        rig.disk
            .set_faults(|faults| faults.capacity_bytes = Some(1));
        look_through(&log);
    }
}

#[test]
fn a_check_of_an_open_log_writes_damaged_indexes_and_boundaries_anew() {
    let mut random = Random::new(31);
    for _ in 0..60 {
        let (rig, log) = with_transactions();
        let whole = files_beside(&rig);
        let end_offset = log.state().log_end_offset;
        let aborted = log.aborted_transactions(0, end_offset).unwrap();
        assert!(aborted.len() > 2);
        let last = logs_of(&rig).pop().unwrap();
        let last = last.trim_end_matches(".log");
        let ended = whole.iter().map(|(name, _)| name);
        let endings = ["index", ".boundary"];
        let ended: Vec<&String> = ended
            .filter(|it| endings.iter().any(|end| it.ends_with(end)) && !it.starts_with(last))
            .collect();
        for _ in 0..1 + random.below(3) {
            damage(
                &rig,
                ended[random.below(ended.len() as u64) as usize],
                &mut random,
            );
        }
        // one pass may need the boundary that another makes
        look_through(&log);
        look_through(&log);
        for (name, bytes) in whole {
            let now = rig.disk.contents(&rig.path(&name)).unwrap();
            assert!(now == bytes, "{name}");
        }
        assert_eq!(log.aborted_transactions(0, end_offset).unwrap(), aborted);
    }
}

#[test]
fn a_start_does_without_any_file_beside_the_frames() {
    let mut random = Random::new(32);
    let reference = killed(1, &small());
    let log = reference.log(&small());
    let whole = (
        read_all(&log, 0, 500),
        log.frames(0, 40, usize::MAX).unwrap(),
    );
    for _ in 0..60 {
        let rig = killed(1, &small());
        let names: Vec<String> = files_beside(&rig).into_iter().map(|(it, _)| it).collect();
        let name = &names[random.below(names.len() as u64) as usize];
        if name == "partition.metadata" {
            continue;
        }
        damage(&rig, name, &mut random);
        let (log, _) = open(&rig, OnDamage::Refuse).unwrap();
        let now = (
            read_all(&log, 0, 500),
            log.frames(0, 40, usize::MAX).unwrap(),
        );
        assert!(now == whole, "{name}");
        accepted(append(&log, batch(2, 60, NOW)));
        commit(&rig, &log);
        let rig = rig.restart(vec![log]);
        let (log, recovered) = open(&rig, OnDamage::Refuse).unwrap();
        assert!(recovered.clean, "{name}");
        assert_eq!(log.state().log_end_offset, 82);
    }
}

#[test]
fn a_start_reads_the_frames_where_aborted_transactions_are_not_legible() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    for n in 0..9 {
        send(&log, 1, n * 2);
        end(&log, 1, n % 2 == 0);
    }
    commit(&rig, &log);
    let end_offset = log.state().log_end_offset;
    let aborted = log.aborted_transactions(0, end_offset).unwrap();
    let name = logs_of(&rig).pop().unwrap().replace(".log", ".txnindex");
    let rig = rig.restart(vec![log]);
    let whole = rig.disk.contents(&rig.path(&name)).unwrap();
    rig.disk.lose_sector(&rig.path(&name), 0).unwrap();
    let (log, recovered) = open(&rig, OnDamage::Refuse).unwrap();
    assert!(!recovered.clean && recovered.scanned_bytes > 0);
    assert_eq!(log.aborted_transactions(0, end_offset).unwrap(), aborted);
    assert!(rig.disk.contents(&rig.path(&name)).unwrap() == whole);
}

#[test]
fn an_index_of_no_transactions_that_cannot_be_read_is_refused_until_it_is_put_right() {
    let (rig, log) = reopened();
    let first = rig.path(&logs_of(&rig)[0].replace(".log", ".txnindex"));
    let file = rig
        .disk
        .open(&first, ottla_platform::disk::OpenMode::Create)
        .unwrap();
    file.write_all_at(&[1; 34], 0).unwrap();
    rig.disk.lose_sector(&first, 0).unwrap();
    log.aborted_transactions(0, 3).unwrap_err();
    look_through(&log);
    assert!(log.aborted_transactions(0, 3).unwrap().is_empty());
}

#[test]
fn a_disk_that_fails_under_an_index_fails_the_directory() {
    let (rig, log) = reopened();
    let first = rig.path(&logs_of(&rig)[0].replace(".log", ".index"));
    rig.disk.remove_file(&first).unwrap();
    rig.disk
        .set_faults(|faults| faults.sync_fails_after = Some(0));
    let first_index = log.segment_indexes()[0];
    let mut check = log.check_segment(first_index).unwrap().unwrap();
    check.go_on(u64::MAX).unwrap_err();
    assert_eq!(rig.failures.lock().len(), 1);
}

#[test]
fn a_folder_whose_owner_is_not_legible_is_left_alone() {
    let rig = killed(1, &small());
    rig.disk
        .lose_sector(&rig.path("partition.metadata"), 0)
        .unwrap();
    let before = rig.files();
    let error = open(&rig, OnDamage::Cut).err().unwrap().to_string();
    assert!(error.contains("partition.metadata is damaged"), "{error}");
    assert_eq!(rig.files(), before);
}

#[test]
fn votes_are_in_doubt_where_the_disk_does_not_give_the_journal() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    accepted(append(&log, batch(2, 60, NOW)));
    commit(&rig, &log);
    let answer = Answer::default();
    log.save_vote(bytes::Bytes::from_static(b"vote"), answer.done());
    rig.settle();
    assert!(answer.is_ok());
    drop((log, rig.dir));
    rig.disk.restart_process();
    let journal = &std::path::Path::new(DATA).join("state.journal");
    let len = rig.disk.contents(journal).unwrap().len() as u64;
    rig.disk.lose_sector(journal, len - 1).unwrap();
    let rig = Rig::open(rig.disk).unwrap();
    assert!(open(&rig, OnDamage::Refuse).unwrap().1.vote_in_doubt);
}
