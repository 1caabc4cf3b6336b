//! A group of one, from birth through restarts to deletion, on the simulated disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ottla_platform::disk::Disk;
use ottla_platform::sim::SimDisk;
use ottla_protocol::records::{BatchBuilder, Batches, CheckedBatch, Compression, ProducerStamp};
use ottla_protocol::types::{NodeId, TopicId};
use ottla_storage::{Condition, LogConfig, LogDir, ReadError, Rejection};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::cleaner::CleanerPace;
use crate::scrub::ScrubPace;
use crate::testing::{format, manual_clock, open};
use crate::{
    AppendError, Beginning, Groups, Isolation, OpenError, Partition, PartitionSpec, ReplicaKey,
    Waiter,
};

const DATA: &str = "/data";

struct Rig {
    disk: Arc<dyn Disk>,
    groups: Groups,
    dir: LogDir,
}

impl Rig {
    fn new() -> Rig {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
        format(disk.as_ref(), Path::new(DATA), Uuid::from_u128(7));
        Rig::on(disk)
    }

    fn on(disk: Arc<dyn Disk>) -> Rig {
        let dir = open(disk.clone(), Path::new(DATA));
        let groups = Groups::new(NodeId(1), dir.clone(), manual_clock(), None);
        Rig { disk, groups, dir }
    }

    async fn open(&self) -> Partition {
        self.groups.open(spec()).await.unwrap()
    }

    /// Closes everything in order and starts again.
    async fn restart(self, partition: Partition) -> (Rig, Partition) {
        self.groups.close(partition).await.unwrap();
        self.dir.close().unwrap();
        let rig = Rig::on(self.disk);
        let mut spec = spec();
        spec.beginning = Beginning::Continues;
        let partition = rig.groups.open(spec).await.unwrap();
        (rig, partition)
    }
}

const ME: ReplicaKey = ReplicaKey {
    node: NodeId(1),
    directory: Uuid::from_u128(7),
};

fn spec() -> PartitionSpec {
    PartitionSpec {
        topic: "events".into(),
        partition: 0,
        topic_id: TopicId(Uuid::from_u128(5)),
        group_id: 9,
        replicas: vec![ME],
        beginning: Beginning::Founds(vec![ME]),
        config: LogConfig {
            segment_bytes: 4096,
            ..LogConfig::default()
        },
    }
}

fn batch(records: usize) -> CheckedBatch {
    let mut builder = BatchBuilder::new(Compression::None);
    for number in 0..records {
        builder.push(number as i64, None, Some(&[7; 100]), &[]);
    }
    CheckedBatch::trusted(builder.build().unwrap())
}

fn stamped(producer_epoch: i16, base_sequence: i32) -> CheckedBatch {
    let mut builder = BatchBuilder::new(Compression::None).with_producer(ProducerStamp {
        producer_id: 4,
        producer_epoch,
        base_sequence,
        transactional: false,
    });
    builder.push(0, None, Some(b"v"), &[]);
    CheckedBatch::trusted(builder.build().unwrap())
}

async fn append(partition: &Partition, batch: CheckedBatch) -> Result<i64, AppendError> {
    let ticket = partition.propose(batch, None);
    ticket.await.map(|appended| appended.base_offset)
}

