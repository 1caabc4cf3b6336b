//! Records go in.

use ottla_protocol::api::ApiKey;
use ottla_protocol::records::Compression;
use serde_json::{Value, json};

use crate::batches::{self, BASE_TIMESTAMP_MS};
use crate::lab::{Answers, Lab, versions};

/// Topics that take records as old as those of the tests for ever.
pub(crate) const KEPT: &[(&str, &str)] = &[("retention.ms", "-1")];

pub(crate) fn produce(
    lab: &mut Lab,
    version: i16,
    topic: &str,
    partition: i32,
    records: &str,
) -> Answers {
    produce_acked(lab, version, topic, partition, -1, json!(records))
}

fn produce_acked(
    lab: &mut Lab,
    version: i16,
    topic: &str,
    partition: i32,
    acks: i16,
    records: Value,
) -> Answers {
    lab.ask(
        ApiKey::Produce,
        version,
        produce_body(topic, &format!("$id:{topic}"), partition, acks, &records),
    )
}

fn produce_body(topic: &str, id: &str, partition: i32, acks: i16, records: &Value) -> Value {
    let id = if id.starts_with("$id:missing") {
        "0000000000000000000000000000abcd"
    } else {
        id
    };
    json!({ "Acks": acks, "TimeoutMs": 10_000, "TopicData": [
        { "Name": topic, "TopicId": id, "PartitionData": [{ "Index": partition, "Records": records }] }] })
}

pub(crate) fn produced(lab: &mut Lab) {
    lab.create_topic("produced", 2, KEPT);
    for version in versions(ApiKey::Produce) {
        produce(
            lab,
            version,
            "produced",
            0,
            &batches::plain(&["a", "b", "c"]),
        );
        produce_acked(
            lab,
            version,
            "produced",
            1,
            1,
            json!(batches::plain(&["a"])),
        );
        produce(lab, version, "produced", 9, &batches::plain(&["a"]));
        produce(lab, version, "produced", -1, &batches::plain(&["a"]));
        produce(lab, version, "missing", 0, &batches::plain(&["a"]));
        for acks in [2, -2, 7] {
            produce_acked(
                lab,
                version,
                "produced",
                0,
                acks,
                json!(batches::plain(&["a"])),
            );
        }
        // Null records are left out: Kafka never answers them, Ottla calls them invalid.
        produce_acked(lab, version, "produced", 0, -1, json!(""));
        lab.ask(
            ApiKey::Produce,
            version,
            json!({ "Acks": 1, "TimeoutMs": 1000 }),
        );
        // No answer; what it did shows in the next one.
        let body = produce_body(
            "produced",
            "$id:produced",
            0,
            0,
            &json!(batches::plain(&["silent"])),
        );
        lab.send_as(ApiKey::Produce, version, None, body);
        produce(lab, version, "produced", 0, &batches::plain(&["after"]));
    }
    lab.send_as(
        ApiKey::Produce,
        9,
        None,
        produce_body("produced", "", 9, 0, &json!(batches::plain(&["lost"]))),
    );
    produce(
        lab,
        9,
        "produced",
        0,
        &batches::plain(&["and the connection is closed"]),
    );
    produce(lab, 9, "produced", 0, &batches::plain(&["again"]));
}

pub(crate) fn codecs(lab: &mut Lab) {
    lab.create_topic("codecs", 1, KEPT);
    for codec in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let batch = batches::compressed(codec, &["one", "two", "three"]);
        produce(lab, 6, "codecs", 0, &batch); // zstd is not for versions this old
        for version in [9, 13] {
            produce(lab, version, "codecs", 0, &batch);
            produce(
                lab,
                version,
                "codecs",
                0,
                &batches::with(&batch, 62, &[0xff; 8], true),
            );
        }
    }
    fetch_all(lab, "codecs", 0);
    for (compression, level) in [
        ("gzip", "compression.gzip.level"),
        ("uncompressed", "compression.gzip.level"),
    ] {
        let topic = format!("codecs-{compression}");
        lab.create_topic(
            &topic,
            1,
            &[
                ("compression.type", compression),
                (level, "1"),
                ("retention.ms", "-1"),
            ],
        );
        produce(
            lab,
            9,
            &topic,
            0,
            &batches::compressed(Compression::Lz4, &["one", "two"]),
        );
    }
    fetch_all(lab, "codecs-uncompressed", 0);
}

