//! A file system for each broker's data, in memory, whose size is what is changed to make it full: nothing
//! has to be written for that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ottla_tests::wait;

use crate::fault::BROKERS;
use crate::namespaces::{PRIVATE, carry_out};

/// The size of one that is not full, in bytes.
const SIZE_BYTES: u64 = 8 << 30;
/// Sizes are in pages of this many bytes.
const PAGE_BYTES: u64 = 4096;
/// A size below what is used is refused; a broker may have written since it was looked up.
const SHRUNK_WITHIN: Duration = Duration::from_secs(5);

/// The file systems. They vanish with the namespaces that they are mounted in.
pub(crate) struct Disks;

impl Disks {
    /// Mounts them.
    pub(crate) fn make() -> Result<Disks, String> {
        for broker in 0..BROKERS {
            let folder = folder(broker);
            std::fs::create_dir_all(&folder)
                .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
            let size = format!("size={SIZE_BYTES}");
            let at = folder.display().to_string();
            carry_out("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &at])?;
        }
        Ok(Disks)
    }

    /// Where a broker's data is.
    pub(crate) fn data(&self, broker: usize) -> PathBuf {
        folder(broker).join("data")
    }

    /// Leaves so much, or a little more.
    pub(crate) fn fill(&self, broker: usize, left_bytes: u64) -> Result<(), String> {
        let mut why = String::new();
        let done = wait::poll(SHRUNK_WITHIN, || {
            let shrunk = used_bytes(&folder(broker)).and_then(|used| {
                let pages = (used + left_bytes).div_ceil(PAGE_BYTES);
                resize(broker, pages * PAGE_BYTES)
            });
            shrunk.map_err(|reason| why = reason).ok()
        });
        done.ok_or(why)
    }

    /// Makes room on all.
    pub(crate) fn clear(&self) -> Result<(), String> {
        (0..BROKERS).try_for_each(|broker| resize(broker, SIZE_BYTES))
    }
}

fn resize(broker: usize, bytes: u64) -> Result<(), String> {
    let (size, at) = (format!("remount,size={bytes}"), folder(broker));
    carry_out("mount", &["-o", &size, &at.display().to_string()])
}

fn used_bytes(folder: &Path) -> Result<u64, String> {
    let told = rustix::fs::statvfs(folder).map_err(|error| error.to_string())?;
    Ok((told.f_blocks - told.f_bfree) * told.f_frsize)
}

fn folder(broker: usize) -> PathBuf {
    Path::new(PRIVATE).join(format!("chaos/disk{broker}"))
}
