//! Replicas of which some are compacted.

use std::collections::BTreeMap;

use ottla_protocol::records::Batches;
use ottla_storage::Checked;

use super::*;
use crate::cleaner::CleanerPace;

/// Small segments, compacted as soon as there is anything.
fn compacted() -> LogConfig {
    LogConfig {
        compact: true,
        segment_bytes: 2_000,
        min_cleanable_dirty_ratio: 0.0,
        delete_retention_ms: 0,
        file_delete_delay_ms: 0,
        ..LogConfig::default()
    }
}

fn record(key: u64, value: Option<&str>) -> CheckedBatch {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(7, Some(&key.to_be_bytes()), value.map(str::as_bytes), &[]);
    CheckedBatch::trusted(builder.build().unwrap())
}

/// Looks after the logs of a broker that runs.
fn clean(rig: &Rig, id: i32) -> tokio::task::JoinHandle<()> {
    let pace = CleanerPace {
        threads: 1,
        backoff: Duration::from_millis(10),
        bytes_per_second: f64::MAX,
        memory_bytes: 1 << 20,
        load_factor: 0.9,
    };
    let node = &rig.nodes[&id];
    let partitions: Vec<Partition> = node.partitions.values().cloned().collect();
    tokio::spawn(node.groups.cleaner(pace).run(move || partitions.clone()))
}

/// What a replica has: offset → key and value.
fn records(partition: &Partition) -> BTreeMap<i64, (Vec<u8>, Option<Vec<u8>>)> {
    let (mut found, mut from) = (BTreeMap::new(), 0);
    loop {
        let read = partition.read(from, 1 << 20, true, Isolation::ReadUncommitted);
        let records = read.unwrap().records;
        if records.next_offset <= from {
            return found;
        }
        for batch in records.slices.into_iter().flat_map(Batches) {
            for record in batch.unwrap().records(1 << 20).unwrap() {
                let record = record.unwrap();
                let value = record.value.map(|value| value.to_vec());
                found.insert(record.offset, (record.key.unwrap().to_vec(), value));
            }
        }
        from = records.next_offset;
    }
}

fn values(partition: &Partition) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut values = BTreeMap::new();
    for (key, value) in records(partition).into_values() {
        match value {
            Some(value) => _ = values.insert(key, value),
            None => _ = values.remove(&key),
        }
    }
    values
}

