//! Retention: which records are old or too many. Only plans; the log's start moves by a replicated
//! frame.

use std::io;

use super::handle::Log;
use crate::segment::Segment;

impl Log {
    /// Where retention by time and size would put the log's start, if further on. Looks only at
    /// segments below the high watermark. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn retention_target(&self, now_ms: i64, high_watermark: i64) -> io::Result<Option<i64>> {
        let (segments, config, log_start) = {
            let inner = self.shared.inner.lock();
            (
                inner.segments.clone(),
                inner.config.clone(),
                inner.log_start_offset,
            )
        };
        let committed = |segment: &&Segment| segment.next_offset <= high_watermark;
        let deletable: Vec<&Segment> = segments.iter().take_while(committed).collect();
        let by_time = match config.retention_ms {
            Some(retention_ms) => old(&deletable, now_ms.saturating_sub(retention_ms))?,
            None => 0,
        };
        let by_size = config
            .retention_bytes
            .map_or(0, |bytes| surplus(&segments, deletable.len(), bytes));
        let last = by_time.max(by_size).checked_sub(1);
        let target = last.map(|n| segments[n].next_offset);
        Ok(target.filter(|target| *target > log_start))
    }
}

/// How many segments, from the oldest on, have only records from before `oldest_kept_ms`. The age
/// of one without timestamps is that of the next.
fn old(segments: &[&Segment], oldest_kept_ms: i64) -> io::Result<usize> {
    for (n, segment) in segments.iter().enumerate() {
        let newest = match segment.max_timestamp()? {
            Some((timestamp, _)) => timestamp,
            None => segments.get(n + 1).unwrap_or(segment).head.created_ms,
        };
        if newest >= oldest_kept_ms {
            return Ok(n);
        }
    }
    Ok(segments.len())
}

/// How many segments, from the oldest on, can go without the rest falling below `bytes`.
fn surplus(segments: &[Segment], deletable: usize, bytes: u64) -> usize {
    let total: u64 = segments.iter().map(|segment| u64::from(segment.len)).sum();
    let mut left = total.saturating_sub(bytes);
    for (n, segment) in segments[..deletable].iter().enumerate() {
        let Some(rest) = left.checked_sub(segment.len.into()) else {
            return n;
        };
        left = rest;
    }
    deletable
}
