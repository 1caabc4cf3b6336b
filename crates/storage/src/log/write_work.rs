//! What the writer is to do for one log: frames, index entries and new segments, in the order in
//! which they go to the disk. Made under the log's lock, carried out outside of it, and noted under
//! the lock again.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::shared::Inner;
use crate::frame::Frame;
use crate::segment::{Aborted, HEAD_LEN, Head, Kind, Segment, SegmentFiles};
use crate::tail::Unwritten;
use crate::transactions::ABORTED_LEN;

/// Index entries kept in memory before they are written.
const INDEX_ENTRIES_PENDING: usize = 256;

/// The making of a segment.
pub(crate) struct Roll {
    pub(crate) head: Head,
    pub(crate) boundary: Bytes,
    pub(crate) closed: Arc<SegmentFiles>,
    pub(crate) closed_len: u32,
    pub(crate) has_aborted: bool,
    pub(crate) new: Arc<SegmentFiles>,
    pub(crate) preallocate: Option<u64>,
}

/// What the writer is to do for one log, in order.
pub(crate) struct WriteWork {
    pub(crate) steps: Vec<WriteStep>,
    /// Frames in all steps.
    pub(super) frames: usize,
    /// Segments made.
    pub(super) rolls: usize,
    /// Raft index after the last frame.
    pub(super) next_index: u64,
}

pub(crate) enum WriteStep {
    Frames(WriteFrames),
    Index(WriteIndex),
    Roll(Roll),
}

/// Frames to be written one after the other.
pub(crate) struct WriteFrames {
    pub(crate) files: Arc<SegmentFiles>,
    pub(crate) position: u32,
    pub(crate) len: u32,
    pub(crate) segment_bytes: u64,
    pub(crate) frames: Vec<Frame>,
    segment: u64,
}

/// Entries to be appended to the index files of a segment.
pub(crate) struct WriteIndex {
    pub(crate) files: Arc<SegmentFiles>,
    /// Kind, position and bytes.
    pub(crate) writes: [(Kind, u64, Vec<u8>); 4],
    counts: [usize; 4],
    segment: u64,
}

/// The steps that write everything appended, and the frames of each step that has some.
pub(super) fn collect(inner: &mut Inner) -> (WriteWork, Vec<Vec<Unwritten>>) {
    let mut rolls = std::mem::take(&mut inner.pipeline.rolls);
    let mut work = WriteWork {
        steps: Vec::new(),
        frames: 0,
        rolls: rolls.len(),
        next_index: inner.history.next_index(),
    };
    let mut contents: Vec<Vec<Unwritten>> = Vec::new();
    if inner.pipeline.abandoned {
        return (work, contents);
    }
    for (recent, unwritten) in inner.tail.unwritten() {
        let same = matches!(work.steps.last(), Some(WriteStep::Frames(last)) if last.segment == recent.segment);
        if !same {
            begin_rolls(inner, &mut work.steps, &mut rolls, recent.segment);
            let segment = segment_from(inner, recent.segment);
            work.steps.push(WriteStep::Frames(WriteFrames {
                files: Arc::clone(&segment.files),
                position: recent.position,
                len: 0,
                segment_bytes: inner.config.segment_bytes.into(),
                frames: Vec::new(),
                segment: recent.segment,
            }));
            contents.push(Vec::new());
        }
        if let (Some(WriteStep::Frames(step)), Some(frames)) =
            (work.steps.last_mut(), contents.last_mut())
        {
            step.len += recent.meta.size_bytes;
            frames.push(unwritten.clone());
        }
        work.frames += 1;
    }
    begin_rolls(inner, &mut work.steps, &mut rolls, u64::MAX);
    let active = inner.segments.last().expect("a log always has a segment");
    let wanted = std::mem::take(&mut inner.pipeline.index_wanted);
    work.steps.extend(index_step(active, wanted));
    (work, contents)
}

/// Closes and makes segments up to the one that begins at `first_index`.
fn begin_rolls(
    inner: &Inner,
    steps: &mut Vec<WriteStep>,
    rolls: &mut VecDeque<Roll>,
    first_index: u64,
) {
    while let Some(roll) = rolls.pop_front_if(|roll| roll.head.first_index <= first_index) {
        let closed = inner.segment_of_index(roll.head.first_index - 1);
        steps.extend(closed.and_then(|segment| index_step(segment, true)));
        steps.push(WriteStep::Roll(roll));
    }
}

fn segment_from(inner: &Inner, first_index: u64) -> &Segment {
    let segment = inner.segment_of_index(first_index);
    segment.expect("an unwritten frame lies in a segment of the log")
}

/// The index entries of a segment that are to be written now, if any.
fn index_step(segment: &Segment, wanted: bool) -> Option<WriteStep> {
    let sparse = &segment.sparse;
    let aborted: Vec<u8> = match &segment.aborted {
        Aborted::Known { all, in_file } => {
            all[*in_file..].iter().flat_map(|e| e.encode()).collect()
        }
        Aborted::InFile => Vec::new(),
    };
    let pending = sparse.pending();
    let due = wanted && pending > 0 || pending >= INDEX_ENTRIES_PENDING || !aborted.is_empty();
    if !due {
        return None;
    }
    let at = |in_file: Option<u32>, len: u64| u64::from(in_file.unwrap_or(0)) * len;
    let counts = [
        sparse.offsets.pending.len(),
        sparse.times.pending.len(),
        sparse.raft.pending.len(),
        aborted.len() / ABORTED_LEN,
    ];
    let aborted_at = match &segment.aborted {
        Aborted::Known { in_file, .. } => (*in_file * ABORTED_LEN) as u64,
        Aborted::InFile => 0,
    };
    Some(WriteStep::Index(WriteIndex {
        files: Arc::clone(&segment.files),
        writes: [
            (
                Kind::Offsets,
                at(sparse.offsets.in_file, 8),
                sparse.offsets.pending_bytes(counts[0]),
            ),
            (
                Kind::Times,
                at(sparse.times.in_file, 12),
                sparse.times.pending_bytes(counts[1]),
            ),
            (
                Kind::Raft,
                HEAD_LEN as u64 + at(sparse.raft.in_file, 8),
                sparse.raft.pending_bytes(counts[2]),
            ),
            (Kind::Transactions, aborted_at, aborted),
        ],
        counts,
        segment: segment.head.first_index,
    }))
}

pub(super) fn note_written(inner: &mut Inner, step: &WriteStep) {
    let first_index = match step {
        WriteStep::Frames(frames) => frames.segment,
        WriteStep::Index(index) => index.segment,
        // the segment before the new one
        WriteStep::Roll(roll) => roll.head.first_index - 1,
    };
    let after = inner
        .segments
        .partition_point(|s| s.head.first_index <= first_index);
    let segment = &mut inner.segments[after - 1];
    match step {
        WriteStep::Frames(frames) => segment.written = frames.position + frames.len,
        WriteStep::Index(index) => {
            segment.sparse.offsets.written(index.counts[0]);
            segment.sparse.times.written(index.counts[1]);
            segment.sparse.raft.written(index.counts[2]);
            if let Aborted::Known { in_file, .. } = &mut segment.aborted {
                *in_file += index.counts[3];
            }
        }
        WriteStep::Roll(_) => segment.aborted = Aborted::InFile,
    }
}