async fn write(partition: &Partition, keys: u64, rounds: u64) {
    for round in 0..rounds {
        for key in 0..keys {
            let value = format!("{key} in round {round}");
            let ticket = partition.propose(record(key, Some(&value)), None);
            ticket.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newcomers_get_what_is_left_and_lead_with_it() {
    let mut rig = Rig::start(0).await;
    rig.begin_with_one().await;
    for node in rig.nodes.values() {
        node.partitions[&1].log().set_config(compacted());
    }
    let first = rig.nodes[&1].partitions[&1].clone();
    until("it leads", || first.is_leader().then_some(())).await;
    write(&first, 10, 40).await;
    let cleaning = clean(&rig, 1);
    until("most is gone", || {
        (records(&first).len() < 60).then_some(())
    })
    .await;
    cleaning.abort();
    rig.set_members(1, &ALL);
    rig.held_by(1, &ALL).await;
    let has_all = |id: i32| {
        let partition = &rig.nodes[&id].partitions[&1];
        let end = first.log().state().next_index;
        let is_complete = partition.log().state().next_index == end;
        (is_complete && values(partition) == values(&first)).then_some(())
    };
    for id in [2, 3] {
        until("it has the same", || has_all(id)).await;
        assert!(records(&rig.nodes[&id].partitions[&1]).len() < 100);
    }
    rig.stop(1).await;
    let leader = rig.leader(1).await;
    let partition = &rig.nodes[&leader].partitions[&1];
    write(partition, 3, 1).await;
    assert_eq!(values(partition).len(), 10);
    let end = partition.watermarks().log_end_offset;
    assert_eq!(end, 400 + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tombstones_go_when_all_replicas_have_compacted_what_they_delete() {
    let (rig, leader, partition) = three().await;
    write(&partition, 10, 5).await;
    for key in 0..5 {
        let ticket = partition.propose(record(key, None), None);
        ticket.await.unwrap();
    }
    let mut cleaning = vec![clean(&rig, leader)];
    let deleted = |partition: &Partition| {
        let records = records(partition).into_values();
        records.filter(|(_, value)| value.is_none()).count()
    };
    // each time there is something new to look at
    let more = |n: u64| {
        let partition = partition.clone();
        async move {
            for key in 0..60 {
                let ticket = partition.propose(record(100 + key % 7, Some(&n.to_string())), None);
                ticket.await.unwrap();
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    for n in 0..10 {
        more(n).await;
    }
    let is_compacted = || (records(&partition).len() < 100).then_some(());
    until("the leader is compacted", is_compacted).await;
    assert_eq!(deleted(&partition), 5);
    let others = ALL.into_iter().filter(|id| *id != leader);
    cleaning.extend(others.map(|id| clean(&rig, id)));
    let deadline = Instant::now() + DEADLINE;
    let all_gone = || {
        let mut nodes = rig.nodes.values();
        nodes.all(|node| deleted(&node.partitions[&1]) == 0)
    };
    let mut n = 10;
    while !all_gone() {
        assert!(Instant::now() < deadline, "tombstones are there still");
        more(n).await;
        n += 1;
    }
    let same = || {
        let mut nodes = rig.nodes.values();
        let expected = values(&partition);
        nodes
            .all(|node| values(&node.partitions[&1]) == expected)
            .then_some(())
    };
    until("all come to the same", same).await;
    assert_eq!(values(&partition).len(), 5 + 7);
    cleaning.iter().for_each(|task| task.abort());
}

/// Three replicas of what is to be compacted; who leads, and its replica.
async fn three() -> (Rig, i32, Partition) {
    let rig = Rig::start(1).await;
    for node in rig.nodes.values() {
        node.partitions[&1].log().set_config(compacted());
    }
    let leader = rig.leader(1).await;
    let partition = rig.nodes[&leader].partitions[&1].clone();
    (rig, leader, partition)
}

/// Whether nothing that the log has on disk is damaged.
fn is_whole(partition: &Partition) -> bool {
    let log = partition.log();
    let mut indexes = log.segment_indexes().into_iter();
    indexes.all(|first_index| {
        let Ok(Some(mut check)) = log.check_segment(first_index) else {
            return false;
        };
        matches!(check.go_on(u64::MAX), Ok(Checked::End))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_compacted_replica_has_lost_is_written_anew_from_another() {
    let (rig, leader, partition) = three().await;
    write(&partition, 10, 40).await;
    let follower = ALL.into_iter().find(|id| *id != leader).unwrap();
    let cleaning = clean(&rig, follower);
    let damaged = rig.nodes[&follower].partitions[&1].clone();
    let has_all = || (values(&damaged) == values(&partition)).then_some(());
    until("the follower knows that all is committed", has_all).await;
    let is_compacted = || (records(&damaged).len() < 60).then_some(());
    until("most is gone", is_compacted).await;
    cleaning.abort();
    let values_before = values(&damaged);
    let first = damaged.log().segment_indexes()[0];
    let base_offset = damaged.log().entry(first).unwrap().base_offset;
    let folder = Path::new(DATA).join("topic1-0");
    let file = folder.join(format!("{base_offset:020}.log"));
    let len = rig.disks[&follower].contents(&file).unwrap().len() as u64;
    for byte in [90, len / 2, len - 5] {
        rig.disks[&follower].flip_bit(&file, byte, 3).unwrap();
    }
    assert!(!is_whole(&damaged));
    let pace = crate::ScrubPace {
        interval: Duration::from_millis(50),
        bytes_per_second: 100 << 20,
    };
    let scrubbing = tokio::spawn(rig.nodes[&follower].groups.scrubber().run(pace));
    until("it is whole", || is_whole(&damaged).then_some(())).await;
    assert_eq!(values(&damaged), values_before);
    scrubbing.abort();
}
