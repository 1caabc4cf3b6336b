//! Look-ups by time: which record is the first at or after a moment, which has the largest
//! timestamp. These read batches and may unpack one.

use std::io;

use ottla_protocol::records::{Batch, Record};

use super::handle::Log;
use super::read::again_if_gone;
use super::types::TimestampOffset;
use crate::segment::{Segment, Step, TimeEntry, View, Walk};

/// A batch that is searched may inflate to this much.
const INFLATED_BYTES_MAX: usize = 1 << 30;

impl Log {
    /// The first record at or after `timestamp`, from the log's start to below offset `below`.
    /// Blocks.
    ///
    /// # Errors
    /// The disk fails or a batch cannot be unpacked.
    pub fn offset_for_timestamp(
        &self,
        timestamp: i64,
        below: i64,
    ) -> io::Result<Option<TimestampOffset>> {
        again_if_gone(|| self.try_offset_for(timestamp, below))
    }

    fn try_offset_for(&self, timestamp: i64, below: i64) -> io::Result<Option<TimestampOffset>> {
        let (segments, log_start) = self.segments_below(below);
        for segment in segments {
            let newest = segment.max_timestamp()?;
            if newest.is_none_or(|(newest, _)| newest < timestamp) {
                continue;
            }
            // no batch before this one is as late
            let from = time_floor(&segment, timestamp)?.max(log_start);
            let mut walk = self.walk(&segment, from)?;
            while let Some(step) = walk.next()? {
                let header = &step.header;
                if header.base_offset >= below {
                    break;
                }
                if step.is_private()
                    || header.max_timestamp < timestamp
                    || header.next_offset() <= from
                {
                    continue;
                }
                let wanted =
                    |record: &Record| record.timestamp >= timestamp && record.offset >= log_start;
                if let Some(found) = find_record(&walk, &step, wanted)? {
                    return Ok((found.offset < below).then_some(found));
                }
            }
        }
        Ok(None)
    }

    /// The record with the largest timestamp from the log's start to below offset `below` (the
    /// first of equals). Blocks.
    ///
    /// # Errors
    /// As [`Log::offset_for_timestamp`].
    pub fn max_timestamp(&self, below: i64) -> io::Result<Option<TimestampOffset>> {
        again_if_gone(|| self.try_max_timestamp(below))
    }

    fn try_max_timestamp(&self, below: i64) -> io::Result<Option<TimestampOffset>> {
        let (segments, log_start) = self.segments_below(below);
        let mut best: Option<(i64, &Segment, i64)> = None;
        for segment in &segments {
            let newest = match segment.max_timestamp()? {
                Some((_, offset)) if !(log_start..below).contains(&offset) => {
                    self.max_of_part(segment, log_start, below)?
                }
                known => known,
            };
            if let Some((timestamp, offset)) = newest
                && best.is_none_or(|(best, ..)| timestamp > best)
            {
                best = Some((timestamp, segment, offset));
            }
        }
        let Some((timestamp, segment, offset)) = best else {
            return Ok(None);
        };
        let mut walk = self.walk(segment, offset)?;
        let holds = |step: &Step| !step.is_private() && step.header.next_offset() > offset;
        match walk.find(holds)? {
            Some(step) => find_record(&walk, &step, |record| record.timestamp >= timestamp),
            None => Ok(None),
        }
    }

    /// Segments with records below an offset and not below the log's start.
    fn segments_below(&self, below: i64) -> (Vec<Segment>, i64) {
        let inner = self.shared.inner.lock();
        let log_start = inner.log_start_offset;
        let holds = |segment: &&Segment| {
            segment.head.base_offset < below && segment.next_offset > log_start
        };
        (
            inner.segments.iter().filter(holds).cloned().collect(),
            log_start,
        )
    }

    /// The largest timestamp of a segment's batches that lie in a range of offsets.
    fn max_of_part(
        &self,
        segment: &Segment,
        from: i64,
        below: i64,
    ) -> io::Result<Option<(i64, i64)>> {
        let mut walk = self.walk(segment, from)?;
        let mut best = None;
        while let Some(step) = walk.next()? {
            let (timestamp, last) = (step.header.max_timestamp, step.header.last_offset());
            let inside = !step.is_private() && last >= from && last < below;
            if inside && timestamp >= 0 && best.is_none_or(|(best, _)| timestamp > best) {
                best = Some((timestamp, last));
            }
        }
        Ok(best)
    }

    /// The largest timestamp of a segment's first batch, or −1. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub(super) fn first_timestamp(&self, segment: &Segment) -> io::Result<i64> {
        let mut walk = self.walk(segment, segment.head.base_offset)?;
        let first = walk.find(|step| !step.is_private())?;
        Ok(first.map_or(-1, |step| step.header.max_timestamp))
    }

    fn walk(&self, segment: &Segment, offset: i64) -> io::Result<Walk> {
        let full_len = self.shared.inner.lock().config.segment_bytes.into();
        let view = View::for_offset(segment, full_len, offset);
        view.walk_to_offset(&self.shared.dir.maps, offset)
    }
}

/// An offset at or before which every batch is older than `timestamp`, but for the batch that
/// holds it.
fn time_floor(segment: &Segment, timestamp: i64) -> io::Result<i64> {
    let beyond = |entry: &TimeEntry| entry.timestamp > timestamp;
    let floor = match segment.sparse.times.floor_pending(beyond) {
        Some(entry) => Some(entry),
        None => segment.time_entries()?.floor(beyond)?,
    };
    let relative = floor.map_or(0, |entry| i64::from(entry.relative_offset));
    Ok(segment.head.base_offset + relative)
}

/// The first record of a batch that is wanted.
fn find_record(
    walk: &Walk,
    step: &Step,
    wanted: impl Fn(&Record) -> bool,
) -> io::Result<Option<TimestampOffset>> {
    let batch = Batch::from(walk.frame(step)?);
    let broken = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    for record in batch.records(INFLATED_BYTES_MAX).map_err(broken)? {
        let record = record?;
        if wanted(&record) {
            return Ok(Some(TimestampOffset {
                timestamp: record.timestamp,
                offset: record.offset,
                leader_epoch: step.header.partition_leader_epoch,
            }));
        }
    }
    Ok(None)
}
