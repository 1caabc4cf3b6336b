//! The power fails at every operation in turn: what was acknowledged is there afterwards, and the
//! log is what a list of its frames says it is.
//!
//! A run carries out steps chosen by a seed against a log and a model of it. The same run is
//! repeated with the power cut at operation 1, 2, 3 …; after each cut the log is opened, compared
//! and used again, with another cut some operations later.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ottla_platform::seed::Random;
use ottla_platform::sim::SimDisk;
use ottla_protocol::records::{CheckedBatch, ProducerStamp, Record};
use ottla_storage::{
    BATCHES_KEPT, Boundary, EntryKind, EntryMeta, FlushPolicy, Frame, Log, LogConfig, LogId,
    Outcome, Placed, Private,
};

use crate::support::*;

/// What a log should hold.
#[derive(Default)]
struct Model {
    /// Every frame appended and not truncated, those purged included.
    frames: Vec<(EntryMeta, Frame)>,
    /// Raft index of the first of them.
    base: u64,
    /// Raft index of the first of them that must be there.
    start: u64,
    /// Frames below this index were acknowledged.
    acknowledged: u64,
    log_start: i64,
    /// The log may also be this one instead: a replacement was under way.
    instead: Option<Boundary>,
    /// The vote acknowledged, and those saved since.
    votes: Vec<Option<Bytes>>,
    /// Newest sequence and placed batches by producer.
    sequences: BTreeMap<i64, i32>,
}

/// Submissions that are not answered.
#[derive(Default)]
struct Waiting {
    submitted: Vec<(u64, Answer)>,
    votes: Vec<(Bytes, Answer)>,
}

struct Run {
    rig: Rig,
    log: Log,
    model: Model,
    waiting: Waiting,
    random: Random,
    term: i32,
    config: LogConfig,
}

fn config(flush: FlushPolicy) -> LogConfig {
    LogConfig {
        flush,
        flush_messages: 20,
        segment_bytes: 900,
        ..small()
    }
}

impl Run {
    fn step(&mut self) -> std::io::Result<()> {
        // the durable mark reaches the journal now and then, so that not everything is scanned
        self.rig.clock.advance(Duration::from_millis(30));
        match self.random.below(100) {
            0..50 => self.append_batch(),
            50..56 => self.append_private(),
            56..70 => self.submit(),
            70..78 => _ = self.rig.dir.turn(),
            78..82 => self.vote(),
            82..87 => self.truncate()?,
            87..91 => self.delete_records(),
            91..95 => self.purge()?,
            95..96 => self.reset()?,
            96..98 => self.rig.dir.tidy()?,
            _ => self.term += 1,
        }
        self.note_answers();
        Ok(())
    }

    /// Of the next frame, after the blank that opens its term.
    fn id(&mut self) -> LogId {
        let id = next_id(&self.log, self.term);
        if self
            .log
            .state()
            .last
            .is_none_or(|last| last.term == id.term)
        {
            return id;
        }
        self.log.append_private(id, &Private::Blank);
        self.note_appended(id);
        next_id(&self.log, self.term)
    }

    fn append_batch(&mut self) {
        let producer_id = self.random.below(3) as i64;
        let records = 1 + self.random.below(3) as i32;
        let bytes = self.random.below(120) as usize;
        let next = self.model.sequences.get(&producer_id).copied().unwrap_or(0);
        // sometimes a sequence that skips, which leaves a void frame
        let base_sequence = if self.random.chance(1, 20) {
            next + 7
        } else {
            next
        };
        let stamp = ProducerStamp {
            producer_id,
            producer_epoch: 0,
            base_sequence,
            transactional: false,
        };
        let batch = build(records, bytes, NOW + base_sequence as i64, Some(stamp));
        let id = self.id();
        let outcome = self
            .log
            .append_leader(id, CheckedBatch::trusted(batch), None, NOW);
        match outcome {
            Outcome::Accepted(_) => {
                let next = base_sequence + records;
                self.model.sequences.insert(producer_id, next);
            }
            Outcome::Rejected(why) => assert_ne!(base_sequence, next, "{why}"),
            Outcome::Duplicate(_) => panic!("nothing was sent twice"),
        }
        self.note_appended(id);
    }

    fn append_private(&mut self) {
        let id = self.id();
        let members = Bytes::from(id.index.to_be_bytes().to_vec());
        let private = match self.random.below(3) {
            0 => Private::Blank,
            1 => Private::Membership(members),
            _ => Private::LogStart { offset: 0 },
        };
        self.log.append_private(id, &private);
        self.note_appended(id);
    }

    fn note_appended(&mut self, id: LogId) {
        let mut frames = self.log.frames(id.index, id.index + 1, 1).unwrap();
        self.model.frames.append(&mut frames);
    }

