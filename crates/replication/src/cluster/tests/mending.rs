//! A replica whose disk has damaged what it holds.

use std::path::PathBuf;

use ottla_platform::disk::Disk;

use super::*;
use crate::scrub::ScrubPace;

/// A follower of three that holds so many records, stopped; the next start reads its whole log.
async fn with_a_follower_stopped(records: usize) -> (Rig, i32, Vec<Frame>) {
    let mut rig = Rig::start(1).await;
    let leader = rig.leader(1).await;
    for number in 0..records {
        rig.produce(1, &format!("record {number}")).await;
    }
    let frames = rig.frames(1).await;
    let follower = ALL.into_iter().find(|id| *id != leader).unwrap();
    rig.stop(follower).await;
    let end = Path::new(DATA).join("topic1-0").join("clean.end");
    rig.disks[&follower].remove_file(&end).unwrap();
    (rig, follower, frames)
}

fn log_of(rig: &Rig, id: i32) -> PathBuf {
    let folder = Path::new(DATA).join("topic1-0");
    let files = rig.disks[&id].read_dir(&folder).unwrap().into_iter();
    let mut logs = files
        .map(|file| file.name)
        .filter(|name| name.ends_with(".log"));
    folder.join(logs.next().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_has_damaged_it_has_from_another() {
    let (mut rig, follower, frames) = with_a_follower_stopped(40).await;
    let log = log_of(&rig, follower);
    let before = rig.disks[&follower].contents(&log).unwrap();
    for byte in [70, 1_000, 2_000] {
        rig.disks[&follower].flip_bit(&log, byte, 3).unwrap();
    }
    rig.produce(1, "later").await;
    rig.restart(follower).await;
    let after = rig.frames(1).await;
    assert!(after.starts_with(&frames) && after.len() > frames.len());
    let now = rig.disks[&follower].contents(&log).unwrap();
    assert!(now.starts_with(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_damaged_what_nobody_can_tell_takes_part_in_nothing() {
    let (mut rig, follower, _) = with_a_follower_stopped(10).await;
    let log = log_of(&rig, follower);
    rig.disks[&follower].flip_bit(&log, 70, 3).unwrap();
    let before = rig.disks[&follower].contents(&log).unwrap();
    for id in ALL.into_iter().filter(|id| *id != follower) {
        rig.stop(id).await;
    }
    let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
    rig.groups = 0;
    rig.run(follower, listener, None).await;
    let node = &rig.nodes[&follower];
    let mut spec = rig.spec(1);
    spec.beginning = Beginning::Continues;
    let Err(error) = node.groups.open(spec).await else {
        panic!("a damaged replica takes part");
    };
    assert!(error.is_passing(), "{error}");
    assert_eq!(rig.disks[&follower].contents(&log).unwrap(), before);
}

/// Looks after the log of a broker that runs.
fn scrub(rig: &Rig, id: i32, bytes_per_second: u64) -> tokio::task::JoinHandle<()> {
    let pace = ScrubPace {
        interval: Duration::from_millis(50),
        bytes_per_second,
    };
    tokio::spawn(rig.nodes[&id].groups.scrubber().run(pace))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_disk_loses_while_its_log_is_open_is_found_and_mended() {
    let (mut rig, follower, _) = with_a_follower_stopped(40).await;
    rig.restart(follower).await;
    rig.frames(1).await;
    let log = log_of(&rig, follower);
    let before = rig.disks[&follower].contents(&log).unwrap();
    let scrubbing = scrub(&rig, follower, 100 << 20);
    // records, a leader epoch, a length, an offset
    for byte in [70, 12 + 75, 1_000, 75 + 9, 75 + 3] {
        rig.disks[&follower].flip_bit(&log, byte, 3).unwrap();
        let is_mended = || {
            let now = rig.disks[&follower].contents(&log).unwrap();
            (now[..before.len()] == before).then_some(())
        };
        until("what was lost is mended", is_mended).await;
    }
    scrubbing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_sends_what_it_had_lost_when_it_is_mended() {
    let mut rig = Rig::start(1).await;
    let leader = rig.leader(1).await;
    let late = ALL.into_iter().find(|id| *id != leader).unwrap();
    rig.stop(late).await;
    for number in 0..40 {
        rig.produce(1, &format!("record {number}")).await;
    }
    let others = ALL.into_iter().filter(|id| *id != late);
    let others: Vec<i32> = others.collect();
    for id in &others {
        rig.stop(*id).await;
    }
    for id in &others {
        rig.restart(*id).await;
    }
    rig.produce(1, "after the restart").await;
    let leader = rig.leader(1).await;
    let partition = rig.nodes[&leader].partitions[&1].clone();
    let log = log_of(&rig, leader);
    rig.disks[&leader].flip_bit(&log, 1_030, 3).unwrap();
    let end = partition.watermarks().high_watermark;
    let read = |offset| partition.read(offset, 1, true, Isolation::ReadUncommitted);
    let is_refused = |offset: i64| read(offset).is_err();
    assert!((0..end).any(is_refused), "nobody is given what is damaged");
    // nobody looks for damage; it is told
    let scrubbing = scrub(&rig, leader, 0);
    rig.restart(late).await;
    let frames = rig.frames(1).await;
    assert!(frames.len() > 40);
    assert!(!(0..end).any(is_refused));
    scrubbing.abort();
}
