//! Mending a log that is damaged: the frames that cannot be read, as another replica has them, are put in
//! their place.
//!
//! What is committed is the same bytes on every replica, so that a frame fits where it stood. Where the
//! damaged one was not committed and another was, a start finds the next one damaged as well, and so
//! on until the log is what the others have committed.

use std::io;

use ottla_platform::disk::{DiskFile, OpenMode};

use super::expected::Expected;
use super::handle::Log;
use super::open::Place;
use super::types::{Damage, OpenError};
use crate::Identity;
use crate::dir::LogDir;
use crate::frame::CheckedFrame;

impl Log {
    /// Writes committed frames, the damaged one first, over the damage in a log that is not open: as
    /// many as there is room for in the segment. They are durable on return; how many. Blocks.
    ///
    /// # Errors
    /// The log is open, or the disk fails.
    pub fn mend(
        dir: &LogDir,
        identity: Identity,
        damage: &Damage,
        frames: Vec<CheckedFrame>,
    ) -> Result<usize, OpenError> {
        let shared = &dir.shared;
        shared.check()?;
        let _place = Place::take(shared, identity)?;
        let expected = Expected::behind(damage.previous, damage.offset);
        if frames.is_empty() {
            return Ok(0);
        }
        let file = shared.disk.open(&damage.file, OpenMode::Write)?;
        let count = write_over(&*file, damage.position..damage.limit, expected, frames)?;
        shared.sync(&[file], &[])?;
        shared.counters.mended(count);
        Ok(count)
    }
}

/// Writes those of some frames that are the expected one and those that follow it, as many as there is room
/// for in a range of bytes; how many.
pub(super) fn write_over(
    file: &dyn DiskFile,
    room: std::ops::Range<u64>,
    mut expected: Expected,
    frames: Vec<CheckedFrame>,
) -> io::Result<usize> {
    let mut bytes = Vec::new();
    let mut count = 0;
    for frame in frames {
        let (id, frame) = frame.into_parts();
        let end = room.start + (bytes.len() + frame.size_bytes()) as u64;
        if id.index != expected.index || !expected.is(&frame) || end > room.end {
            break;
        }
        bytes.extend_from_slice(&frame.header.encode());
        bytes.extend_from_slice(&frame.payload);
        expected.pass(&frame.header);
        count += 1;
    }
    if count > 0 {
        file.write_all_at(&bytes, room.start)?;
    }
    Ok(count)
}
