//! Mending a log in which a start found damage: the frames that cannot be read, as another replica has
//! them, are put in their place.
//!
//! What is committed is the same bytes on every replica, so that a frame fits where it stood. Where the
//! damaged one was not committed and another was, the start finds the next one damaged as well, and so
//! on until the log is what the others have committed.

use super::handle::Log;
use super::open::Place;
use super::types::{Damage, OpenError};
use crate::Identity;
use crate::dir::LogDir;
use crate::frame::CheckedFrame;
use ottla_platform::disk::OpenMode;

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
        let mut position = damage.position;
        let mut bytes = Vec::new();
        let mut count = 0;
        for (frame, index) in frames.into_iter().zip(damage.index..) {
            let (id, frame) = frame.into_parts();
            position += frame.size_bytes() as u64;
            if id.index != index || position > damage.limit {
                break;
            }
            bytes.extend_from_slice(&frame.header.encode());
            bytes.extend_from_slice(&frame.payload);
            count += 1;
        }
        if count > 0 {
            let file = shared.disk.open(&damage.file, OpenMode::Write)?;
            file.write_all_at(&bytes, damage.position)?;
            shared.sync(&[file], &[])?;
        }
        Ok(count)
    }
}
