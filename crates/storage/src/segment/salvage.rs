//! What a disk still gives of a file.

use std::io;
use std::path::Path;

use ottla_platform::disk::{Disk, OpenMode, is_unreadable};

/// Read at once.
const CHUNK: usize = 1 << 20;
/// Read at once where not all can be read: disks and caches give or lose that much together.
const BLOCK: usize = 4096;

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
        match from.read_exact_at(part, position) {
            Err(error) if is_unreadable(&error) => {
                for (block, at) in part.chunks_mut(BLOCK).zip((position..).step_by(BLOCK)) {
                    match from.read_exact_at(block, at) {
                        Err(error) if is_unreadable(&error) => {
                            block.fill(0);
                            lost_bytes += block.len() as u64;
                        }
                        read => read?,
                    }
                }
            }
            read => read?,
        }
        to.write_all_at(part, position)?;
        position += part.len() as u64;
    }
    to.sync_data()?;
    Ok(lost_bytes)
}