/// What a topic holds, as both give it back.
pub(crate) fn fetch_all(lab: &mut Lab, topic: &str, offset: i64) {
    lab.ask(ApiKey::Fetch, 12, json!({ "MaxWaitMs": 0, "MinBytes": 0, "Topics": [
        { "Topic": topic, "Partitions": [{ "Partition": 0, "FetchOffset": offset, "PartitionMaxBytes": 10_000_000 }] }] }));
}

pub(crate) fn broken(lab: &mut Lab) {
    lab.create_topic("broken", 40, KEPT);
    let batch = batches::plain(&["one", "two"]);
    let changed: Vec<(usize, Vec<u8>, bool)> = vec![
        (70, vec![0xff], false), // the CRC does not hold
        (70, vec![0xff], true),  // a record whose length is nonsense
        (16, vec![1], false),    // magic
        (16, vec![0], false),
        (16, vec![3], false),
        (8, vec![0x7f, 0, 0, 0], false),
        (0, vec![0, 0, 0, 0, 0, 0, 0, 5], false), // base offset
        (12, vec![0, 0, 0, 9], false),            // leader epoch
        (21, vec![0, 5], true),                   // a codec that is not
        (21, vec![0, 7], true),
        (21, vec![0, 0x20], true),    // a control batch
        (21, vec![0, 0x10], true),    // transactional without a producer
        (21, vec![0x40, 0], true),    // bits of the future
        (23, vec![0, 0, 0, 5], true), // last offset delta
        (23, vec![0xff, 0xff, 0xff, 0xff], true),
        (57, vec![0, 0, 0, 7], true),
        (35, vec![0, 0, 0, 0, 0, 0, 0, 1], true), // max timestamp
        (27, vec![0xff; 8], true),                // base timestamp
    ];
    let mut cases: Vec<String> = changed
        .iter()
        .map(|(at, bytes, sealed)| batches::with(&batch, *at, bytes, *sealed))
        .collect();
    cases.extend([
        batches::cut(&batch, 1),
        batches::cut(&batch, 70),
        batches::joined(&batch, &batch),
        format!("{batch}00"),
        "hex:00".to_owned(),
    ]);
    // Each in a partition of its own, so that one that is taken does not move the offsets of the next.
    for version in [3, 9, 13] {
        for (partition, case) in (0..).zip(&cases) {
            produce(lab, version, "broken", partition, case);
        }
    }
    fetch_all(lab, "broken", 0);
}

pub(crate) fn limits(lab: &mut Lab) {
    lab.create_topic(
        "limits-small",
        1,
        &[("max.message.bytes", "200"), ("retention.ms", "-1")],
    );
    lab.create_topic(
        "limits-append-time",
        1,
        &[("message.timestamp.type", "LogAppendTime")],
    );
    lab.create_topic(
        "limits-times",
        1,
        &[
            ("message.timestamp.before.max.ms", "1000"),
            ("message.timestamp.after.max.ms", "1000"),
        ],
    );
    lab.create_topic("limits-compacted", 1, &[("cleanup.policy", "compact")]);
    for version in versions(ApiKey::Produce) {
        produce(lab, version, "limits-small", 0, &batches::plain(&["x"]));
        produce(
            lab,
            version,
            "limits-small",
            0,
            &batches::plain(&["x".repeat(300).as_str()]),
        );
        produce(
            lab,
            version,
            "limits-append-time",
            0,
            &batches::plain(&["x", "y"]),
        );
        produce(
            lab,
            version,
            "limits-times",
            0,
            &batches::at(BASE_TIMESTAMP_MS, "long ago"),
        );
        produce(
            lab,
            version,
            "limits-times",
            0,
            &batches::at(BASE_TIMESTAMP_MS * 3, "far ahead"),
        );
        produce(
            lab,
            version,
            "limits-compacted",
            0,
            &batches::plain(&["without", "keys"]),
        );
        produce(
            lab,
            version,
            "limits-compacted",
            0,
            &batches::keyed(Some("key"), None),
        );
        produce(
            lab,
            version,
            "limits-compacted",
            0,
            &batches::keyed(Some(""), Some("")),
        );
    }
    let large = "x".repeat(1_100_000);
    produce(
        lab,
        9,
        "limits-compacted",
        0,
        &batches::keyed(Some("large"), Some(&large)),
    );
    fetch_all(lab, "limits-append-time", 0);
    fetch_all(lab, "limits-compacted", 0);
}

