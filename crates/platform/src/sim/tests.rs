//! What the simulated disk promises, and what it takes away.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::SimDisk;
use crate::disk::{Disk, DiskFile, OpenMode};

fn write(disk: &SimDisk, path: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.open(Path::new(path), OpenMode::Create).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

#[test]
fn a_file_survives_only_if_it_and_its_name_were_synced() {
    let mut lost = 0;
    for seed in 0..50 {
        let disk = SimDisk::new(seed);
        write(&disk, "kept", b"1").sync_data().unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        write(&disk, "nameless", b"2").sync_data().unwrap();
        disk.power_on();
        assert_eq!(disk.contents(Path::new("kept")).unwrap(), b"1");
        lost += u32::from(disk.contents(Path::new("nameless")).is_err());
    }
    assert!((1..50).contains(&lost), "{lost} of 50 lost");
}

#[test]
fn a_rename_that_was_not_synced_may_be_undone_but_not_half_done() {
    let mut undone = 0;
    for seed in 0..50 {
        let disk = SimDisk::new(seed);
        write(&disk, "old", b"1").sync_data().unwrap();
        write(&disk, "new", b"2").sync_data().unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        disk.rename(Path::new("old"), Path::new("new")).unwrap();
        disk.power_on();
        let old = disk.contents(Path::new("old")).ok();
        let new = disk.contents(Path::new("new")).unwrap();
        match (old.as_deref(), &new[..]) {
            (Some(b"1"), b"2") => undone += 1,
            (None, b"1") => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..50).contains(&undone), "{undone} of 50 undone");
}

#[test]
fn after_the_power_failed_everything_fails_until_it_is_back() {
    let disk = SimDisk::new(1);
    let file = write(&disk, "f", b"abc");
    disk.set_faults(|faults| faults.power_cut_at = Some(3));
    file.write_all_at(b"def", 3).unwrap_err();
    file.read_exact_at(&mut [0], 0).unwrap_err();
    disk.open(Path::new("f"), OpenMode::Read).unwrap_err();
    disk.power_on();
    file.len().unwrap_err();
    write(&disk, "g", b"works again");
}

#[test]
fn a_failed_sync_loses_data_even_if_the_next_one_succeeds() {
    let disk = SimDisk::new(1);
    let file = write(&disk, "f", b"abc");
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    file.write_all_at(b"xyz", 0).unwrap();
    disk.set_faults(|faults| faults.sync_fails_after = Some(0));
    file.sync_data().unwrap_err();
    disk.set_faults(|faults| faults.sync_fails_after = None);
    file.sync_data().unwrap();
    disk.power_on();
    assert_eq!(disk.contents(Path::new("f")).unwrap(), b"abc");
}

#[test]
fn space_runs_out_at_allocation_and_comes_back_with_removal() {
    let disk = SimDisk::new(1);
    disk.set_faults(|faults| faults.capacity_bytes = Some(1_000));
    let file = write(&disk, "f", &[0; 600]);
    let error = file.allocate(600, 401).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    file.allocate(600, 400).unwrap();
    assert_eq!(disk.free_bytes(Path::new("f")).unwrap(), 0);
    assert_eq!(file.len().unwrap(), 600);
    disk.remove_file(Path::new("f")).unwrap();
    assert_eq!(disk.free_bytes(Path::new("f")).unwrap(), 1_000);
}

#[test]
fn a_mapping_sees_what_is_appended_and_outlives_the_name() {
    let disk = SimDisk::new(1);
    let file = write(&disk, "f", b"abc");
    let mapping = file.map(100).unwrap();
    file.write_all_at(b"def", 3).unwrap();
    disk.remove_file(Path::new("f")).unwrap();
    assert_eq!(&mapping.slice(2, 3).unwrap()[..], b"cde");
}

#[test]
fn a_lock_is_free_again_after_drop_or_restart() {
    let disk = SimDisk::new(1);
    let path = Path::new("lock");
    let lock = disk.lock(path).unwrap();
    assert_eq!(
        disk.lock(path).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    drop(lock);
    let before = disk.lock(path).unwrap();
    disk.restart_process();
    let _after = disk.lock(path).unwrap();
    drop(before);
    disk.lock(path).unwrap_err();
}

#[test]
fn folders_are_renamed_with_what_they_hold() {
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new("a/b")).unwrap();
    write(&disk, "a/b/f", b"1");
    disk.rename(Path::new("a/b"), Path::new("a/c")).unwrap();
    assert_eq!(disk.contents(Path::new("a/c/f")).unwrap(), b"1");
    let names = disk.read_dir(Path::new("a")).unwrap();
    assert_eq!(names.len(), 1);
    assert!(names[0].is_dir && names[0].name == "c");
    disk.remove_dir_all(Path::new("a/c")).unwrap();
    disk.remove_dir_all(Path::new("a/c")).unwrap();
    assert_eq!(disk.state.lock().tree.find(Path::new("a/c")), None);
}
