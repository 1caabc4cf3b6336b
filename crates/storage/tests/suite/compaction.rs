//! Compaction beside a log that is the same and is not compacted.
//!
//! A run writes what a seed chooses to both, compacts one of them now and then, and compares: whoever reads
//! it from the start comes to the same state, and all that is left is what it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ottla_platform::seed::Random;
use ottla_protocol::records::{
    Batch, BatchBuilder, Batches, CheckedBatch, Compression, EndMarker, ProducerStamp,
};
use ottla_storage::{
    CheckedFrame, Cleaned, CleaningOptions, DirectoryMeta, EntryKind, Log, LogConfig, LogId,
    Outcome, Private,
};

use crate::support::*;

mod faults;

const HOUR: i64 = 3_600_000;
const KEYS: u64 = 12;
/// Producers that write transactions.
const TRANSACTIONAL: std::ops::Range<i64> = 10..13;

fn config() -> LogConfig {
    LogConfig {
        compact: true,
        segment_bytes: 900,
        delete_retention_ms: HOUR,
        min_cleanable_dirty_ratio: 0.01,
        ..small()
    }
}

/// What a reader of committed data sees of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    timestamp: i64,
}

/// Both logs, and what producers do.
struct Run {
    rig: Rig,
    /// Compacted, and not.
    logs: [Log; 2],
    random: Random,
    term: i32,
    now_ms: i64,
    sequences: BTreeMap<i64, i32>,
    open: BTreeMap<i64, bool>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let rig = Rig::new(seed);
        let plain = LogConfig {
            compact: false,
            ..config()
        };
        let logs = [
            rig.open_log(0, &config()).unwrap().0,
            rig.open_log(1, &plain).unwrap().0,
        ];
        Run {
            rig,
            logs,
            random: Random::new(seed),
            term: 1,
            now_ms: NOW,
            sequences: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    fn step(&mut self) {
        self.now_ms += self.random.below(60_000) as i64;
        self.rig.clock.advance(Duration::from_millis(30));
        match self.random.below(100) {
            0..40 => self.write(None),
            40..55 => self.write(Some(self.random_of(0..3))),
            55..85 => self.write(Some(self.random_of(TRANSACTIONAL))),
            85..93 => self.end(),
            93..96 => self.write_out_of_order(),
            _ => self.open_term(),
        }
    }

    fn random_of(&self, range: std::ops::Range<i64>) -> i64 {
        let mut random = self.random.clone();
        range.start + random.below((range.end - range.start) as u64) as i64
    }

    fn id(&self) -> LogId {
        next_id(&self.logs[0], self.term)
    }

    fn open_term(&mut self) {
        self.term += 1;
        let id = self.id();
        self.logs
            .iter()
            .for_each(|log| log.append_private(id, &Private::Blank));
    }

    fn append(&mut self, batch: &Batch) -> Outcome {
        let id = self.id();
        let [first, second] = self.logs.each_ref().map(|log| {
            log.append_leader(id, CheckedBatch::trusted(batch.clone()), None, self.now_ms)
        });
        assert_eq!(first, second);
        first
    }

    fn write(&mut self, producer_id: Option<i64>) {
        let stamp = producer_id.map(|producer_id| ProducerStamp {
            producer_id,
            producer_epoch: 0,
            base_sequence: self.sequences.get(&producer_id).copied().unwrap_or(0),
            transactional: TRANSACTIONAL.contains(&producer_id),
        });
        let batch = self.batch(stamp);
        accepted(self.append(&batch));
        if let Some(stamp) = stamp {
            let next = stamp.base_sequence + batch.header.record_count;
            self.sequences.insert(stamp.producer_id, next);
            if stamp.transactional {
                self.open.insert(stamp.producer_id, true);
            }
        }
    }

    fn batch(&mut self, stamp: Option<ProducerStamp>) -> Batch {
        let codec = Compression::from_id(self.random.below(5) as i16).unwrap();
        let mut builder = BatchBuilder::new(codec);
        if let Some(stamp) = stamp {
            builder = builder.with_producer(stamp);
        }
        for _ in 0..=self.random.below(3) {
            let key = [b'k', self.random.below(KEYS) as u8];
            let value = self.random.next_u64().to_be_bytes();
            let is_tombstone = self.random.chance(1, 5);
            let timestamp = self.now_ms - self.random.below(1_000) as i64;
            let value = (!is_tombstone).then_some(&value[..]);
            builder.push(timestamp, Some(&key), value, &[("h", Some(b"x"))]);
        }
        builder.build().unwrap()
    }

    /// Leaves a void.
    fn write_out_of_order(&mut self) {
        let producer_id = 0;
        let next = self.sequences.get(&producer_id).copied().unwrap_or(0);
        if next == 0 {
            return;
        }
        let stamp = ProducerStamp {
            producer_id,
            producer_epoch: 0,
            base_sequence: next + 7,
            transactional: false,
        };
        let batch = self.batch(Some(stamp));
        assert!(matches!(self.append(&batch), Outcome::Rejected(_)));
    }

    fn end(&mut self) {
        let Some((&producer_id, _)) = self.open.first_key_value() else {
            return;
        };
        self.open.remove(&producer_id);
        let marker = EndMarker {
            commits: self.random.chance(1, 2),
            coordinator_epoch: 1,
        };
        let batch = marker.batch(producer_id, 0, self.now_ms);
        accepted(self.append(&batch));
    }

    fn commit(&self) {
        self.logs.iter().for_each(|log| commit(&self.rig, log));
    }

    /// A whole pass, in small pieces.
    fn clean(&self, memory_bytes: usize, settled: i64) -> std::io::Result<Option<Cleaned>> {
        clean(&self.logs[0], self.now_ms, memory_bytes, settled)
    }

    fn reopen(self, how: impl FnOnce(Rig, Vec<Log>) -> Rig) -> Run {
        let Run { rig, logs, .. } = self;
        let rig = how(rig, logs.into());
        let logs = [0, 1].map(|n| rig.open_log(n, &config()).unwrap().0);
        Run { rig, logs, ..self }
    }

    fn check(&self) {
        let [compacted, plain] = &self.logs;
        let (left, all) = (visible(compacted), visible(plain));
        for (offset, seen) in &left {
            assert_eq!(all.get(offset), Some(seen), "at {offset}");
        }
        assert_eq!(state(&left), state(&all));
        let (left, all) = (compacted.state(), plain.state());
        assert_eq!(left.last, all.last);
        assert_eq!(left.log_end_offset, all.log_end_offset);
        assert_eq!(compacted.producers(), plain.producers());
        assert_eq!(compacted.terms(), plain.terms());
        let end = all.log_end_offset;
        let stable = |log: &Log| log.last_stable_offset(end);
        assert_eq!(stable(compacted), stable(plain));
        for epoch in 0..=self.term {
            assert_eq!(compacted.epoch_end(epoch), plain.epoch_end(epoch));
        }
        self.check_entries();
        self.check_indexes();
        self.check_reads(end);
    }

    /// A check finds nothing to write.
    fn check_indexes(&self) {
        self.rig
            .disk
            .set_faults(|faults| faults.capacity_bytes = Some(1));
        self.logs.iter().for_each(crate::small_files::look_through);
        self.rig
            .disk
            .set_faults(|faults| faults.capacity_bytes = None);
    }

    /// Each index is there once, in the term that it was in.
    fn check_entries(&self) {
        let [compacted, plain] = &self.logs;
        let next_index = plain.state().next_index;
        let terms: Vec<i32> = terms(plain, 0..next_index);
        assert_eq!(self::terms(compacted, 0..next_index), terms);
        for from in (0..next_index).step_by(7) {
            let to = (from + 5).min(next_index);
            let expected = &terms[from as usize..to as usize];
            assert_eq!(self::terms(compacted, from..to), expected);
            assert_eq!(compacted.entry(from).map(|meta| meta.id.index), Some(from));
        }
    }

    /// A read gives what there is from an offset on, also where that is gone.
    fn check_reads(&self, end: i64) {
        let log = &self.logs[0];
        let bytes = |from| read_all(log, from, 1 << 20);
        let whole = bytes(0);
        for from in (0..=end).step_by(3) {
            let batches = Batches(whole.clone().into());
            let kept = batches
                .map(Result::unwrap)
                .filter(|it| it.header.next_offset() > from);
            let expected: Vec<u8> = kept.flat_map(|batch| batch.to_bytes()).collect();
            assert_eq!(bytes(from), expected, "from {from}");
        }
    }
}

fn clean(
    log: &Log,
    now_ms: i64,
    memory_bytes: usize,
    settled: i64,
) -> std::io::Result<Option<Cleaned>> {
    let stable_end = log.last_stable_offset(log.state().log_end_offset);
    let Some(need) = log.compaction_need(now_ms, stable_end)? else {
        return Ok(None);
    };
    let options = CleaningOptions {
        now_ms,
        memory_bytes,
        load_factor: 0.9,
        settled,
    };
    let mut cleaning = log.clean(need, options)?;
    while cleaning.go_on(300)?.is_some() {}
    Ok(Some(cleaning.cleaned()))
}

fn terms(log: &Log, range: std::ops::Range<u64>) -> Vec<i32> {
    let entries = log.entries(range).unwrap().into_iter();
    let each = entries.flat_map(|meta| vec![meta.id.term; meta.indexes as usize]);
    each.collect()
}

/// What a reader of committed data sees, by offset.
fn visible(log: &Log) -> BTreeMap<i64, Seen> {
    let end = log.last_stable_offset(log.state().log_end_offset);
    let bytes = read_below(log, end);
    let mut aborted = log.aborted_transactions(0, end).unwrap();
    aborted.sort_by_key(|it| it.first_offset);
    let (mut dropped, mut seen) = (Vec::new(), BTreeMap::new());
    for batch in Batches(bytes.into()) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        let header = batch.header;
        while let Some(next) = aborted.first()
            && next.first_offset <= header.last_offset()
        {
            dropped.push(aborted.remove(0).producer_id);
        }
        if header.attributes.is_control() {
            if EndMarker::read(&batch).is_some_and(|marker| !marker.commits) {
                dropped.retain(|producer_id| *producer_id != header.producer_id);
            }
            continue;
        }
        if header.attributes.is_transactional() && dropped.contains(&header.producer_id) {
            continue;
        }
        for record in batch.records(1 << 20).unwrap() {
            let record = record.unwrap();
            let record_seen = Seen {
                key: record.key.unwrap().to_vec(),
                value: record.value.map(|value| value.to_vec()),
                timestamp: record.timestamp,
            };
            seen.insert(record.offset, record_seen);
        }
    }
    seen
}

