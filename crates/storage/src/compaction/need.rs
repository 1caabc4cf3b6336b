//! When a log is due for compaction, and which of its segments are written together.

use std::ops::Range;

/// What compaction of a log would look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// Share of bytes that were never looked at.
    pub dirty_ratio: f64,
    /// Bytes that were never looked at.
    pub dirty_bytes: u64,
    /// It is dirty enough, or the oldest record that was never looked at has waited long enough.
    pub is_due: bool,
    /// From here on nothing was looked at.
    pub(crate) first_dirty: i64,
    /// What lies behind is not decided, too young, or still written to.
    pub(crate) end: i64,
}

/// What the planner knows of a segment whose records are all decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) offsets: (i64, i64),
    pub(crate) indexes: (u64, u64),
    pub(crate) bytes: u64,
    /// Timestamps of its first batch and the largest; −1 where it has none.
    pub(crate) oldest_ms: i64,
    pub(crate) newest_ms: i64,
}

/// `min.cleanable.dirty.ratio` and the lags, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) dirty_ratio: f64,
    pub(crate) lag_min_ms: i64,
    pub(crate) lag_max_ms: i64,
}

impl Need {
    /// Of segments from the log's start on; `None` if there is nothing that was never looked at.
    pub(crate) fn of(
        segments: &[Candidate],
        first_dirty: i64,
        limits: Limits,
        now_ms: i64,
    ) -> Option<Need> {
        let clean = segments.partition_point(|it| it.offsets.1 <= first_dirty);
        let (clean, dirty) = segments.split_at(clean);
        let young = |it: &&Candidate| {
            limits.lag_min_ms > 0 && it.newest_ms > now_ms.saturating_sub(limits.lag_min_ms)
        };
        let dirty = &dirty[..dirty.iter().take_while(|it| !young(it)).count()];
        let end = dirty.last()?.offsets.1;
        let bytes = |of: &[Candidate]| of.iter().map(|it| it.bytes).sum::<u64>();
        let dirty_bytes = bytes(dirty);
        let dirty_ratio = dirty_bytes as f64 / (bytes(clean) + dirty_bytes).max(1) as f64;
        let oldest_ms = dirty
            .iter()
            .map(|it| it.oldest_ms)
            .filter(|ms| *ms > 0)
            .min();
        let waits = oldest_ms.is_some_and(|ms| now_ms.saturating_sub(ms) >= limits.lag_max_ms);
        Some(Need {
            dirty_ratio,
            dirty_bytes,
            is_due: dirty_ratio > limits.dirty_ratio || waits,
            first_dirty,
            end,
        })
    }
}

/// Which adjacent segments become one: as many as fit a segment, by what they have now.
pub(crate) fn groups(segments: &[Candidate], segment_bytes: u64) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (n, segment) in segments.iter().enumerate() {
        let fits = groups.last().is_some_and(|group| {
            let first = &segments[group.start];
            let bytes: u64 = segments[group.clone()].iter().map(|it| it.bytes).sum();
            let span = segment.offsets.1 - first.offsets.0;
            let indexes = segment.indexes.1 - first.indexes.0;
            bytes + segment.bytes <= segment_bytes
                && span <= i64::from(i32::MAX)
                && indexes <= u64::from(u32::MAX)
        });
        match groups.last_mut() {
            Some(group) if fits => group.end = n + 1,
            Some(_) | None => groups.push(n..n + 1),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        dirty_ratio: 0.5,
        lag_min_ms: 0,
        lag_max_ms: i64::MAX,
    };

    /// Segments of ten offsets, indexes and milliseconds each, with these sizes.
    fn segments(bytes: &[u64]) -> Vec<Candidate> {
        let segment = |(n, bytes): (i64, &u64)| Candidate {
            offsets: (n * 10, n * 10 + 10),
            indexes: (n as u64 * 10, n as u64 * 10 + 10),
            bytes: *bytes,
            oldest_ms: n * 10 + 1,
            newest_ms: n * 10 + 10,
        };
        (0..).zip(bytes).map(segment).collect()
    }

    fn need(bytes: &[u64], first_dirty: i64, limits: Limits, now_ms: i64) -> Option<Need> {
        Need::of(&segments(bytes), first_dirty, limits, now_ms)
    }

    #[test]
    fn a_log_is_due_when_enough_of_it_is_dirty() {
        let ratio = |bytes: &[u64], first_dirty| {
            let need = need(bytes, first_dirty, LIMITS, 0).unwrap();
            (need.dirty_ratio, need.dirty_bytes, need.is_due)
        };
        assert_eq!(ratio(&[100, 100], 0), (1.0, 200, true));
        assert_eq!(ratio(&[100, 100], 10), (0.5, 100, false));
        assert!(ratio(&[100, 101], 10).2);
        // a segment that was looked at in part is dirty
        assert_eq!(ratio(&[100, 100, 100], 15).1, 200);
        assert_eq!(need(&[100, 100], 20, LIMITS, 0), None);
        assert_eq!(need(&[], 0, LIMITS, 0), None);
    }

    #[test]
    fn young_records_and_all_behind_them_wait() {
        let limits = Limits {
            lag_min_ms: 100,
            ..LIMITS
        };
        let end = |now_ms| Some(need(&[1, 1, 1], 0, limits, now_ms)?.end);
        assert_eq!(end(109), None);
        assert_eq!(end(110), Some(10));
        assert_eq!(end(125), Some(20));
    }

    #[test]
    fn old_records_wait_no_longer() {
        let limits = Limits {
            lag_max_ms: 100,
            ..LIMITS
        };
        let is_due = |now_ms| need(&[1000, 1], 10, limits, now_ms).unwrap().is_due;
        assert!(!is_due(110));
        assert!(is_due(111));
    }

    #[test]
    fn small_segments_become_one() {
        let grouped = |bytes: &[u64]| groups(&segments(bytes), 100);
        assert_eq!(grouped(&[]), []);
        assert_eq!(grouped(&[40, 40, 20, 1, 200, 50]), [0..3, 3..4, 4..5, 5..6]);
        let mut far = segments(&[1, 1, 1]);
        far[1].offsets.1 = i64::from(i32::MAX) + 1;
        assert_eq!(groups(&far, 100), [0..1, 1..3]);
    }
}
