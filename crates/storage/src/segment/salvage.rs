//! What a disk still gives of a file.

use std::io;
use std::path::Path;

use ottla_platform::disk::{Disk, OpenMode, read_given};

/// Read at once.
const CHUNK: usize = 1 << 20;
/// Copies a file, with zeros in the place of what cannot be read; how much that is. The copy is synced, its name
/// is not.
pub(super) fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<u64> {
    let (from, to) = (
        disk.open(from, OpenMode::Read)?,
        disk.open(to, OpenMode::Truncate)?,
    );
    let (len, mut position, mut lost_bytes) = (from.len()?, 0, 0);
    let mut chunk = vec![0; CHUNK];
    while position < len {
        let left = usize::try_from(len - position).unwrap_or(usize::MAX);
        let part = &mut chunk[..left.min(CHUNK)];
        lost_bytes += read_given(&*from, part, position)?;
        to.write_all_at(part, position)?;
        position += part.len() as u64;
    }
    to.sync_data()?;
    Ok(lost_bytes)
}
