//! Partition folders that belong to no log that should be here: a crash cut their deletion short, or
//! somebody put them here. Nothing removes them; out of the way of their names they are kept.

use std::collections::BTreeSet;
use std::io;

use super::LogDir;
use super::shared::DirShared;
use super::trash::{DELETED_FOLDER, folder_name_after, id_after};
use crate::Identity;
use crate::log::partition_file;

/// Ending of the name of a folder that was set aside.
const STRAY_FOLDER: &str = "-stray";

/// A partition folder and whose it says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionFolder {
    /// The folder's name.
    pub name: String,
    /// The log that it holds; `None` if it does not say, or not legibly.
    pub identity: Option<Identity>,
}

impl LogDir {
    /// The partition folders, sorted by name, without those that are being deleted or were set
    /// aside. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn partition_folders(&self) -> io::Result<Vec<PartitionFolder>> {
        partition_folders(&self.shared)
    }

    /// Renames a partition folder whose log is not open, so that its name is free, and forgets the
    /// log; to what, or `None` if there is no such folder. Durable on return. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn set_aside(&self, folder: &PartitionFolder) -> io::Result<Option<String>> {
        let shared = &self.shared;
        let now = shared.clock.now_ms().unsigned_abs();
        let id = match &folder.identity {
            Some(identity) => identity.fingerprint(),
            None => u128::from(now),
        };
        let aside = folder_name_after(&folder.name, id, STRAY_FOLDER);
        let (from, to) = (shared.path.join(&folder.name), shared.path.join(&aside));
        match shared.disk.rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result?,
        }
        shared.disk.sync_dir(&shared.path)?;
        if let Some(identity) = folder.identity {
            shared.journal.lock().forget(identity);
            shared.sync_journal_if_room()?;
        }
        Ok(Some(aside))
    }
}

/// Forgets logs whose folders are out of the way: a crash may have come between the renaming and the
/// forgetting, and a log of the same identity that begins anew later would be missing what they held.
pub(super) fn forget_removed(shared: &DirShared) -> io::Result<()> {
    let mut removed = BTreeSet::new();
    for entry in shared.disk.read_dir(&shared.path)? {
        let mut endings = [DELETED_FOLDER, STRAY_FOLDER].into_iter();
        removed.extend(endings.find_map(|ending| id_after(&entry.name, ending)));
    }
    let known = shared.journal.lock().identities();
    let mut gone: Vec<Identity> = known
        .filter(|identity| removed.contains(&identity.fingerprint()))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let there = partition_folders(shared)?;
    // of a folder that does not say whose it is, nothing is concluded
    gone.retain(|identity| {
        let mut others = there.iter();
        others.all(|folder| folder.identity.is_some_and(|it| it != *identity))
    });
    let mut journal = shared.journal.lock();
    gone.iter().for_each(|identity| journal.forget(*identity));
    drop(journal);
    shared.sync_journal_if_room()
}

fn partition_folders(shared: &DirShared) -> io::Result<Vec<PartitionFolder>> {
    let mut folders = Vec::new();
    for entry in shared.disk.read_dir(&shared.path)? {
        let gone = entry.name.ends_with(DELETED_FOLDER) || entry.name.ends_with(STRAY_FOLDER);
        let partition = entry
            .name
            .rsplit_once('-')
            .and_then(|(_, n)| n.parse().ok());
        if let Some(partition) = partition
            && entry.is_dir
            && !gone
        {
            let identity = identity_in(shared, &entry.name, partition)?;
            let name = entry.name;
            folders.push(PartitionFolder { name, identity });
        }
    }
    Ok(folders)
}

fn identity_in(shared: &DirShared, name: &str, partition: i32) -> io::Result<Option<Identity>> {
    let folder = shared.path.join(name);
    match partition_file::read(&*shared.disk, &folder, partition) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        result => result,
    }
}
