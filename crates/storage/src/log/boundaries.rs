//! Boundaries of the log's segments: where it could begin instead.

use std::io;

use super::handle::Log;
use super::shared::Inner;
use crate::Boundary;
use crate::segment::Segment;

impl Log {
    /// The newest boundary with all frames before it at or below `index` and all records before
    /// it below the log's start: what may be purged is what lies before it. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn boundary_for_purge(&self, index: u64) -> io::Result<Option<Boundary>> {
        self.newest_boundary(index, i64::MAX, true)
    }

    /// The newest boundary with all frames before it at or below `index`. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn boundary_below(&self, index: u64) -> io::Result<Option<Boundary>> {
        self.newest_boundary(index, i64::MAX, false)
    }

    fn newest_boundary(
        &self,
        index: u64,
        offset: i64,
        below_log_start: bool,
    ) -> io::Result<Option<Boundary>> {
        let candidates: Vec<Segment> = {
            let inner = self.shared.inner.lock();
            let offset = if below_log_start {
                inner.log_start_offset
            } else {
                offset
            };
            inner.boundaries(index, offset)
        };
        for segment in candidates.iter().rev() {
            if let Some(boundary) = segment.files.boundary()? {
                return Ok(Some(boundary));
            }
        }
        Ok(None)
    }
}

impl Inner {
    /// Segments whose files are made and that begin at or before the limits.
    fn boundaries(&self, index: u64, offset: i64) -> Vec<Segment> {
        let unmade = self.pipeline.rolls.front();
        let unmade = unmade.map_or(u64::MAX, |roll| roll.head.first_index);
        let begins = |segment: &&Segment| {
            let head = &segment.head;
            head.first_index <= index.saturating_add(1)
                && head.first_index < unmade
                && head.base_offset <= offset
        };
        self.segments.iter().filter(begins).cloned().collect()
    }
}
