//! kafka-dump-log on the files of a running broker: closed segments and the active one.
//!
//! The tool prints one line per batch. Frames of the broker's own that hold no records are shown
//! as control batches with `count: 0`; they must not disturb the tool and are not counted here.

use std::path::{Path, PathBuf};

use ottla_tests::{Broker, Finished, Suite, Tool};

use crate::{create_topic, produce_lines, tool};

/// The smallest segment that Kafka allows.
const SEGMENT_BYTES: &str = "segment.bytes=1048576";
const RECORDS: u64 = 3_000;

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("dump_log_reads_closed_and_active_segments", segments)
        .case("dump_log_prints_records", records)
        .case("dump_log_reads_every_codec", codecs)
        .case("dump_log_finds_indexes_sane", indexes);
}

fn dump(files: &[&Path], options: &[&str]) -> Finished {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let dump = Tool::kafka("org.apache.kafka.tools.DumpLogSegments")
        .args(["--files", &files.join(",")])
        .args(options)
        .succeed();
    for complaint in [
        "invalid bytes",
        "Non-consecutive",
        "Mismatches",
        "isvalid: false",
    ] {
        assert!(!dump.stdout.contains(complaint), "{complaint}: {dump}");
    }
    dump
}

/// One batch with records, as the tool shows it.
#[derive(Debug)]
struct ShownBatch {
    base_offset: u64,
    last_offset: u64,
    count: u64,
    codec: String,
}

fn batches(dump: &Finished) -> Vec<ShownBatch> {
    dump.lines()
        .into_iter()
        .filter(|line| line.starts_with("baseOffset: ") && line.contains("isControl: false"))
        .map(|line| ShownBatch {
            base_offset: number(line, "baseOffset: "),
            last_offset: number(line, "lastOffset: "),
            count: number(line, "count: "),
            codec: word(line, "compresscodec: ").to_owned(),
        })
        .collect()
}

fn segments(broker: &Broker) {
    let topic = "dump-segments";
    fill_three_segments(broker, topic);
    let logs = files(broker, topic, "log");
    assert!(logs.len() >= 3, "{logs:?}");
    let mut next_offset = 0;
    for (index, log) in logs.iter().enumerate() {
        let name = log.file_stem().expect("a listed file has a name");
        let first: u64 = name
            .to_string_lossy()
            .parse()
            .expect("segments have numbers as names");
        assert_eq!(first, next_offset, "the name of segment {index}");
        let dump = dump(&[log], &[]);
        dump.says(&format!("Log starting offset: {first}"));
        for batch in batches(&dump) {
            assert_eq!(batch.base_offset, next_offset, "{batch:?}");
            assert_eq!(
                batch.last_offset + 1,
                batch.base_offset + batch.count,
                "{batch:?}"
            );
            next_offset = batch.last_offset + 1;
        }
    }
    assert_eq!(next_offset, RECORDS);
}

fn records(broker: &Broker) {
    let topic = "dump-records";
    create_topic(broker, topic, &[]);
    produce_lines(broker, topic, "hello\nworld\n");
    let log = &files(broker, topic, "log")[0];
    let dump = dump(&[log], &["--print-data-log"]);
    let payloads: Vec<&str> = dump
        .lines()
        .into_iter()
        .filter_map(|line| line.split_once("payload: "))
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(payloads, ["hello", "world"], "{dump}");
    assert!(dump.stdout.contains("| offset: 1 "), "{dump}");
}

fn codecs(broker: &Broker) {
    let topic = "dump-codecs";
    create_topic(broker, topic, &[]);
    let all = ["none", "gzip", "snappy", "lz4", "zstd"];
    for codec in all {
        tool("ConsoleProducer", broker)
            .args(["--topic", topic, "--compression-codec", codec])
            .stdin("line\n")
            .succeed();
    }
    let log = &files(broker, topic, "log")[0];
    let dump = dump(&[log], &["--deep-iteration"]);
    let found: Vec<String> = batches(&dump)
        .into_iter()
        .map(|batch| batch.codec)
        .collect();
    assert_eq!(found, all, "{dump}");
}

fn indexes(broker: &Broker) {
    let topic = "dump-indexes";
    fill_three_segments(broker, topic);
    for kind in ["index", "timeindex"] {
        let indexes = files(broker, topic, kind);
        let closed = &indexes[..indexes.len() - 1];
        assert!(closed.len() >= 2, "{indexes:?}");
        for index in closed {
            dump(&[index], &["--verify-index-only"]);
            let shown = dump(&[index], &["--index-sanity-check"]);
            shown.says("passed sanity check.");
        }
    }
    let entries = dump(&[&files(broker, topic, "index")[0]], &[]);
    assert!(
        entries.stdout.matches("offset: ").count() >= 10,
        "an index has an entry for every 4 KiB or batch: {entries}"
    );
}

/// 3,000 records of 1,000 bytes into segments of 1 MiB, in batches of some 16 KiB.
fn fill_three_segments(broker: &Broker, topic: &str) {
    create_topic(broker, topic, &["--config", SEGMENT_BYTES]);
    tool("ProducerPerformance", broker)
        .args([
            "--topic",
            topic,
            "--record-size",
            "1000",
            "--throughput",
            "-1",
        ])
        .args(["--num-records", &RECORDS.to_string()])
        .succeed();
}

/// The files of this kind of partition 0, in the order of their offsets.
fn files(broker: &Broker, topic: &str, extension: &str) -> Vec<PathBuf> {
    let folder = broker.partition_folder(topic, 0);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .{extension} in {}", folder.display());
    files
}

fn number(line: &str, name: &str) -> u64 {
    word(line, name)
        .parse()
        .unwrap_or_else(|_| panic!("{name:?} is not followed by a number in {line:?}"))
}

fn word<'line>(line: &'line str, name: &str) -> &'line str {
    let (_, rest) = line
        .split_once(name)
        .unwrap_or_else(|| panic!("{line:?} has no {name:?}"));
    rest.split_whitespace().next().unwrap_or_default()
}
