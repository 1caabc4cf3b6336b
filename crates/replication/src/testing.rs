//! A log directory on a simulated disk, for this crate's tests.

use std::path::Path;
use std::sync::Arc;

use ottla_platform::clock::{Clock, ManualClock};
use ottla_platform::disk::Disk;
use ottla_platform::sim::SimDisk;
use ottla_storage::{DirectoryMeta, Drive, LogDir, LogDirOptions};
use uuid::Uuid;

pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

pub(crate) fn manual_clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(NOW_MS))
}

/// A fresh directory on a disk of its own.
pub(crate) fn directory(path: &Path) -> LogDir {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
    format(disk.as_ref(), path, Uuid::from_u128(7));
    open(disk, path)
}

pub(crate) fn format(disk: &dyn Disk, path: &Path, directory_id: Uuid) {
    let meta = DirectoryMeta {
        format: DirectoryMeta::FIRST_FORMAT,
        starts: 1,
        directory_id,
        cluster_id: "test".to_owned(),
        node_id: 1,
        founding: None,
    };
    meta.write(disk, path).unwrap();
}

pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> LogDir {
    let options = LogDirOptions {
        clock: manual_clock(),
        drive: Drive::Workers,
        mapped_files_max: 100,
        reserve_bytes: 0,
        on_failure: Box::new(|error| panic!("{error}")),
    };
    LogDir::open(disk, path, options).unwrap()
}
