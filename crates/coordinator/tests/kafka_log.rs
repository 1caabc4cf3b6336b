//! A log that Apache Kafka 4.4.0 wrote: read, folded, led, and written again byte for byte.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use ottla_coordinator::live::Phase;
use ottla_coordinator::machine::Groups;
use ottla_coordinator::record::{self, EncodedRecord};
use ottla_coordinator::state::State;
use ottla_statemachine::{Limits, Offset, Replay, Timestamp};

const LOG: &str = include_str!("../testdata/kafka-4.4-consumer-offsets.tsv");

fn entries() -> impl Iterator<Item = (Offset, EncodedRecord)> {
    let lines = LOG.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let [offset, key, value] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let value = (value != "-").then(|| bytes_of(value));
        let key = bytes_of(key);
        (
            Offset(offset.parse().unwrap()),
            EncodedRecord { key, value },
        )
    })
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn replay() -> Replay<Groups> {
    let mut replay = Replay::new(State::default(), Offset::ZERO);
    for (at, entry) in entries() {
        if let Some(record) = record::decode(&entry.key, entry.value.as_deref()).unwrap() {
            replay.load(at, &record);
        }
    }
    replay
}

#[test]
fn what_we_read_we_write_as_kafka_did() {
    let mut ours = 0;
    for (at, entry) in entries() {
        if let Some(record) = record::decode(&entry.key, entry.value.as_deref()).unwrap() {
            assert_eq!(record::encode(&record), entry, "offset {at}");
            ours += 1;
        }
    }
    assert_eq!(ours, 17);
}

#[test]
fn groups_and_offsets_are_what_kafkas_tools_say() {
    let replay = replay();
    let state = replay.hard();
    let names: Vec<_> = state
        .groups()
        .map(|(group_id, _)| group_id.as_str())
        .collect();
    assert_eq!(names, ["newer", "plain", "static"]);
    for name in names {
        let group = state.group(name).unwrap();
        assert_eq!(group.offset("t", 0).unwrap().offset, 0);
        assert_eq!(group.offset("t", 1).unwrap().offset, 5);
    }
    let plain = state.group("plain").unwrap().metadata().unwrap();
    assert_eq!((plain.generation, plain.members.len()), (2, 0));
    let [member] = &state.group("static").unwrap().metadata().unwrap().members[..] else {
        panic!("one member");
    };
    assert_eq!(member.instance_id.as_deref(), Some("one"));
    assert_eq!(member.client_host, "/127.0.0.1");
}

#[test]
fn a_new_leader_takes_the_groups_over() {
    let replay = replay();
    let end = replay.next_offset();
    let started = replay.lead::<()>(Timestamp(0), end, Limits::default());
    let live = started.runner.soft();
    assert_eq!(live.group_count(), 1);
    let group = live.group("static").unwrap();
    assert_eq!((group.phase, group.generation), (Phase::Stable, 1));
    assert!(group.is_subscribed_to("t") && !group.is_subscribed_to("u"));
    assert_eq!(group.rebalance_timeout_ms(), 300_000);
}
