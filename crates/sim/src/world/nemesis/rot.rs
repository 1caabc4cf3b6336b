//! A disk that flips bits of what it holds, or does not give them any more. One disk of a run does: what a majority has lost is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ottla_platform::disk::{Disk, OpenMode};
use ottla_platform::seed::Random;
use ottla_platform::sim::SimDisk;
use turmoil::Sim;

use super::Nemesis;
use super::schedule::Undo;
use crate::world::broker::{BROKERS, DATA};
use crate::world::shared::{PARTITIONS, name};

/// After this time in a process that nothing is wrong with, it is known of a record that it is on the disk.
/// What was written later a start may take for a write that the crash interrupted.
const KNOWN_AFTER: Duration = Duration::from_secs(4);

/// The endings of files that are made of what is in logs.
const MADE_OF_LOGS: [&str; 5] = ["index", "timeindex", "txnindex", "raftindex", "boundary"];

/// See the file's head.
pub(super) struct Rot {
    broker: i32,
    noted_at: Duration,
    /// How long files were when that was noted last, and nothing was wrong since.
    newer: BTreeMap<PathBuf, u64>,
    /// How much of them is known to be on the disk.
    known: BTreeMap<PathBuf, u64>,
}

impl Rot {
    pub(super) fn of_one(random: &mut Random) -> Rot {
        Rot {
            broker: random.below(BROKERS.unsigned_abs().into()) as i32 + 1,
            noted_at: Duration::ZERO,
            newer: BTreeMap::new(),
            known: BTreeMap::new(),
        }
    }
}

impl Nemesis {
    /// Notes now and then how much the disk holds that flips bits.
    pub(super) fn note_old_bytes(&mut self, now: Duration) {
        if self.struck.contains(&self.rot.broker) {
            self.rot.noted_at = now;
            self.rot.newer.clear();
        } else if now >= self.rot.noted_at + KNOWN_AFTER {
            self.rot.noted_at = now;
            let noted = lengths(&self.brokers[&self.rot.broker].disk);
            let known = std::mem::replace(&mut self.rot.newer, noted);
            self.rot.known.extend(known);
        }
    }

    /// Ends a host's process, and flips a bit of a file that its disk has held for a while, or loses the sector.
    pub(super) fn rot(&mut self, sim: &mut Sim<'_>) {
        let broker = self.rot.broker;
        if self.struck.insert(broker) {
            self.end(sim, broker, false);
            let disk = self.brokers[&broker].disk.clone();
            match self.byte_to_strike(&disk) {
                Some((path, byte)) if self.random.chance(1, 3) => {
                    tracing::info!(broker, path = %path.display(), byte, "loses a sector");
                    disk.lose_sector(&path, byte).expect("the file is there");
                }
                Some((path, byte)) => {
                    let bit = self.random.below(8) as u32;
                    tracing::info!(broker, path = %path.display(), byte, bit, "has a bit flipped");
                    disk.flip_bit(&path, byte, bit).expect("the file is there");
                }
                None => tracing::info!(broker, "holds nothing yet for a bit to flip"),
            }
            self.lasts(sim, Undo::Start(broker));
        }
    }

    fn byte_to_strike(&mut self, disk: &SimDisk) -> Option<(PathBuf, u64)> {
        let partition = self.random.below(PARTITIONS.unsigned_abs().into()) as i32;
        let folder = Path::new(DATA).join(name(partition));
        match self.random.chance(1, 3) {
            true => self.byte_of_what_tells_of_logs(disk, &folder),
            false => self.old_byte(disk, &folder),
        }
    }

    /// In the newest segment of those that have held something for a while, which a start may read, or in
    /// any other.
    fn old_byte(&mut self, disk: &SimDisk, folder: &Path) -> Option<(PathBuf, u64)> {
        let known = |path: PathBuf| {
            let length = disk.open(&path, OpenMode::Read).ok()?.len().ok()?;
            let known = *self.rot.known.get(&path)?;
            Some((path, known.min(length))).filter(|(_, known)| *known > 0)
        };
        let logs = files_in(disk, folder, &["log"]).into_iter();
        let mut logs: Vec<(PathBuf, u64)> = logs.filter_map(known).collect();
        logs.sort();
        let last = logs.len().checked_sub(1)?;
        let (path, known) = match self.random.chance(1, 2) {
            true => logs.swap_remove(last),
            false => logs.swap_remove(self.random.below(logs.len() as u64) as usize),
        };
        Some((path, self.random.below(known)))
    }

    /// In an index or a boundary: all that it says can be made anew from logs, however old it is.
    fn byte_of_what_tells_of_logs(
        &mut self,
        disk: &SimDisk,
        folder: &Path,
    ) -> Option<(PathBuf, u64)> {
        let mut files = files_in(disk, folder, &MADE_OF_LOGS);
        files.sort();
        let length = |path: &PathBuf| disk.open(path, OpenMode::Read).ok()?.len().ok();
        files.retain(|path| length(path).is_some_and(|length| length > 0));
        if files.is_empty() {
            return None;
        }
        let path = files.swap_remove(self.random.below(files.len() as u64) as usize);
        let byte = self.random.below(length(&path)?);
        Some((path, byte))
    }
}

fn files_in(disk: &SimDisk, folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let files = disk.read_dir(folder).unwrap_or_default().into_iter();
    let paths = files.map(|file| folder.join(file.name));
    let is_one = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| endings.contains(&ending))
    };
    paths.filter(is_one).collect()
}

/// How long the logs of all partitions are; nothing while the disk is off.
fn lengths(disk: &SimDisk) -> BTreeMap<PathBuf, u64> {
    let folders = (0..PARTITIONS).map(|partition| Path::new(DATA).join(name(partition)));
    let logs = folders.flat_map(|folder| files_in(disk, &folder, &["log"]));
    let length = |path: PathBuf| {
        let file = disk.open(&path, OpenMode::Read).ok()?;
        Some((path, file.len().ok()?))
    };
    logs.filter_map(length).collect()
}
