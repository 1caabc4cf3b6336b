//! What the suites share: a directory on a simulated disk, driven by hand, and batches.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ottla_platform::clock::ManualClock;
use ottla_platform::sim::SimDisk;
use ottla_protocol::records::{Batch, BatchBuilder, CheckedBatch, Compression, ProducerStamp};
use ottla_storage::{
    DirectoryMeta, Drive, Identity, Log, LogConfig, LogDir, LogDirOptions, LogId, OnDamage,
    OpenError, Outcome, Placed, Recovered,
};
use parking_lot::Mutex;
use uuid::Uuid;

pub(crate) const DATA: &str = "data";
pub(crate) const NOW: i64 = 1_700_000_000_000;

/// A log directory on a simulated disk.
pub(crate) struct Rig {
    pub(crate) disk: SimDisk,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) dir: LogDir,
    pub(crate) failures: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    /// A new, formatted directory.
    pub(crate) fn new(seed: u64) -> Rig {
        let disk = SimDisk::new(seed);
        let meta = DirectoryMeta {
            format: DirectoryMeta::FIRST_FORMAT,
            starts: 1,
            directory_id: Uuid::from_u128(9),
            cluster_id: "cluster".into(),
            node_id: 1,
            founding: None,
        };
        meta.write(&disk, Path::new(DATA)).unwrap();
        Rig::open(disk).unwrap()
    }

    /// The directory that is on the disk.
    pub(crate) fn open(disk: SimDisk) -> io::Result<Rig> {
        Rig::open_with(disk, |_| {})
    }

    pub(crate) fn open_with(
        disk: SimDisk,
        change: impl FnOnce(&mut LogDirOptions),
    ) -> io::Result<Rig> {
        let clock = Arc::new(ManualClock::at(NOW));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&failures);
        let mut options = LogDirOptions {
            clock: clock.clone(),
            drive: Drive::Manual,
            mapped_files_max: 100,
            reserve_bytes: 0,
            on_failure: Box::new(move |text| seen.lock().push(text.to_owned())),
        };
        change(&mut options);
        let dir = LogDir::open(Arc::new(disk.clone()), Path::new(DATA), options);
        let dir = dir.map_err(io::Error::other)?;
        Ok(Rig {
            disk,
            clock,
            dir,
            failures,
        })
    }

    pub(crate) fn open_log(
        &self,
        n: u64,
        config: &LogConfig,
    ) -> Result<(Log, Recovered), OpenError> {
        let name = format!("topic-{n}");
        Log::open(
            &self.dir,
            &name,
            identity(n),
            config.clone(),
            OnDamage::Refuse,
        )
    }

    pub(crate) fn log(&self, config: &LogConfig) -> Log {
        self.open_log(0, config).unwrap().0
    }

    /// Turns until nothing is left to do.
    pub(crate) fn settle(&self) {
        while self.dir.turn() {}
    }

    /// Closes logs and directory in order and opens the directory again.
    pub(crate) fn restart(self, logs: Vec<Log>) -> Rig {
        logs.iter().for_each(|log| log.close().unwrap());
        drop(logs);
        self.dir.close().unwrap();
        let disk = self.disk.clone();
        drop(self);
        Rig::open(disk).unwrap()
    }

    /// The directory as it is after kill -9.
    pub(crate) fn after_kill(self) -> Rig {
        let disk = self.disk.clone();
        drop(self);
        disk.restart_process();
        Rig::open(disk).unwrap()
    }

    /// The directory as it is after a power cut.
    pub(crate) fn after_power_cut(self) -> Rig {
        let disk = self.disk.clone();
        drop(self);
        disk.power_on();
        Rig::open(disk).unwrap()
    }

    /// The path of a file of partition 0.
    pub(crate) fn path(&self, file: &str) -> std::path::PathBuf {
        Path::new(DATA).join("topic-0").join(file)
    }

    pub(crate) fn files(&self) -> Vec<String> {
        use ottla_platform::disk::Disk;
        let entries = self
            .disk
            .read_dir(&Path::new(DATA).join("topic-0"))
            .unwrap();
        entries.into_iter().map(|entry| entry.name).collect()
    }
}

pub(crate) fn identity(n: u64) -> Identity {
    Identity {
        topic_id: Uuid::from_u128(77),
        partition: n as i32,
        group_id: 1_000 + n,
    }
}

/// Small segments and dense indexes, so that little data touches every path.
pub(crate) fn small() -> LogConfig {
    LogConfig {
        segment_bytes: 1_500,
        index_interval_bytes: 100,
        file_delete_delay_ms: 0,
        ..LogConfig::default()
    }
}

/// A batch of `records` records of `bytes` bytes each.
pub(crate) fn batch(records: i32, bytes: usize, timestamp: i64) -> Batch {
    build(records, bytes, timestamp, None)
}

pub(crate) fn build(
    records: i32,
    bytes: usize,
    timestamp: i64,
    stamp: Option<ProducerStamp>,
) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None);
    if let Some(stamp) = stamp {
        builder = builder.with_producer(stamp);
    }
    let value = vec![timestamp as u8; bytes];
    for n in 0..records {
        builder.push(timestamp + i64::from(n), None, Some(&value), &[]);
    }
    builder.build().unwrap()
}

pub(crate) fn next_id(log: &Log, term: i32) -> LogId {
    LogId {
        term,
        index: log.state().next_index,
    }
}

/// Appends as leader of the newest term (or 1).
pub(crate) fn append(log: &Log, batch: Batch) -> Outcome {
    let term = log.state().last.map_or(1, |last| last.term);
    log.append_leader(next_id(log, term), CheckedBatch::trusted(batch), None, NOW)
}

pub(crate) fn accepted(outcome: Outcome) -> Placed {
    match outcome {
        Outcome::Accepted(placed) => placed,
        other => panic!("{other:?}"),
    }
}

/// What a submission came to: `None` until it is done.
#[derive(Clone, Default)]
pub(crate) struct Answer(Arc<Mutex<Option<Result<(), String>>>>);

impl Answer {
    pub(crate) fn done(&self) -> ottla_storage::Done {
        let answer = Arc::clone(&self.0);
        Box::new(move |result| {
            let before = answer
                .lock()
                .replace(result.map_err(|error| error.to_string()));
            assert!(before.is_none(), "called twice");
        })
    }

    pub(crate) fn is_ok(&self) -> bool {
        matches!(&*self.0.lock(), Some(Ok(())))
    }

    pub(crate) fn get(&self) -> Option<Result<(), String>> {
        self.0.lock().clone()
    }
}

/// Submits and turns until it is done.
pub(crate) fn commit(rig: &Rig, log: &Log) {
    let answer = Answer::default();
    log.submit(answer.done());
    rig.settle();
    assert!(answer.is_ok(), "{:?}", answer.get());
}

/// All batches from `offset` on, read in pieces of `max_bytes`.
pub(crate) fn read_all(log: &Log, mut offset: i64, max_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let slices = log.read(offset, max_bytes, true, i64::MAX).unwrap();
        if slices.next_offset == offset {
            return bytes;
        }
        bytes.extend(slices.slices.iter().flatten());
        offset = slices.next_offset;
    }
}
