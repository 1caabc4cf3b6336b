//! The bytes of Kafka's files, written by hand from Kafka's rules.

use ottla_storage::{LogConfig, Private};

use crate::support::*;

/// Positions and headers of the batches in a `.log`.
fn batches(rig: &Rig, name: &str) -> Vec<(u32, ottla_protocol::records::BatchHeader)> {
    let bytes = bytes::Bytes::from(rig.disk.contents(&rig.path(name)).unwrap());
    let mut position = 0;
    let mut found = Vec::new();
    for batch in ottla_protocol::records::Batches(bytes) {
        let batch = batch.unwrap();
        found.push((position, batch.header));
        position += batch.size_bytes() as u32;
    }
    found
}

/// What Kafka's `LogSegment.append` would put into both indexes of one segment.
fn kafka_indexes(
    batches: &[(u32, ottla_protocol::records::BatchHeader)],
    base: i64,
    interval: u32,
) -> (Vec<u8>, Vec<u8>) {
    let (mut index, mut times) = (Vec::new(), Vec::new());
    let (mut since, mut newest, mut last_time) = (0, (-1, 0), -1);
    let put_time = |times: &mut Vec<u8>, last: &mut i64, (timestamp, offset): (i64, i64)| {
        if timestamp > *last {
            times.extend(timestamp.to_be_bytes());
            times.extend(((offset - base) as u32).to_be_bytes());
            *last = timestamp;
        }
    };
    for (position, header) in batches {
        if header.record_count > 0 {
            if header.max_timestamp > newest.0 {
                newest = (header.max_timestamp, header.last_offset());
            }
            if since > interval {
                index.extend(((header.last_offset() - base) as u32).to_be_bytes());
                index.extend(position.to_be_bytes());
                put_time(&mut times, &mut last_time, newest);
                since = 0;
            }
        }
        since += header.size_bytes() as u32;
    }
    put_time(&mut times, &mut last_time, newest);
    (index, times)
}

#[test]
fn indexes_hold_what_kafka_would_write() {
    let rig = Rig::new(1);
    let config = LogConfig {
        segment_bytes: 6_000,
        index_interval_bytes: 500,
        ..LogConfig::default()
    };
    let log = rig.log(&config);
    for n in 0..80i64 {
        if n % 9 == 0 {
            log.append_private(next_id(&log, 1 + n as i32 / 30), &Private::Blank);
        }
        // times go up and down
        let timestamp = NOW + (n * 37) % 50;
        accepted(append(&log, batch(1 + n as i32 % 3, 70, timestamp)));
    }
    commit(&rig, &log);
    let names = rig.files();
    let mut logs: Vec<&String> = names.iter().filter(|name| name.ends_with(".log")).collect();
    logs.pop(); // the last is not closed: its indexes are not complete
    assert!(logs.len() >= 2);
    for name in logs {
        let base: i64 = name.trim_end_matches(".log").parse().unwrap();
        let (index, times) = kafka_indexes(&batches(&rig, name), base, 500);
        let read = |ending| {
            rig.disk
                .contents(&rig.path(&name.replace(".log", ending)))
                .unwrap()
        };
        assert!(!index.is_empty() && !times.is_empty());
        assert_eq!(read(".index"), index, "{name}");
        assert_eq!(read(".timeindex"), times, "{name}");
    }
}

#[test]
fn a_log_file_is_kafkas_batches_one_after_the_other() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig::default());
    log.append_private(next_id(&log, 7), &Private::Blank);
    let sent = batch(2, 5, NOW);
    accepted(append(&log, sent.clone()));
    commit(&rig, &log);
    let bytes = rig
        .disk
        .contents(&rig.path("00000000000000000000.log"))
        .unwrap();
    let blank = 61 + 14;
    let mut expected = sent.to_bytes().to_vec();
    expected[12..16].copy_from_slice(&7i32.to_be_bytes());
    assert_eq!(bytes[blank..], expected);
    // a control batch without records, that Kafka's tools pass over
    assert_eq!(bytes[..8], [0; 8]);
    assert_eq!(bytes[16], 2);
    assert_eq!(bytes[21..27], [0, 0x20, 0xff, 0xff, 0xff, 0xff]);
}

#[test]
fn a_file_is_as_long_as_its_data_while_space_is_reserved_behind_it() {
    let rig = Rig::new(1);
    let log = rig.log(&LogConfig::default());
    let capacity = 100_000_000;
    rig.disk
        .set_faults(|faults| faults.capacity_bytes = Some(capacity));
    let free = || {
        use ottla_platform::disk::Disk;
        rig.disk.free_bytes(&rig.path("")).unwrap()
    };
    let before = free();
    accepted(append(&log, batch(1, 10, NOW)));
    commit(&rig, &log);
    let written = rig
        .disk
        .contents(&rig.path("00000000000000000000.log"))
        .unwrap()
        .len();
    assert!(written < 200);
    assert!(before - free() >= 64 << 10);
    log.close().unwrap();
    assert!(before - free() < 1_000);
}

#[test]
fn a_preallocated_segment_reserves_all_its_space_at_once() {
    let rig = Rig::new(1);
    let config = LogConfig {
        preallocate: true,
        segment_bytes: 10_000,
        ..LogConfig::default()
    };
    rig.disk
        .set_faults(|faults| faults.capacity_bytes = Some(2_100_000));
    let log = rig.log(&config);
    (0..12).for_each(|_| _ = accepted(append(&log, batch(1, 900, NOW))));
    commit(&rig, &log);
    use ottla_platform::disk::Disk;
    let free = rig.disk.free_bytes(&rig.path("")).unwrap();
    assert!(2_100_000 - free >= (1 << 20) + 20_000, "{free}");
}
