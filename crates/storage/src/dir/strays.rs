//! Partition folders that belong to no log that should be here: a crash cut their deletion short, or
//! somebody put them here. Nothing removes them; out of the way of their names they are kept.

use std::io;

use super::LogDir;
use super::trash::{DELETED_FOLDER, folder_name_after};
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
        let mut folders = Vec::new();
        for entry in self.shared.disk.read_dir(&self.shared.path)? {
            let gone = entry.name.ends_with(DELETED_FOLDER) || entry.name.ends_with(STRAY_FOLDER);
            let partition = entry
                .name
                .rsplit_once('-')
                .and_then(|(_, n)| n.parse().ok());
            if let Some(partition) = partition
                && entry.is_dir
                && !gone
            {
                let identity = self.identity_in(&entry.name, partition)?;
                let name = entry.name;
                folders.push(PartitionFolder { name, identity });
            }
        }
        Ok(folders)
    }

    /// Renames a partition folder whose log is not open, so that its name is free; to what, or
    /// `None` if there is no such folder. Durable on return. Blocks.
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
        Ok(Some(aside))
    }

    fn identity_in(&self, name: &str, partition: i32) -> io::Result<Option<Identity>> {
        let folder = self.shared.path.join(name);
        match partition_file::read(&*self.shared.disk, &folder, partition) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
            result => result,
        }
    }
}