fn read_below(log: &Log, end: i64) -> Vec<u8> {
    let (mut bytes, mut offset) = (Vec::new(), 0);
    loop {
        let slices = log.read(offset, 1 << 20, true, end).unwrap();
        if slices.next_offset == offset {
            return bytes;
        }
        bytes.extend(slices.slices.iter().flatten());
        offset = slices.next_offset;
    }
}

/// What it adds up to: key → value.
fn state(seen: &BTreeMap<i64, Seen>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut state = BTreeMap::new();
    for seen in seen.values() {
        match &seen.value {
            Some(value) => _ = state.insert(seen.key.clone(), value.clone()),
            None => _ = state.remove(&seen.key),
        }
    }
    state
}

/// A replica that gets all of a log from it.
fn follow(from: &Log, to: &Log) {
    let end = from.state().next_index;
    loop {
        let next = to.state().next_index;
        if next == end {
            return;
        }
        for (meta, frame) in from.frames(next, end, 500).unwrap() {
            if meta.kind == EntryKind::Private(Private::Gap) {
                let offsets = meta.base_offset..meta.next_offset;
                to.append_gap(meta.id, meta.indexes, offsets, NOW).unwrap();
            } else {
                let frame = CheckedFrame::check(meta.id.index, frame).unwrap();
                to.append_follower(frame, NOW).unwrap();
            }
        }
    }
}