    fn submit(&mut self) {
        let answer = Answer::default();
        let end = self.log.state().next_index;
        self.log.submit(answer.done());
        self.waiting.submitted.push((end, answer));
    }

    fn vote(&mut self) {
        let answer = Answer::default();
        let vote = Bytes::from(self.random.next_u64().to_be_bytes().to_vec());
        self.model.votes.push(Some(vote.clone()));
        self.log.save_vote(vote.clone(), answer.done());
        self.waiting.votes.push((vote, answer));
    }

    fn truncate(&mut self) -> std::io::Result<()> {
        // what is committed, and so the log's start, is never truncated
        let committed = |(meta, _): &&(EntryMeta, Frame)| meta.next_offset <= self.model.log_start;
        let committed = self.model.frames.iter().take_while(committed).count() as u64;
        let first = self.model.start.max(self.model.base + committed);
        let end = self.log.state().next_index;
        let cut = end - self.random.below(30).min(end.saturating_sub(first));
        self.give_up_from(cut);
        self.log.truncate_after(cut.checked_sub(1))?;
        self.model.truncate(cut);
        self.resequence();
        Ok(())
    }

    /// From now on nobody counts on frames from this index on, answered or not.
    fn give_up_from(&mut self, index: u64) {
        self.model.acknowledged = self.model.acknowledged.min(index);
        for (end, _) in &mut self.waiting.submitted {
            *end = (*end).min(index);
        }
    }

    fn resequence(&mut self) {
        self.model.sequences.clear();
        for (_, frame) in &self.model.frames {
            let header = &frame.header;
            if header.has_producer() {
                let next = header.base_sequence + header.record_count;
                self.model.sequences.insert(header.producer_id, next);
            }
        }
    }

    fn delete_records(&mut self) {
        let end = self.log.state().log_end_offset;
        let offset = self.model.log_start + self.random.below(20) as i64;
        let offset = offset.min(end);
        self.log.advance_log_start(offset);
        self.model.log_start = self.model.log_start.max(offset);
        if let Some(last) = self.log.state().last {
            self.log.save_committed(last);
        }
    }

    fn purge(&mut self) -> std::io::Result<()> {
        let Some(boundary) = self.log.boundary_for_purge(self.model.acknowledged)? else {
            return Ok(());
        };
        let last = boundary.last.unwrap();
        if last.index + 1 > self.model.start {
            self.model.start = last.index + 1;
            self.log.purge_through(last)?;
        }
        Ok(())
    }

    fn reset(&mut self) -> std::io::Result<()> {
        let state = self.log.state();
        // a boundary may lie before frames that the leader does not have
        let back = self
            .random
            .below(10)
            .min(state.next_index - self.model.start);
        let index = state.next_index - back + self.random.below(20);
        let boundary = Boundary {
            last: Some(LogId {
                term: self.term,
                index,
            }),
            next_offset: state.log_end_offset + self.random.below(50) as i64,
            terms: vec![LogId {
                term: self.term,
                index,
            }],
            membership: Some((LogId { term: 1, index: 0 }, Bytes::from_static(b"reset"))),
            ..Boundary::default()
        };
        self.give_up_from(0);
        self.model.instead = Some(boundary.clone());
        self.log.reset_to(&boundary)?;
        self.model.become_empty(&boundary);
        self.resequence();
        Ok(())
    }

    fn note_answers(&mut self) {
        for (end, answer) in &self.waiting.submitted {
            if answer.is_ok() && self.config.flush == FlushPolicy::Fsync {
                let end = (*end).min(self.model.end());
                self.model.acknowledged = self.model.acknowledged.max(end);
            }
        }
        self.waiting
            .submitted
            .retain(|(_, answer)| answer.get().is_none());
        for (vote, answer) in &self.waiting.votes {
            if answer.is_ok() {
                let at = self
                    .model
                    .votes
                    .iter()
                    .position(|known| known.as_ref() == Some(vote));
                self.model.votes.drain(..at.unwrap());
            }
        }
        self.waiting
            .votes
            .retain(|(_, answer)| answer.get().is_none());
    }

    /// After a power cut: opens the log and compares. False if the power failed again meanwhile.
    fn recover(&mut self, cut_after: Option<u64>) -> bool {
        let disk = self.rig.disk.clone();
        disk.power_on();
        if let Some(operations) = cut_after {
            disk.cut_power_in(operations);
        }
        let opened = Rig::open(disk.clone()).and_then(|rig| {
            let opened = rig.open_log(0, &self.config);
            let (log, _) = opened.map_err(std::io::Error::other)?;
            Ok((rig, log))
        });
        let (rig, log) = match opened {
            Ok(opened) => opened,
            Err(_) if disk.is_off() => return false,
            Err(error) => panic!("cannot be opened: {error}"),
        };
        (self.rig, self.log) = (rig, log);
        self.waiting = Waiting::default();
        if !self.compare() {
            return false;
        }
        self.resequence();
        true
    }

