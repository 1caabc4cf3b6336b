//! A leader that hands over to somebody who does not take it.

use ottla_platform::disk::{Disk, OpenMode};

use super::*;

/// The files of the only partition's log, as they are on a broker's disk now.
fn files_of(disk: &SimDisk) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let folder = Path::new(DATA).join("topic1-0");
    let names = disk.read_dir(&folder).unwrap().into_iter();
    let paths = names.map(|entry| folder.join(entry.name));
    let read = paths.map(|path| (path.clone(), disk.contents(&path).unwrap()));
    read.collect()
}

/// Has the log's files be what they were.
fn put_back(disk: &SimDisk, files: BTreeMap<std::path::PathBuf, Vec<u8>>) {
    for path in files_of(disk).into_keys() {
        disk.remove_file(&path).unwrap();
    }
    for (path, contents) in files {
        let file = disk.open(&path, OpenMode::Create).unwrap();
        file.write_all_at(&contents, 0).unwrap();
    }
}

/// An asynchronous flush and a power cut: the successor has less than it had told, and no other replica
/// votes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_comes_back_with_less_is_not_waited_for() {
    let mut rig = Rig::start(1).await;
    let leader = rig.leader(1).await;
    let others: Vec<i32> = ALL.into_iter().filter(|id| *id != leader).collect();
    let (successor, third) = (others[0], others[1]);
    rig.set_members(1, &[leader, successor]);
    rig.held_by(1, &[leader, successor]).await;
    rig.stop(third).await;
    rig.produce(1, "a").await;
    rig.frames(1).await;
    let before = files_of(&rig.disks[&successor]);
    rig.produce(1, "b").await;
    let told = rig.frames(1).await;

    // until all are told, so that nothing is sent to it again
    sleep(LOOKS).await;
    rig.stop(successor).await;
    let partition = &rig.nodes[&leader].partitions[&1];
    partition.transfer_to(NodeId(successor)).await;
    // it may have given up leading before anybody looks
    let in_vain = || partition.is_stuck_handing_over() || !partition.is_leader();
    until("it hands over in vain", || in_vain().then_some(())).await;
    put_back(&rig.disks[&successor], before);
    rig.restart(successor).await;

    rig.produce(1, "c").await;
    assert!(rig.frames(1).await.starts_with(&told));
}
