//! Reads by offset and by time against a list of batches, for any log and any question.

use ottla_protocol::records::{Batch, BatchBuilder, Compression};
use ottla_storage::{FlushPolicy, Log, LogConfig, Private, ReadError};
use proptest::prelude::*;

use crate::support::*;

/// How a log comes about.
#[derive(Debug, Clone)]
enum Piece {
    Batch {
        records: i32,
        bytes: usize,
        timestamp: i64,
        codec: i16,
    },
    Private,
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        6 => (1..5i32, 0..200usize, 0..100i64, 0..2i16).prop_map(|(records, bytes, timestamp, codec)| {
            Piece::Batch { records, bytes, timestamp: NOW + timestamp, codec }
        }),
        1 => Just(Piece::Private),
    ]
}

/// A log made of pieces; what it should hold, record by record timestamps included.
struct Sample {
    rig: Rig,
    log: Log,
    batches: Vec<Batch>,
    timestamps: Vec<i64>,
}

fn sample(pieces: &[Piece], segment_bytes: u32, restart: bool, mapped: bool) -> Sample {
    let rig = Rig::new(1);
    let disk = rig.disk.clone();
    drop(rig);
    disk.restart_process();
    let maps = if mapped { 100 } else { 0 };
    let open = |disk| Rig::open_with(disk, |options| options.mapped_files_max = maps).unwrap();
    let mut rig = open(disk);
    let config = LogConfig {
        segment_bytes,
        flush: FlushPolicy::Async,
        ..small()
    };
    let mut log = rig.log(&config);
    let mut batches = Vec::new();
    let mut timestamps = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Private => log.append_private(next_id(&log, 1), &Private::Blank),
            Piece::Batch {
                records,
                bytes,
                timestamp,
                codec,
            } => {
                let mut builder = BatchBuilder::new(Compression::from_id(*codec).unwrap());
                for n in 0..*records {
                    // the second record is older than the first
                    let at = if n == 1 {
                        timestamp - 20
                    } else {
                        timestamp + i64::from(n)
                    };
                    builder.push(at, None, Some(&vec![7; *bytes]), &[]);
                    timestamps.push(at);
                }
                let mut batch = builder.build().unwrap();
                let placed = accepted(append(&log, batch.clone()));
                batch.header.base_offset = placed.base_offset;
                batch.header.partition_leader_epoch = 1;
                batches.push(batch);
            }
        }
    }
    commit(&rig, &log);
    if restart {
        log.close().unwrap();
        drop(log);
        rig.dir.close().unwrap();
        let disk = rig.disk.clone();
        drop(rig);
        rig = open(disk);
        log = rig.log(&config);
    }
    Sample {
        rig,
        log,
        batches,
        timestamps,
    }
}