    /// Compares the log with the model, which takes over what a crash left open.
    fn compare(&mut self) -> bool {
        let state = self.log.state();
        let model = &mut self.model;
        if let Some(boundary) = model.instead.take()
            && state.purged == boundary.last
        {
            model.become_empty(&boundary);
        }
        let first = state.purged.map_or(0, |purged| purged.index + 1);
        assert!(
            first <= model.start,
            "{first} is purged, {} is not",
            model.start
        );
        assert!(
            state.next_index >= model.acknowledged,
            "acknowledged frames are gone"
        );
        assert!(
            state.next_index <= model.end(),
            "frames that were never appended"
        );
        let Ok(frames) = self.log.frames_or_none(first, state.next_index) else {
            return false;
        };
        model.truncate(state.next_index);
        let known = &model.frames[(first - model.base) as usize..];
        assert!(
            frames == known,
            "other frames: {frames:?} instead of {known:?}"
        );
        let mut next_offset = None;
        for (meta, frame) in &frames {
            assert_eq!(
                meta.base_offset,
                next_offset.unwrap_or(meta.base_offset),
                "a gap"
            );
            frame.verify_crc().unwrap();
            next_offset = Some(meta.next_offset);
        }
        assert!(state.log_start_offset <= model.log_start);
        let vote = self.log.read_vote();
        assert!(
            model.votes.contains(&vote),
            "{vote:?} is not among {:?}",
            model.votes
        );
        model.votes = vec![vote];
        self.log.advance_log_start(model.log_start);
        self.compare_producers();
        self.compare_reads();
        self.compare_searches(first);
        true
    }

    fn compare_producers(&self) {
        let mut newest: BTreeMap<i64, Vec<(&Frame, Placed)>> = BTreeMap::new();
        for (meta, frame) in &self.model.frames {
            if frame.header.has_producer() {
                let placed = Placed {
                    base_offset: meta.base_offset,
                    next_offset: meta.next_offset,
                    log_append_time_ms: frame.header.max_timestamp,
                };
                newest
                    .entry(frame.header.producer_id)
                    .or_default()
                    .push((frame, placed));
            }
        }
        for batches in newest.values() {
            for (back, (frame, placed)) in batches.iter().rev().enumerate() {
                let expected = (back < BATCHES_KEPT).then_some(*placed);
                assert_eq!(
                    self.log.duplicate_of(&frame.header),
                    expected,
                    "{back} back"
                );
            }
        }
    }

    /// Each frame is found by its index, and each batch by its last offset.
    fn compare_searches(&self, first: u64) {
        let start = self.log.state().log_start_offset;
        for (meta, frame) in &self.model.frames[(first - self.model.base) as usize..] {
            let found = self
                .log
                .frames(meta.id.index, meta.id.index + 1, 1)
                .unwrap();
            assert!(
                found == [(meta.clone(), frame.clone())],
                "not found: {meta:?}"
            );
            let last_offset = meta.next_offset - 1;
            if last_offset >= start && meta.next_offset > meta.base_offset {
                let read = self.log.read(last_offset, 1, true, i64::MAX).unwrap();
                assert_eq!(read.first_offset, meta.base_offset, "{meta:?}");
            }
        }
        let below = self.log.state().log_end_offset;
        let late = self.log.offset_for_timestamp(NOW + 3, below).unwrap();
        let found = late.map(|late| late.offset);
        assert_eq!(found, self.first_at(NOW + 3, start));
    }

    fn first_at(&self, timestamp: i64, from: i64) -> Option<i64> {
        let frames = self.model.frames.iter().map(|(_, frame)| frame.clone());
        let batches = frames.map(ottla_protocol::records::Batch::from);
        let records = batches.filter(|batch| batch.header.record_count > 0);
        let mut records = records.flat_map(|batch| batch.records(1 << 20).unwrap());
        let wanted = |record: &Record| record.timestamp >= timestamp && record.offset >= from;
        records.find_map(|record| record.ok().filter(wanted).map(|record| record.offset))
    }

    fn compare_reads(&self) {
        let start = self.log.state().log_start_offset;
        let wanted = self.model.frames.iter().filter(|(meta, _)| {
            !matches!(meta.kind, EntryKind::Private(_)) && meta.next_offset > start
        });
        let expected: Vec<u8> = wanted
            .flat_map(|(_, frame)| ottla_protocol::records::Batch::from(frame.clone()).to_bytes())
            .collect();
        let read = read_all(&self.log, start, 500);
        assert_eq!(read, expected, "reads differ from the model");
    }
}

