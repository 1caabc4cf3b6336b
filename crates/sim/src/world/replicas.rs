//! The logs as the disks have them at the end, read by the storage engine as after a restart.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use ottla_platform::disk::Disk;
use ottla_platform::sim::{SimClock, SimDisk};
use ottla_protocol::records::{Batch, Batches};
use ottla_storage::{
    Drive, EntryMeta, Frame, Log, LogConfig, LogDir, LogDirOptions, OnDamage, PartitionFolder,
};

use super::broker::DATA;
use super::shared::{TABLE, TOPIC};
use super::workload::value_of;
use crate::history::{Entry, History, Replica, Table};

/// A batch that a client may have written inflates to no more.
const INFLATED_BYTES_MAX: usize = 1 << 20;
/// Bytes read at a time.
const READ_BYTES_MAX: usize = 1 << 20;

/// Adds a broker's replicas to the history.
pub(super) fn collect(
    broker: i32,
    disk: &SimDisk,
    history: &mut History,
) -> Result<(), Box<dyn Error>> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = LogDirOptions {
        clock: Arc::new(SimClock::default()),
        drive: Drive::Manual,
        mapped_files_max: 0,
        reserve_bytes: 0,
        on_failure: Box::new(|_| ()),
    };
    let directory = LogDir::open(disk, Path::new(DATA), options)?;
    for folder in directory.partition_folders()? {
        // what a full disk or a crash left of a folder that was being made
        if folder.identity.is_none() {
            continue;
        }
        if folder.name.starts_with(&format!("{TABLE}-")) {
            let log = open(&directory, &folder)?;
            history.tables.push(table(broker, &log)?);
            continue;
        }
        let is_written = folder.name.starts_with(&format!("{TOPIC}-"));
        let replica = Replica {
            broker,
            entries: entries(&directory, &folder)?,
        };
        let kind = match is_written {
            true => &mut history.replicas,
            false => &mut history.internal,
        };
        kind.entry(folder.name).or_default().push(replica);
    }
    Ok(())
}

fn entries(
    directory: &LogDir,
    folder: &PartitionFolder,
) -> Result<BTreeMap<u64, Entry>, Box<dyn Error>> {
    let log = open(directory, folder)?;
    let state = log.state();
    let mut index = state.purged.map_or(0, |id| id.index + 1);
    let mut entries = BTreeMap::new();
    while index < state.next_index {
        for (meta, frame) in log.frames(index, state.next_index, READ_BYTES_MAX)? {
            frame.verify_crc()?;
            let header = &frame.header;
            tracing::debug!(
                log = folder.name,
                index = meta.id.index,
                term = meta.id.term,
                offset = header.base_offset,
                records = header.record_count,
                producer = header.producer_id,
                epoch = header.producer_epoch,
                sequence = header.base_sequence,
                "an entry on disk"
            );
            index = meta.next_index();
            entries.insert(meta.id.index, entry(&meta, frame)?);
        }
    }
    Ok(entries)
}

fn open(directory: &LogDir, folder: &PartitionFolder) -> Result<Log, Box<dyn Error>> {
    let identity = folder.identity.ok_or("a folder does not say whose it is")?;
    let config = LogConfig::default();
    let (log, _) = Log::open(directory, &folder.name, identity, config, OnDamage::Refuse)?;
    Ok(log)
}

/// What a compacted log adds up to.
fn table(broker: i32, log: &Log) -> Result<Table, Box<dyn Error>> {
    let end = log.state().log_end_offset;
    let mut table = Table {
        broker,
        end,
        ..Table::default()
    };
    let mut from = log.state().log_start_offset;
    loop {
        let read = log.read(from, READ_BYTES_MAX, true, end)?;
        if read.next_offset <= from {
            return Ok(table);
        }
        from = read.next_offset;
        for batch in read.slices.into_iter().flat_map(Batches) {
            let batch = batch?;
            batch.verify_crc()?;
            for record in batch.records(INFLATED_BYTES_MAX)? {
                let record = record?;
                table.records += 1;
                let key = value_of(record.key.as_deref().unwrap_or(b""));
                match record.value {
                    Some(value) => _ = table.values.insert(key, value_of(&value)),
                    None => _ = table.values.remove(&key),
                }
            }
        }
    }
}

fn entry(meta: &EntryMeta, frame: Frame) -> Result<Entry, Box<dyn Error>> {
    let mut bytes = frame.header.encode().to_vec();
    bytes.extend_from_slice(&frame.payload);
    let start = frame.header.base_offset;
    let end = frame.header.next_offset();
    let mut records = Vec::new();
    if !frame.is_private() {
        let batch = Batch {
            header: frame.header,
            payload: frame.payload,
        };
        for record in batch.records(INFLATED_BYTES_MAX)? {
            let record = record?;
            records.push((
                record.offset,
                value_of(record.value.as_deref().unwrap_or(b"")),
            ));
        }
    }
    Ok(Entry {
        term: meta.id.term,
        indexes: meta.indexes.into(),
        offsets: start..end,
        bytes,
        records,
    })
}