impl Sample {
    /// What a read must give, but for the end of a segment.
    fn expected(&self, offset: i64, max_bytes: usize, min_one: bool, below: i64) -> Vec<&Batch> {
        let mut size = 0;
        let from = self
            .batches
            .iter()
            .skip_while(|b| b.header.next_offset() <= offset);
        let fits = |batch: &&Batch| {
            let first = size == 0;
            size += batch.size_bytes();
            batch.header.next_offset() <= below && (size <= max_bytes || min_one && first)
        };
        if offset >= below {
            Vec::new()
        } else {
            from.take_while(fits).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_read_gives_whole_batches_from_the_right_one_on(
        pieces in proptest::collection::vec(piece(), 1..60),
        segment_bytes in 300..5_000u32,
        restart in any::<bool>(),
        mapped in any::<bool>(),
        questions in proptest::collection::vec((0..200i64, 0..3_000usize, any::<bool>(), 0..200i64), 20),
    ) {
        let sample = sample(&pieces, segment_bytes, restart, mapped);
        let end = sample.log.state().log_end_offset;
        for (offset, max_bytes, min_one, below) in questions {
            let read = match sample.log.read(offset, max_bytes, min_one, below) {
                Ok(read) => read,
                Err(ReadError::OffsetOutOfRange { log_end_offset, .. }) => {
                    prop_assert!(offset > log_end_offset && log_end_offset == end);
                    continue;
                }
                Err(other) => panic!("{other}"),
            };
            let expected = sample.expected(offset, max_bytes, min_one, below);
            let bytes: Vec<u8> = read.slices.concat();
            prop_assert_eq!(bytes.len(), read.size_bytes);
            let count = expected.iter().take_while(|b| b.header.next_offset() <= read.next_offset).count();
            let taken: Vec<u8> = expected[..count].iter().flat_map(|b| b.to_bytes()).collect();
            prop_assert!(bytes == taken, "other bytes at {offset}");
            // it may end early only at the end of a segment, and never with nothing
            prop_assert_eq!(count == 0, expected.is_empty());
            if let Some(first) = expected.first() {
                prop_assert_eq!(read.first_offset, first.header.base_offset);
            }
        }
        let all: Vec<u8> = sample.batches.iter().flat_map(|b| b.to_bytes()).collect();
        prop_assert!(read_all(&sample.log, 0, 700) == all);
        drop(sample.rig);
    }

    #[test]
    fn a_look_up_by_time_gives_the_first_record_that_is_late_enough(
        pieces in proptest::collection::vec(piece(), 1..60),
        segment_bytes in 300..5_000u32,
        restart in any::<bool>(),
        questions in proptest::collection::vec((-30..130i64, 0..200i64), 20),
        log_start in 0..30i64,
    ) {
        let sample = sample(&pieces, segment_bytes, restart, true);
        sample.log.advance_log_start(log_start);
        let start = sample.log.state().log_start_offset;
        for (after, below) in questions {
            let timestamp = NOW + after;
            let records = || (0i64..).zip(&sample.timestamps).filter(|(offset, _)| *offset >= start);
            let first = records().find(|(_, at)| **at >= timestamp);
            // batches are skipped by their largest timestamp, so the first record is exact
            let expected = first.filter(|(offset, _)| *offset < below).map(|(offset, at)| (offset, *at));
            let found = sample.log.offset_for_timestamp(timestamp, below).unwrap();
            prop_assert_eq!(found.map(|f| (f.offset, f.timestamp)), expected);

            // the newest counts by whole batches below the limit
            let whole = |b: &&Batch| b.header.next_offset() <= below && b.header.last_offset() >= start;
            let newest = sample.batches.iter().filter(whole).map(|b| b.header.max_timestamp).max();
            let found = sample.log.max_timestamp(below).unwrap();
            prop_assert_eq!(found.map(|f| f.timestamp), newest);
            if let Some(found) = found {
                prop_assert_eq!(sample.timestamps[found.offset as usize], found.timestamp);
            }
        }
    }
}

#[test]
fn what_is_not_written_yet_can_be_read() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig {
        segment_bytes: 1000,
        ..small()
    });
    let mut end = 0;
    for round in 0..8 {
        // Some rounds end in the middle of a segment, some begin a new one.
        let first = end;
        accepted(append(&log, batch(2, 70, NOW)));
        log.append_private(next_id(&log, 1), &Private::Blank);
        end = accepted(append(&log, batch(3, 50 + round, NOW))).next_offset;
        let unwritten = read_all(&log, 0, 300);
        let from_here = log.read(first, usize::MAX, true, end).unwrap();
        assert_eq!(
            (from_here.first_offset, from_here.next_offset),
            (first, end)
        );
        let some = log.read(first, 1, true, end).unwrap();
        assert_eq!(some.next_offset, first + 2);
        assert_eq!(log.read(first, 1, false, end).unwrap().size_bytes, 0);
        assert_eq!(log.read(first, 300, true, first + 1).unwrap().size_bytes, 0);
        commit(&rig, &log);
        assert_eq!(read_all(&log, 0, 300), unwritten);
    }
}

#[test]
fn memory_tells_which_offset_follows_an_index_until_the_log_rests() {
    let rig = Rig::new(1);
    let log = rig.log(&small());
    let first = log.state().next_index;
    for records in [2, 3] {
        accepted(append(&log, batch(records, 10, NOW)));
    }
    log.append_private(next_id(&log, 1), &Private::Blank);
    let told = || [1, 2, 3, 4].map(|entries| log.offset_after(first + entries));
    assert_eq!(told(), [Some(2), Some(5), Some(5), None]);
    commit(&rig, &log);
    for _ in 0..3 {
        rig.dir.tidy().unwrap();
        rig.settle();
    }
    assert_eq!(told(), [None, None, Some(5), None]);
}
