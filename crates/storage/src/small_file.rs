//! Small files that are read and replaced whole.

use std::io;
use std::path::{Path, PathBuf};

use ottla_platform::disk::{Disk, OpenMode};

/// Ending of a file that is being written; such files mean nothing and are removed at opening.
pub(crate) const UNFINISHED: &str = ".tmp";

/// The bytes of a file; `None` if it is absent.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path, OpenMode::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    let len = usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}

/// Replaces a file by one with these bytes. The bytes are synced, the name only when its directory
/// is: until then a power cut leaves the old file or the new one.
pub(crate) fn put(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = unfinished(path);
    let file = disk.open(&unfinished, OpenMode::Truncate)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()?;
    disk.rename(&unfinished, path)
}

/// What a file is called while it is being written.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}
