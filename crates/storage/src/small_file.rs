//! Small files that are read and replaced whole.

use std::io;
use std::path::{Path, PathBuf};

use ottla_platform::disk::{Disk, OpenMode, read_given};

/// Ending of a file that is being written; such files mean nothing and are removed at opening.
pub(crate) const UNFINISHED: &str = ".tmp";

/// What the disk gives of a file.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) bytes: Vec<u8>,
    /// So many are zeros in the place of what it does not give.
    pub(crate) lost_bytes: u64,
}

/// The bytes of a file; `None` if it is absent. What the disk does not give are zeros: where a checksum or a form
/// tells what is damaged, that is damaged as well.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    Ok(read_what_is_given(disk, path)?.map(|given| given.bytes))
}

/// The same, where nothing but this tells what is damaged.
pub(crate) fn read_what_is_given(disk: &dyn Disk, path: &Path) -> io::Result<Option<Given>> {
    let file = match disk.open(path, OpenMode::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    let len = usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; len];
    let lost_bytes = read_given(&*file, &mut bytes, 0)?;
    if lost_bytes > 0 {
        tracing::warn!(file = %path.display(), lost_bytes, "the disk does not give all of a file");
    }
    Ok(Some(Given { bytes, lost_bytes }))
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
