//! Mending a log that is damaged: the frames that cannot be read, as another replica has them, are put in
//! their place.
//!
//! What is committed is the same bytes on every replica until one of them is compacted, so that a frame fits
//! where it stood. Whether it does can be seen by what follows: nothing is written unless a frame that is good
//! is next, or the segment's end. Only at the log's end, which is not compacted, all that others have is written:
//! where the damaged frame was not committed and another was, a start finds the next one damaged as well, and so
//! on until the log is what the others have committed.

use std::io;
use std::sync::Arc;

use ottla_platform::disk::{DiskFile, OpenMode, is_unreadable};
use ottla_protocol::records::{BatchHeader, HEADER_LEN};

use super::expected::Expected;
use super::handle::Log;
use super::open::Place;
use super::scan::Reader;
use super::types::{Damage, OpenError};
use crate::Identity;
use crate::dir::LogDir;
use crate::frame::{CheckedFrame, Private};

impl Log {
    /// Writes committed frames, the damaged one first, over the damage in a log that is not open: as
    /// many as are needed, if they fit. They are durable on return; how many. Blocks.
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
        let room = Room {
            position: damage.position,
            limit: damage.limit,
            is_last: damage.limit == u64::MAX,
        };
        let count = write_over(&file, room, expected, frames)?;
        shared.sync(&[file], &[])?;
        shared.counters.mended(count);
        Ok(count)
    }
}

/// Where frames may be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) position: u64,
    /// The segment's end.
    pub(super) limit: u64,
    /// It is the segment that is written to, or was.
    pub(super) is_last: bool,
}

/// Writes those of some frames that are the expected one and those that follow it, as many as are needed until
/// what stands there is good again; how many.
pub(super) fn write_over(
    file: &Arc<dyn DiskFile>,
    room: Room,
    mut expected: Expected,
    frames: Vec<CheckedFrame>,
) -> io::Result<usize> {
    let mut bytes = Vec::new();
    let (mut count, mut fits) = (0, room.is_last);
    for frame in frames {
        let is_gap = frame.private() == Some(Private::Gap);
        let (id, frame) = frame.into_parts();
        let end = room.position + (bytes.len() + frame.size_bytes()) as u64;
        let is_next = id.index == expected.index && expected.is(&frame);
        if is_gap || !is_next || end > room.limit {
            break;
        }
        bytes.extend_from_slice(&frame.header.encode());
        bytes.extend_from_slice(&frame.payload);
        expected.pass(&frame.header);
        count += 1;
        if goes_on(file, end, room.limit, &expected)? {
            fits = true;
            break;
        }
    }
    if !fits || count == 0 {
        return Ok(0);
    }
    file.write_all_at(&bytes, room.position)?;
    Ok(count)
}

/// Whether the segment ends here, or goes on with the frame that has to follow.
fn goes_on(
    file: &Arc<dyn DiskFile>,
    position: u64,
    limit: u64,
    expected: &Expected,
) -> io::Result<bool> {
    let limit = limit.min(file.len()?);
    let mut head = [0; HEADER_LEN];
    if position + head.len() as u64 > limit {
        return Ok(position == limit);
    }
    // most often this tells, and little is read
    match file.read_exact_at(&mut head, position) {
        Err(error) if is_unreadable(&error) => return Ok(false),
        read => read?,
    }
    let header = BatchHeader::parse(&head);
    if !header.is_some_and(|header| expected.is_headed_by(&header)) {
        return Ok(false);
    }
    let mut reader = Reader::new(Arc::clone(file), limit);
    reader.position = position;
    Ok(reader.next(expected)?.is_some())
}