pub(crate) fn producers(lab: &mut Lab) {
    let api = ApiKey::InitProducerId;
    // Kafka has no ids to give before its controller gave it a block of them.
    lab.wait_until(
        api,
        4,
        json!({ "TransactionalId": null, "TransactionTimeoutMs": 1000 }),
        |answer| answer["ErrorCode"] == 0,
    );
    for version in versions(api) {
        lab.ask(
            api,
            version,
            json!({ "TransactionalId": null, "TransactionTimeoutMs": 60_000 }),
        );
        lab.ask(
            api,
            version,
            json!({ "TransactionalId": null, "TransactionTimeoutMs": -1 }),
        );
        lab.ask(
            api,
            version,
            json!({ "TransactionalId": "", "TransactionTimeoutMs": 60_000 }),
        );
        if version >= 3 {
            lab.ask(
                api,
                version,
                json!({ "TransactionalId": null, "ProducerId": 5, "ProducerEpoch": 1 }),
            );
            lab.ask(
                api,
                version,
                json!({ "TransactionalId": null, "ProducerId": 5 }),
            );
            lab.ask(
                api,
                version,
                json!({ "TransactionalId": null, "ProducerEpoch": 5 }),
            );
        }
    }
    lab.create_topic("producers", 3, KEPT);
    for version in versions(ApiKey::Produce) {
        let id = 1_000 + i64::from(version);
        let say = |lab: &mut Lab, epoch: i16, sequence: i32, values: &[&str]| {
            produce(
                lab,
                version,
                "producers",
                0,
                &batches::stamped(id, epoch, sequence, values),
            );
        };
        say(lab, 0, 5, &["a producer may begin anywhere"]);
        say(lab, 0, 6, &["1", "2"]);
        say(lab, 0, 6, &["1", "2"]); // again
        say(lab, 0, 9, &["a gap"]);
        say(lab, 0, 5, &["a producer may begin anywhere"]);
        say(lab, 0, 6, &["1"]); // another end than that of the batch before
        say(lab, 1, 3, &["a new epoch does not begin anywhere"]);
        say(lab, 1, 0, &["new epoch"]);
        say(lab, 0, 8, &["old epoch"]);
        say(lab, 1, 1, &["on"]);
        say(lab, -1, 2, &["no epoch"]);
        say(lab, 1, -1, &["no sequence"]);
        say(lab, 1, i32::MAX, &["far"]);
        for sequence in 2..9 {
            say(lab, 1, sequence, &["one of many"]);
        }
        say(lab, 1, 3, &["one of many"]); // older than the five that are remembered
        say(lab, 1, 4, &["one of many"]);
        let stamped = batches::stamped(id, 1, 9, &["x"]);
        produce(
            lab,
            version,
            "producers",
            1,
            &batches::joined(&stamped, &stamped),
        );
        produce(
            lab,
            version,
            "producers",
            2,
            &batches::with(&stamped, 21, &[0, 0x10], true),
        );
    }
    fetch_all(lab, "producers", 0);
}

pub(crate) fn deleted_records(lab: &mut Lab) {
    let api = ApiKey::DeleteRecords;
    lab.create_topic("records-compacted", 1, &[("cleanup.policy", "compact")]);
    for version in versions(api) {
        let topic = format!("records-deleted-{version}");
        lab.create_topic(&topic, 2, KEPT);
        for _ in 0..4 {
            produce(lab, 9, &topic, 0, &batches::plain(&["a", "b", "c"]));
        }
        let say = |lab: &mut Lab, topic: &str, partition: i32, offset: i64| {
            lab.ask(api, version, json!({ "TimeoutMs": 10_000, "Topics": [{ "Name": topic, "Partitions": [{ "PartitionIndex": partition, "Offset": offset }] }] }));
        };
        for offset in [0, 4, 2, 4, 13, -2, -1, -1, 12] {
            say(lab, &topic, 0, offset);
        }
        say(lab, &topic, 1, 0);
        say(lab, &topic, 1, -1);
        say(lab, &topic, 1, 1);
        say(lab, &topic, 7, 0);
        say(lab, "missing", 0, 0);
        say(lab, "not valid", 0, 0);
        say(lab, "records-compacted", 0, 0);
        lab.ask(api, version, json!({ "TimeoutMs": 10_000 }));
        fetch_all(lab, &topic, 3);
        fetch_all(lab, &topic, 12);
    }
}
