//! The log, on a real disk with the directory's own threads.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use criterion::{Criterion, Throughput};
use ottla_platform::clock::SystemClock;
use ottla_platform::disk::RealDisk;
use ottla_protocol::records::{CheckedBatch, Compression};
use ottla_storage::{
    DirectoryMeta, Drive, FlushPolicy, Identity, Log, LogConfig, LogDir, LogDirOptions, LogId,
    OnDamage,
};
use uuid::Uuid;

use crate::records::batch;

/// Batches that are handed over before one waits for them.
const AT_ONCE: u64 = 16;

struct Place {
    dir: LogDir,
    log: Log,
    _folder: tempfile::TempDir,
}

impl Place {
    fn new(flush: FlushPolicy) -> Place {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        format(folder.path());
        let options = LogDirOptions {
            clock: Arc::new(SystemClock::default()),
            drive: Drive::Workers,
            mapped_files_max: 100,
            reserve_bytes: 0,
            on_failure: Box::new(|text| panic!("{text}")),
        };
        let dir = LogDir::open(Arc::new(RealDisk), folder.path(), options);
        let dir = dir.expect("it was formatted just now");
        let identity = Identity {
            topic_id: Uuid::from_u128(1),
            partition: 0,
            group_id: 1,
        };
        let config = LogConfig {
            flush,
            ..LogConfig::default()
        };
        let opened = Log::open(&dir, "topic-0", identity, config, OnDamage::Refuse);
        Place {
            dir,
            log: opened.expect("it is new").0,
            _folder: folder,
        }
    }

    /// Appends so many and waits until they are as safe as they are to be.
    fn append(&self, batch: &CheckedBatch) {
        for _ in 0..AT_ONCE {
            let index = self.log.state().next_index;
            self.log
                .append_leader(LogId { term: 1, index }, batch.clone(), None, 0);
        }
        let (done, answer) = mpsc::channel();
        self.log
            .submit(Box::new(move |result| drop(done.send(result))));
        let safe = answer.recv().expect("it is always answered");
        safe.expect("the disk does not fail");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.log.close().expect("the disk does not fail");
        self.dir.close().expect("the disk does not fail");
    }
}

fn format(path: &Path) {
    let meta = DirectoryMeta {
        format: DirectoryMeta::FIRST_FORMAT,
        starts: 1,
        directory_id: Uuid::from_u128(1),
        cluster_id: "bench".into(),
        node_id: 1,
        founding: None,
    };
    meta.write(&RealDisk, path).expect("there is room");
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log");
    let checked = CheckedBatch::trusted(batch(1_024, Compression::None));
    for (name, flush) in [
        ("append 16 batches of 64 KiB, async", FlushPolicy::Async),
        ("append 16 batches of 64 KiB, fsync", FlushPolicy::Fsync),
    ] {
        let place = Place::new(flush);
        group.throughput(Throughput::Bytes(AT_ONCE * (64 << 10)));
        group.bench_function(name, |bencher| bencher.iter(|| place.append(&checked)));
    }
    let place = Place::new(FlushPolicy::Async);
    place.append(&checked);
    let end = place.log.state().log_end_offset;
    group.throughput(Throughput::Elements(1));
    group.bench_function("read 1 MiB at the end of the log", |bencher| {
        bencher.iter(|| place.log.read(0, 1 << 20, true, end));
    });
    group.finish();
}