#[test]
fn a_compacted_log_comes_to_the_same_state() {
    for seed in 0..8 {
        let mut run = Run::new(seed);
        let mut saved = 0;
        for round in 0..6 {
            (0..50).for_each(|_| run.step());
            run.commit();
            let room = if round % 2 == 0 { 1 << 20 } else { 150 };
            let settled = if round % 3 == 0 { 0 } else { i64::MAX };
            if let Some(cleaned) = run.clean(room, settled).unwrap() {
                assert!(cleaned.end > 0);
                saved += cleaned.read_bytes as i64 - cleaned.written_bytes as i64;
            }
            run.check();
            run.now_ms += HOUR / 3;
            run = match round % 3 {
                0 => run.reopen(Rig::restart),
                1 => run.reopen(|rig, logs| {
                    drop(logs);
                    rig.after_kill()
                }),
                _ => run.reopen(|rig, logs| {
                    drop(logs);
                    rig.after_power_cut()
                }),
            };
            run.check();
        }
        assert!(saved > 0, "seed {seed}: nothing was saved");
    }
}

#[test]
fn a_replica_that_follows_a_compacted_log_is_the_same() {
    for seed in 100..103 {
        let mut run = Run::new(seed);
        let follower = run.rig.open_log(2, &config()).unwrap().0;
        for _ in 0..4 {
            (0..60).for_each(|_| run.step());
            run.commit();
            run.clean(1 << 20, 0).unwrap();
            follow(&run.logs[0], &follower);
            commit(&run.rig, &follower);
            let all = visible(&run.logs[1]);
            let left = visible(&follower);
            assert_eq!(state(&left), state(&all));
            assert_eq!(follower.state().last, run.logs[1].state().last);
            // its own compaction looks at gaps as well
            clean(&follower, run.now_ms, 1 << 20, 0).unwrap();
            assert_eq!(state(&visible(&follower)), state(&all));
        }
        let behind = run.rig.open_log(3, &config()).unwrap().0;
        follow(&follower, &behind);
        commit(&run.rig, &behind);
        assert_eq!(visible(&behind), visible(&follower));
    }
}

/// An older program is to refuse a directory from when it would not understand it, and not before.
#[test]
fn the_directory_gets_another_format_with_the_first_segment_or_gap_that_needs_it() {
    let format = |rig: &Rig| {
        let meta = DirectoryMeta::read(&rig.disk, Path::new(DATA));
        meta.unwrap().unwrap().format
    };
    let mut run = Run::new(200);
    (0..100).for_each(|_| run.step());
    run.commit();
    assert_eq!(format(&run.rig), DirectoryMeta::FIRST_FORMAT);
    run.clean(1 << 20, 0).unwrap();
    assert_eq!(format(&run.rig), 2);
    let other = Rig::new(201);
    let follower = other.open_log(0, &config()).unwrap().0;
    assert_eq!(format(&other), DirectoryMeta::FIRST_FORMAT);
    follow(&run.logs[0], &follower);
    commit(&other, &follower);
    assert_eq!(format(&other), 2);
    drop(follower);
    let other = other.after_power_cut();
    assert_eq!(format(&other), 2);
}
