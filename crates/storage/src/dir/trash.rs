//! Deleted files and folders that keep their space for a while (`file.delete.delay.ms`), so that
//! who still reads them by name can finish. After a restart nobody does: they go at once.

use std::io;
use std::path::{Path, PathBuf};

use ottla_platform::disk::Disk;

/// Ending of the name of a deleted segment file.
pub(crate) const DELETED_FILE: &str = ".deleted";
/// Ending of the name of a deleted partition folder.
pub(crate) const DELETED_FOLDER: &str = "-delete";
/// Longest file name that every file system takes.
const NAME_BYTES_MAX: usize = 255;

/// The name of a folder that is no partition's any more, in Kafka's form: its name before, an id,
/// and the ending that says what became of it.
pub(crate) fn folder_name_after(name: &str, id: u128, ending: &str) -> String {
    let ending = format!(".{id:032x}{ending}");
    let room = NAME_BYTES_MAX - ending.len();
    let cut = (0..=room.min(name.len()))
        .rev()
        .find(|at| name.is_char_boundary(*at));
    format!("{}{ending}", &name[..cut.unwrap_or(0)])
}

/// The id in such a name.
pub(crate) fn id_after(name: &str, ending: &str) -> Option<u128> {
    let (_, id) = name.strip_suffix(ending)?.rsplit_once('.')?;
    u128::from_str_radix(id, 16).ok()
}

/// What is to be removed, and when.
#[derive(Debug, Default)]
pub(crate) struct Trash {
    waiting: Vec<Deleted>,
}

#[derive(Debug)]
struct Deleted {
    path: PathBuf,
    due_ms: i64,
    is_dir: bool,
}

impl Trash {
    pub(crate) fn add_file(&mut self, path: PathBuf, due_ms: i64) {
        self.add(path, due_ms, false);
    }

    pub(crate) fn add_folder(&mut self, path: PathBuf, due_ms: i64) {
        self.add(path, due_ms, true);
    }

    fn add(&mut self, path: PathBuf, due_ms: i64, is_dir: bool) {
        self.waiting.push(Deleted {
            path,
            due_ms,
            is_dir,
        });
    }

    /// Forgets files inside a folder, which goes as a whole.
    pub(crate) fn forget_inside(&mut self, folder: &Path) {
        self.waiting
            .retain(|deleted| deleted.path.parent() != Some(folder));
    }

    /// Takes out what is due.
    pub(crate) fn take_due(&mut self, now_ms: i64) -> Trash {
        let due = |deleted: &mut Deleted| deleted.due_ms <= now_ms;
        Trash {
            waiting: self.waiting.extract_if(.., due).collect(),
        }
    }

    /// Removes everything in it.
    pub(crate) fn remove(self, disk: &dyn Disk) -> io::Result<()> {
        for deleted in self.waiting {
            let removed = if deleted.is_dir {
                disk.remove_dir_all(&deleted.path)
            } else {
                disk.remove_file(&deleted.path)
            };
            match removed {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_folders_name_fits_the_file_system() {
        assert_eq!(
            folder_name_after("orders-0", 5, DELETED_FOLDER),
            "orders-0.00000000000000000000000000000005-delete"
        );
        assert_eq!(
            folder_name_after(&"x".repeat(254), 5, DELETED_FOLDER).len(),
            NAME_BYTES_MAX
        );
    }
}
