use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::config::TopicDefaults;
use ottla_metadata::image::Configs;
use ottla_metadata::reconcile::{self, Change, ReplicaId};
use ottla_platform::clock::SystemClock;
use ottla_platform::disk::Disk;
use ottla_platform::sim::SimDisk;
use ottla_protocol::records::{BatchBuilder, CheckedBatch, Compression};
use ottla_protocol::{NodeId, TopicId};
use ottla_replication::Groups;
use ottla_storage::{DirectoryMeta, Drive, LogDir, LogDirOptions};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Absence, PartitionId, Partitions, Replica};
use crate::settings::Settings;

const ME: NodeId = NodeId(1);
const DIRECTORY: Uuid = Uuid::from_u128(7);
const ORDERS: PartitionId = (TopicId(Uuid::from_u128(5)), 0);

fn partitions(disk: &SimDisk) -> Partitions {
    let (disk, path): (Arc<dyn Disk>, _) = (Arc::new(disk.clone()), Path::new("/data"));
    let meta = DirectoryMeta {
        format: DirectoryMeta::FIRST_FORMAT,
        starts: 1,
        directory_id: DIRECTORY,
        cluster_id: "test".to_owned(),
        node_id: ME.0,
        founding: None,
    };
    meta.write(disk.as_ref(), path).unwrap();
    let clock = Arc::new(SystemClock::default());
    let options = LogDirOptions {
        clock: clock.clone(),
        drive: Drive::Workers,
        mapped_files_max: 100,
        reserve_bytes: 0,
        on_failure: Box::new(|error| panic!("{error}")),
    };
    let directory = LogDir::open(disk, path, options).unwrap();
    let groups = Groups::new(ME, directory, clock, None);
    let settings = |configs: &Configs| {
        let config = TopicDefaults::default().resolve(configs);
        Settings::new(config, Duration::from_secs(60))
    };
    Partitions::new(groups, Box::new(settings))
}

fn orders() -> reconcile::Replica {
    reconcile::Replica {
        id: ReplicaId {
            topic_id: ORDERS.0,
            partition: ORDERS.1,
            topic: "orders".into(),
        },
        group_id: 9,
        wanted: vec![(ME, DIRECTORY)],
        directory: DIRECTORY,
        beginning: reconcile::Beginning::Founds(vec![(ME, DIRECTORY)]),
        configs: Arc::new(Configs::default()),
    }
}

fn find(partitions: &Partitions) -> Result<Replica, Absence> {
    partitions.find(ORDERS.0, ORDERS.1)
}

fn record() -> CheckedBatch {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(0, None, Some(b"value"), &[]);
    CheckedBatch::trusted(builder.build().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_found_no_room_is_opened_when_there_is_some() {
    let disk = SimDisk::new(1);
    let partitions = partitions(&disk);
    let used = disk.used_bytes();
    disk.set_faults(|faults| faults.capacity_bytes = Some(used + 10));
    partitions.carry_out(Change::Open(orders())).await;
    assert_eq!(find(&partitions).err(), Some(Absence::Offline));
    assert_eq!(partitions.mend(None).await, Some(ORDERS));
    assert_eq!(find(&partitions).err(), Some(Absence::Offline));

    disk.set_faults(|faults| faults.capacity_bytes = None);
    assert_eq!(partitions.mend(Some(ORDERS)).await, None);
    let replica = find(&partitions).ok().unwrap();
    assert!(replica.partition.is_leader());
    replica.partition.propose(record(), None).await.unwrap();
}

/// Its log is closed under it, as one is that a full disk left half changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stopped_is_opened_anew_with_all_that_it_had() {
    let partitions = partitions(&SimDisk::new(1));
    partitions.carry_out(Change::Open(orders())).await;
    let replica = find(&partitions).ok().unwrap();
    replica.partition.propose(record(), None).await.unwrap();
    assert_eq!(partitions.mend(None).await, None);
    assert!(
        find(&partitions)
            .ok()
            .unwrap()
            .partition
            .is_same(&replica.partition)
    );

    replica.partition.log().close().unwrap();
    let lost = replica.partition.propose(record(), None);
    while replica.partition.stopped_by().is_none() {
        tokio::task::yield_now().await;
    }
    drop(replica);
    partitions.mend(None).await;
    assert!(lost.await.is_err());
    assert_eq!(find(&partitions).err(), Some(Absence::Offline));
    assert_eq!(partitions.mend(None).await, None);
    let replica = find(&partitions).ok().unwrap();
    assert!(replica.partition.is_leader());
    assert_eq!(replica.partition.watermarks().high_watermark, 1);
    let appended = replica.partition.propose(record(), None).await.unwrap();
    assert_eq!(appended.base_offset, 1);
}

/// What changed while it was offline counts when it is opened.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_partition_is_not_opened_again() {
    let disk = SimDisk::new(1);
    let partitions = partitions(&disk);
    let used = disk.used_bytes();
    disk.set_faults(|faults| faults.capacity_bytes = Some(used));
    partitions.carry_out(Change::Open(orders())).await;
    partitions.carry_out(Change::Delete(orders().id)).await;
    disk.set_faults(|faults| faults.capacity_bytes = None);
    assert_eq!(partitions.mend(None).await, None);
    assert_eq!(find(&partitions).err(), Some(Absence::NotHere));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_partition_that_was_deleted_before_it_was_open() {
    let partitions = partitions(&SimDisk::new(1));
    let (images, published) = watch::channel(0);
    let wanted = Mutex::new(vec![ORDERS]);
    let far = Instant::now() + Duration::from_secs(3600);
    let opened = partitions.wait_for_newest(|| wanted.lock().clone(), published, far);
    let deleted = async {
        tokio::task::yield_now().await;
        wanted.lock().clear();
        images.send_replace(1);
    };
    let (opened, ()) = tokio::join!(opened, deleted);
    assert!(opened);
}
