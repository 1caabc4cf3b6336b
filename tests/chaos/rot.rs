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

use ottla_platform::seed::Random;
use ottla_protocol::records::Batch;
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
        let is_old = |log: &&PathBuf| {
            let changed = fs::metadata(log).and_then(|told| told.modified()).ok();
            let age = changed.and_then(|changed| changed.elapsed().ok());
            age.is_some_and(|age| age > OLD)
        };
        let old: Vec<&PathBuf> = ended.iter().filter(is_old).collect();
        for _ in 0..bits.min(u32::try_from(old.len()).unwrap_or(u32::MAX)) {
            let log = old[random.below(old.len() as u64) as usize];
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

/// Waits until nothing that brokers hold in segments that have ended is damaged, and says where they differ.
pub(crate) fn wait_until_all_is_whole(brokers: &[PathBuf]) -> Result<(), String> {
    let mut why = String::new();
    let done = wait::poll(WHOLE_WITHIN, || {
        let read = brokers.iter().map(|data| checksums(data));
        let read = read.collect::<Result<Vec<_>, _>>();
        read.and_then(|all| compare(&all))
            .map_err(|reason| why = reason)
            .ok()
    });
    done.ok_or(why)
}

/// By partition and base offset the checksum of each batch in segments that have ended.
type Checksums = BTreeMap<(String, i64), u32>;

fn compare(brokers: &[Checksums]) -> Result<(), String> {
    for (number, one) in (1..).zip(brokers) {
        for ((partition, offset), checksum) in one {
            let key = (partition.clone(), *offset);
            let others = brokers.iter().filter_map(|other| other.get(&key));
            if others.into_iter().any(|other| other != checksum) {
                return Err(format!(
                    "broker {number} has other bytes at offset {offset} of {partition}"
                ));
            }
        }
    }
    Ok(())
}

fn checksums(data: &Path) -> Result<Checksums, String> {
    let mut found = Checksums::new();
    for log in ended_segments(data) {
        let partition = log.parent().and_then(Path::file_name);
        let partition = partition.unwrap_or_default().to_string_lossy().into_owned();
        let Ok(bytes) = fs::read(&log) else {
            // deleted just now
            continue;
        };
        let mut rest = bytes::Bytes::from(bytes);
        while !rest.is_empty() {
            let batch = Batch::split_from(&mut rest).map_err(|error| error.to_string());
            let checked = batch.and_then(|batch| {
                let sound = batch.verify_crc().map_err(|error| error.to_string());
                sound.map(|()| batch)
            });
            let batch = checked.map_err(|error| format!("{}: {error}", log.display()))?;
            let header = batch.header;
            // what only Raft knows may stand at the offset of a batch
            if header.record_count > 0 {
                found.insert((partition.clone(), header.base_offset), header.crc);
            }
        }
    }
    Ok(found)
}

/// The logs of all segments of the topics' partitions but the last of each.
fn ended_segments(data: &Path) -> Vec<PathBuf> {
    let mut ended = Vec::new();
    for partition in topics::all() {
        let folder = data.join(format!("{}-{}", partition.topic, partition.partition));
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let paths = files.map(|file| file.path());
        let mut logs: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
            .collect();
        logs.sort();
        logs.pop();
        ended.extend(logs);
    }
    ended
}