trait FramesOrNone {
    fn frames_or_none(&self, start: u64, end: u64) -> std::io::Result<Vec<(EntryMeta, Frame)>>;
}

impl FramesOrNone for Log {
    fn frames_or_none(&self, start: u64, end: u64) -> std::io::Result<Vec<(EntryMeta, Frame)>> {
        if start == end {
            return Ok(Vec::new());
        }
        self.frames(start, end, usize::MAX)
    }
}

impl Model {
    fn end(&self) -> u64 {
        self.base + self.frames.len() as u64
    }

    fn truncate(&mut self, end: u64) {
        self.frames.truncate((end - self.base) as usize);
        self.acknowledged = self.acknowledged.min(end);
    }

    fn become_empty(&mut self, boundary: &Boundary) {
        self.frames.clear();
        self.base = boundary.next_index();
        self.start = self.base;
        self.acknowledged = self.start;
        self.log_start = boundary.next_offset;
        self.instead = None;
    }
}

/// Runs `steps` steps with the power cut at operation `cut_at`, and again `cut_again` operations
/// into the recovery; the operations used. The same seed takes the same steps.
fn run(seed: u64, steps: usize, flush: FlushPolicy, cut_at: Option<u64>) -> u64 {
    let disk = Rig::new(seed).disk;
    disk.set_faults(|faults| faults.whole_sync = seed.is_multiple_of(2));
    let rig = Rig::open(disk).unwrap();
    let before = rig.disk.operations();
    let config = config(flush);
    let log = rig.log(&config);
    if let Some(operation) = cut_at {
        rig.disk.cut_power_in(operation);
    }
    let mut run = Run {
        rig,
        log,
        model: Model {
            votes: vec![None],
            ..Model::default()
        },
        waiting: Waiting::default(),
        random: Random::new(seed ^ 0xabcd),
        term: 1,
        config,
    };
    for _ in 0..steps {
        let result = run.step();
        if run.rig.disk.is_off() {
            run.note_answers();
            // once within recovery, then to the end
            let again = run.random.below(30) + 1;
            if !run.recover(Some(again)) || run.rig.disk.is_off() {
                assert!(run.recover(None));
            }
            run.rig.disk.set_faults(|faults| faults.power_cut_at = None);
        } else {
            result.unwrap();
        }
    }
    assert!(run.rig.failures.lock().is_empty());
    // and once more at the end, without warning
    run.rig.settle();
    run.note_answers();
    assert!(run.recover(None));
    run.rig.disk.operations() - before
}

fn cut_everywhere(seeds: std::ops::Range<u64>, steps: usize, flush: FlushPolicy) {
    for seed in seeds {
        let operations = run(seed, steps, flush, None);
        for cut_at in 1..=operations {
            let outcome = std::panic::catch_unwind(|| run(seed, steps, flush, Some(cut_at)));
            assert!(
                outcome.is_ok(),
                "seed {seed}, power cut at operation {cut_at}"
            );
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_fails() {
    cut_everywhere(0..4, 100, FlushPolicy::Fsync);
}

#[test]
fn asynchronous_flush_loses_only_the_end_and_never_a_vote() {
    cut_everywhere(100..102, 100, FlushPolicy::Async);
}

#[test]
fn long_runs_survive_a_power_cut_anywhere() {
    for seed in 1_000..1_060 {
        let operations = run(seed, 400, FlushPolicy::Fsync, None);
        let cut_at = Random::new(seed).below(operations) + 1;
        run(seed, 400, FlushPolicy::Fsync, Some(cut_at));
    }
}

#[test]
fn creating_a_log_is_all_or_nothing() {
    for cut_at in 1..40 {
        for seed in 0..20 {
            let rig = Rig::new(seed);
            let disk = rig.disk.clone();
            disk.set_faults(|faults| faults.whole_sync = seed.is_multiple_of(2));
            drop(rig);
            let rig = Rig::open(disk).unwrap();
            rig.disk.cut_power_in(cut_at);
            let created = rig.open_log(0, &small()).is_ok();
            let disk: SimDisk = rig.disk.clone();
            drop(rig);
            disk.power_on();
            let rig = Rig::open(disk).unwrap();
            let (log, recovered) = rig.open_log(0, &small()).unwrap();
            assert!(created || recovered.created || log.state().next_index == 0);
            accepted(append(&log, batch(1, 1, NOW)));
            commit(&rig, &log);
        }
    }
}
