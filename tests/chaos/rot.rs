//! A disk that forgets: bits of what it holds have another value, while its broker runs. One disk of a run does:
//! what a majority has lost is lost.
//!
//! Only what is surely on it is hit, in segments that have ended some time ago: what was written last may be
//! taken for a write that a crash has cut off.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ottla_platform::seed::Random;
use ottla_protocol::records::{Batch, BatchError};
use ottla_tests::wait;

use crate::fault::BROKERS;
use crate::topics;

/// A segment that was not touched for so long is on the disk.
const OLD: Duration = Duration::from_secs(10);
/// All that is damaged is mended so long after the end of all faults.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);

/// See the file's head.
pub(crate) struct Rot {
    /// Whose disk it is.
    pub(crate) broker: usize,
    /// Bits that were flipped.
    pub(crate) flips: u32,
}

impl Rot {
    pub(crate) fn of_one(seed: u64) -> Rot {
        Rot {
            broker: (seed % BROKERS as u64) as usize,
            flips: 0,
        }
    }

    /// Flips bits, as many as there is something to flip in, of the broker whose data this is.
    pub(crate) fn flip(&mut self, data: &Path, bits: u32, seed: u64) -> Result<(), String> {
        let mut random = Random::new(seed);
        let ended = ended_segments(data);
        let is_old = |ended: &&Ended| {
            let changed = fs::metadata(&ended.log)
                .and_then(|told| told.modified())
                .ok();
            let age = changed.and_then(|changed| changed.elapsed().ok());
            age.is_some_and(|age| age > OLD)
        };
        let old: Vec<&Ended> = ended.iter().filter(is_old).collect();
        for _ in 0..bits.min(u32::try_from(old.len()).unwrap_or(u32::MAX)) {
            let log = &old[random.below(old.len() as u64) as usize].log;
            match flip_one(log, &mut random) {
                Ok(()) => self.flips += 1,
                // it was deleted, or written anew
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("cannot damage {}: {error}", log.display())),
            }
        }
        Ok(())
    }
}

fn flip_one(log: &Path, random: &mut Random) -> std::io::Result<()> {
    let file = File::options().read(true).write(true).open(log)?;
    let at = random.below(file.metadata()?.len().max(1));
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    byte[0] ^= 1 << random.below(8);
    file.write_all_at(&byte, at)
}

/// A partition that is damaged, or that brokers differ in.
pub(crate) struct Spoiled {
    partition: String,
    /// What is wrong with it.
    pub(crate) words: String,
}

impl Spoiled {
    /// Copies what a broker has of the partition, to be looked at.
    pub(crate) fn keep(&self, data: &Path, kept: &Path) -> std::io::Result<()> {
        let kept = kept.join(&self.partition);
        fs::create_dir_all(&kept)?;
        for file in fs::read_dir(data.join(&self.partition))? {
            let file = file?;
            fs::copy(file.path(), kept.join(file.file_name()))?;
        }
        Ok(())
    }
}

/// Waits until nothing that brokers hold in segments that have ended is damaged, and says where they differ.
pub(crate) fn wait_until_all_is_whole(brokers: &[PathBuf]) -> Result<(), Spoiled> {
    let mut why = None;
    let done = wait::poll(WHOLE_WITHIN, || {
        let read = brokers.iter().map(|data| checksums(data));
        let read = read.collect::<Result<Vec<_>, _>>();
        read.and_then(|all| compare(&all))
            .map_err(|spoiled| why = Some(spoiled))
            .ok()
    });
    match (done, why) {
        (None, Some(spoiled)) => Err(spoiled),
        _ => Ok(()),
    }
}

/// By partition and base offset the checksum of each batch in segments that have ended.
type Checksums = BTreeMap<(String, i64), u32>;

fn compare(brokers: &[Checksums]) -> Result<(), Spoiled> {
    for (number, one) in (1..).zip(brokers) {
        for ((partition, offset), checksum) in one {
            let key = (partition.clone(), *offset);
            let others = brokers.iter().filter_map(|other| other.get(&key));
            if others.into_iter().any(|other| other != checksum) {
                let words =
                    format!("broker {number} has other bytes at offset {offset} of {partition}");
                let partition = partition.clone();
                return Err(Spoiled { partition, words });
            }
        }
    }
    Ok(())
}

fn checksums(data: &Path) -> Result<Checksums, Spoiled> {
    let mut found = Checksums::new();
    for segment in ended_segments(data) {
        let log = &segment.log;
        let partition = log.parent().and_then(Path::file_name);
        let partition = partition.unwrap_or_default().to_string_lossy().into_owned();
        let Ok(bytes) = fs::read(log) else {
            // deleted just now
            continue;
        };
        let batches = batches(bytes).map_err(|error| Spoiled {
            partition: partition.clone(),
            words: format!("{}: {error}", log.display()),
        })?;
        // What lies behind a cut, until the next start, is of another leader, who was not followed.
        let counts = |batch: &&Batch| batch.header.base_offset < segment.end;
        for batch in batches.iter().filter(counts) {
            let header = batch.header;
            // what only Raft knows may stand at the offset of a batch
            if header.record_count > 0 {
                found.insert((partition.clone(), header.base_offset), header.crc);
            }
        }
    }
    Ok(found)
}

/// All that are there, none of them damaged.
fn batches(bytes: Vec<u8>) -> Result<Vec<Batch>, BatchError> {
    let mut rest = Bytes::from(bytes);
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let batch = Batch::split_from(&mut rest)?;
        batch.verify_crc()?;
        batches.push(batch);
    }
    Ok(batches)
}

/// A segment that records are added to no more.
struct Ended {
    log: PathBuf,
    /// The offset that the next one begins at.
    end: i64,
}

/// All segments of the topics' partitions but the last of each.
fn ended_segments(data: &Path) -> Vec<Ended> {
    let mut ended = Vec::new();
    for partition in topics::all() {
        let folder = data.join(format!("{}-{}", partition.topic, partition.partition));
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let begin = |log: &Path| log.file_stem()?.to_str()?.parse().ok();
        let logs = files.filter_map(|file| {
            let log = file.path();
            let is_log = log.extension().is_some_and(|ending| ending == "log");
            is_log.then_some((begin(&log)?, log))
        });
        let mut logs: Vec<(i64, PathBuf)> = logs.collect();
        logs.sort();
        let ends: Vec<i64> = logs.iter().skip(1).map(|(begin, _)| *begin).collect();
        let all = logs.into_iter().zip(ends);
        ended.extend(all.map(|((_, log), end)| Ended { log, end }));
    }
    ended
}
