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

pub(crate) fn null(lab: &mut Lab) {
    lab.create_topic("null-records", 1, KEPT);
    for version in [3, 9, 13] {
        produce_acked(lab, version, "null-records", 0, -1, Value::Null);
    }
    fetch_all(lab, "null-records", 0);
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

/// What the first partition of a topic holds, as both give it back.
pub(crate) fn fetch_all(lab: &mut Lab, topic: &str, offset: i64) {
    fetch_from(lab, topic, 0, offset);
}

pub(crate) fn fetch_from(lab: &mut Lab, topic: &str, partition: i32, offset: i64) {
    lab.ask(ApiKey::Fetch, 12, json!({ "MaxWaitMs": 0, "MinBytes": 0, "Topics": [
        { "Topic": topic, "Partitions": [{ "Partition": partition, "FetchOffset": offset, "PartitionMaxBytes": 10_000_000 }] }] }));
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