/// Base offsets of all batches from `offset` on; a read ends with its segment, so there are some.
fn read_offsets(partition: &Partition, mut offset: i64) -> Vec<i64> {
    let mut found = Vec::new();
    loop {
        let read = partition.read(offset, 1 << 20, true, Isolation::ReadUncommitted);
        let records = read.unwrap().records;
        if records.slices.is_empty() {
            return found;
        }
        offset = records.next_offset;
        for batch in Batches(records.slices.concat().into()) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            found.push(batch.header.base_offset);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_get_consecutive_offsets_and_are_readable_once_acknowledged() {
    let rig = Rig::new();
    let partition = rig.open().await;
    assert!(partition.is_leader());
    assert_eq!(partition.leader(), Some(NodeId(1)));
    let tickets: Vec<_> = (0..50).map(|_| partition.propose(batch(2), None)).collect();
    for (number, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(ticket.await.unwrap().base_offset, number as i64 * 2);
    }
    let marks = partition.watermarks();
    assert_eq!((marks.log_start_offset, marks.high_watermark), (0, 100));
    assert_eq!(marks.last_stable_offset, 100);
    let offsets = read_offsets(&partition, 33);
    assert_eq!(offsets, (16..50).map(|n| n * 2).collect::<Vec<_>>());
    assert!(read_offsets(&partition, 100).is_empty());
    let beyond = partition.read(101, 100, true, Isolation::ReadUncommitted);
    assert!(matches!(beyond, Err(ReadError::OffsetOutOfRange { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_records_and_raises_the_epoch() {
    let rig = Rig::new();
    let mut partition = rig.open().await;
    let mut rig = rig;
    let first_epoch = partition.leader_epoch();
    for round in 0..3 {
        assert_eq!(append(&partition, batch(3)).await, Ok(round * 3));
        (rig, partition) = rig.restart(partition).await;
        assert_eq!(partition.watermarks().high_watermark, (round + 1) * 3);
    }
    assert!(partition.leader_epoch() >= first_epoch + 3);
    assert_eq!(read_offsets(&partition, 0), vec![0, 3, 6]);
    drop(rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_succeed_with_the_first_offset_also_after_a_restart() {
    let rig = Rig::new();
    let partition = rig.open().await;
    assert_eq!(append(&partition, stamped(0, 0)).await, Ok(0));
    assert_eq!(append(&partition, stamped(0, 1)).await, Ok(1));
    assert_eq!(append(&partition, stamped(0, 0)).await, Ok(0));
    let (_rig, partition) = rig.restart(partition).await;
    assert_eq!(append(&partition, stamped(0, 1)).await, Ok(1));
    assert_eq!(append(&partition, stamped(0, 2)).await, Ok(2));
    let skipped = append(&partition, stamped(0, 5)).await;
    assert!(matches!(
        skipped,
        Err(AppendError::Rejected(Rejection::OutOfOrderSequence {
            expected: 3,
            found: 5,
            ..
        }))
    ));
    assert_eq!(append(&partition, stamped(1, 0)).await, Ok(3));
    let stale = append(&partition, stamped(0, 3)).await;
    assert!(matches!(
        stale,
        Err(AppendError::Rejected(Rejection::StaleProducerEpoch { .. }))
    ));
    assert_eq!(partition.watermarks().high_watermark, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_of_one_duplicate_twice_is_one_record() {
    let rig = Rig::new();
    let partition = rig.open().await;
    let tickets: Vec<_> = (0..3)
        .map(|_| partition.propose(stamped(0, 0), None))
        .collect();
    for ticket in tickets {
        assert_eq!(ticket.await.unwrap().base_offset, 0);
    }
    assert_eq!(partition.watermarks().log_end_offset, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_fails_voids_what_follows_it() {
    let rig = Rig::new();
    let partition = rig.open().await;
    let expecting = |base_offset| {
        Some(Condition {
            base_offset: Some(base_offset),
            ..Condition::default()
        })
    };
    let good = partition.propose(batch(1), expecting(0));
    let wrong = partition.propose(batch(1), expecting(7));
    let after = partition.propose(batch(1), expecting(8));
    assert_eq!(good.await.unwrap().base_offset, 0);
    for ticket in [wrong, after] {
        let failed = Err(AppendError::Rejected(Rejection::ConditionFailed));
        assert_eq!(ticket.await, failed);
    }
    assert_eq!(append(&partition, batch(1)).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_records_stay_deleted_and_their_space_is_purged() {
    let rig = Rig::new();
    let partition = rig.open().await;
    for _ in 0..100 {
        append(&partition, batch(10)).await.unwrap();
    }
    let size = partition.log().size_bytes();
    assert_eq!(partition.delete_records(700).await.unwrap(), 700);
    assert_eq!(partition.delete_records(300).await.unwrap(), 700);
    assert!(partition.delete_records(1001).await.is_err());
    let below = partition.read(699, 100, true, Isolation::ReadUncommitted);
    assert!(matches!(below, Err(ReadError::OffsetOutOfRange { .. })));
    assert!(partition.purge().await.unwrap());
    let mut tries = 0;
    while partition.log().size_bytes() > size / 2 {
        tries += 1;
        assert!(tries < 1000, "the purge never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (_rig, partition) = rig.restart(partition).await;
    let marks = partition.watermarks();
    assert_eq!((marks.log_start_offset, marks.high_watermark), (700, 1000));
    assert_eq!(read_offsets(&partition, 700)[0], 700);
    assert_eq!(append(&partition, batch(1)).await, Ok(1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_records_can_be_deleted_and_offsets_go_on() {
    let rig = Rig::new();
    let partition = rig.open().await;
    for _ in 0..5 {
        append(&partition, batch(10)).await.unwrap();
    }
    assert_eq!(partition.delete_records(50).await.unwrap(), 50);
    while partition.purge().await.unwrap() {}
    let (_rig, partition) = rig.restart(partition).await;
    assert_eq!(partition.watermarks().log_start_offset, 50);
    assert_eq!(append(&partition, batch(1)).await, Ok(50));
    assert_eq!(read_offsets(&partition, 50), vec![50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_are_woken_by_commits() {
    let rig = Rig::new();
    let partition = rig.open().await;
    let waiter = Waiter::new();
    let _registration = partition.register(&waiter);
    let ticket = partition.propose(batch(1), None);
    waiter.moved().await;
    assert_eq!(ticket.await.unwrap().base_offset, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_log_is_not_begun_anew() {
    let rig = Rig::new();
    let mut lost = spec();
    lost.beginning = Beginning::Continues;
    let result = rig.groups.open(lost).await;
    assert!(matches!(result, Err(OpenError::Lost)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_partition_makes_room_for_one_of_the_same_name() {
    let rig = Rig::new();
    let partition = rig.open().await;
    append(&partition, batch(1)).await.unwrap();
    rig.groups.delete(partition).await.unwrap();
    let mut anew = spec();
    (anew.topic_id, anew.group_id) = (TopicId(Uuid::from_u128(6)), 10);
    let partition = rig.groups.open(anew).await.unwrap();
    assert_eq!(partition.watermarks().log_end_offset, 0);
}

/// With 200 batches in segments of 4 KiB, of ten keys.
async fn small_segments(rig: &Rig) -> Partition {
    let mut spec = spec();
    spec.config.compact = true;
    spec.config.min_cleanable_dirty_ratio = 0.0;
    let partition = rig.groups.open(spec).await.unwrap();
    for number in 0..200u8 {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(0, Some(&[number % 10]), Some(&[number; 100]), &[]);
        let batch = CheckedBatch::trusted(builder.build().unwrap());
        append(&partition, batch).await.unwrap();
    }
    partition
}

/// How long it takes until so many bytes were counted, on a clock that goes on only while everyone sleeps.
async fn time_until(bytes: u64, counted: impl Fn() -> u64) -> Duration {
    let begun = Instant::now();
    while counted() < bytes {
        sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn compaction_is_no_faster_than_it_may() {
    let rig = Rig::new();
    let partition = small_segments(&rig).await;
    let pace = CleanerPace {
        threads: 1,
        backoff: Duration::from_millis(10),
        bytes_per_second: 1_000.0,
        memory_bytes: 1 << 20,
        load_factor: 0.9,
    };
    let cleaner = rig.groups.cleaner(pace);
    let stats = cleaner.stats();
    tokio::time::pause();
    let running = tokio::spawn(cleaner.run(move || vec![partition.clone()]));
    let took = time_until(20_000, || stats.read_bytes.load(Ordering::Relaxed)).await;
    running.abort();
    assert!(took >= Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn scrubbing_is_no_faster_than_it_may() {
    let rig = Rig::new();
    let _partition = small_segments(&rig).await;
    let pace = ScrubPace {
        interval: Duration::from_secs(1),
        bytes_per_second: 1_000,
    };
    let checked = || rig.dir.stats().checked_bytes;
    tokio::time::pause();
    let running = tokio::spawn(rig.groups.scrubber().run(pace));
    let took = time_until(20_000, checked).await;
    running.abort();
    assert!(took >= Duration::from_secs(15), "{took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}
