//! Topics come, grow and go.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use crate::lab::{Lab, versions};

fn create(lab: &mut Lab, version: i16, topics: Value) {
    lab.ask(
        ApiKey::CreateTopics,
        version,
        json!({ "Topics": topics, "timeoutMs": 10_000 }),
    );
}

pub(crate) fn created(lab: &mut Lab) {
    for version in versions(ApiKey::CreateTopics) {
        let name = |what: &str| format!("created-{what}-{version}");
        create(
            lab,
            version,
            json!([
                { "Name": name("plain"), "NumPartitions": 2, "ReplicationFactor": 1 },
                { "Name": name("configured"), "NumPartitions": 1, "ReplicationFactor": 1,
                  "Configs": [{ "Name": "retention.ms", "Value": "1000" }, { "Name": "cleanup.policy", "Value": "compact,delete" }] },
                { "Name": name("assigned"), "NumPartitions": -1, "ReplicationFactor": -1,
                  "Assignments": [{ "PartitionIndex": 0, "BrokerIds": [1] }, { "PartitionIndex": 1, "BrokerIds": [1] }] },
            ]),
        );
        if version >= 4 {
            create(
                lab,
                version,
                json!([{ "Name": name("defaults"), "NumPartitions": -1, "ReplicationFactor": -1 }]),
            );
        }
        lab.wait_for_leaders(&name("plain"), 2);
        lab.wait_for_leaders(&name("assigned"), 2);
        create(
            lab,
            version,
            json!([{ "Name": name("plain"), "NumPartitions": 2, "ReplicationFactor": 1 }]),
        );
        lab.ask(ApiKey::CreateTopics, version, json!({ "Topics": [{ "Name": name("checked"), "NumPartitions": 3, "ReplicationFactor": 1 }], "validateOnly": true }));
        lab.ask(ApiKey::CreateTopics, version, json!({ "Topics": [{ "Name": name("plain"), "NumPartitions": 3, "ReplicationFactor": 1 }], "validateOnly": true }));
        lab.ask(ApiKey::Metadata, 12, json!({ "Topics": [{ "Name": name("checked") }, { "Name": name("plain") }, { "Name": name("assigned") }], "AllowAutoTopicCreation": false }));
    }
    create(lab, 7, json!([]));
}

pub(crate) fn refused(lab: &mut Lab) {
    lab.create_topic("refused.dots_and", 1, &[]);
    for version in versions(ApiKey::CreateTopics) {
        let one = |name: &str| json!({ "Name": name, "NumPartitions": 1, "ReplicationFactor": 1 });
        for name in [
            "",
            ".",
            "..",
            "a b",
            "ä",
            "a/b",
            "refused_dots.and",
            "refused.dots.and",
            &"x".repeat(249),
            &"x".repeat(250),
        ] {
            lab.ask(
                ApiKey::CreateTopics,
                version,
                json!({ "Topics": [one(name)], "validateOnly": true }),
            );
        }
        create(
            lab,
            version,
            json!([one("twice"), one("twice"), one("not valid")]),
        );
        for (partitions, factor) in [
            (0, 1),
            (-2, 1),
            (1, 0),
            (1, 2),
            (1, -2),
            (-1, 1),
            (1, -1),
            (2_000_000, 1),
        ] {
            let topic = json!({ "Name": "refused-counts", "NumPartitions": partitions, "ReplicationFactor": factor });
            lab.ask(
                ApiKey::CreateTopics,
                version,
                json!({ "Topics": [topic], "validateOnly": true }),
            );
        }
        for assignments in [
            json!([{ "PartitionIndex": 1, "BrokerIds": [1] }]),
            json!([{ "PartitionIndex": 0, "BrokerIds": [] }]),
            json!([{ "PartitionIndex": 0, "BrokerIds": [7] }]),
            json!([{ "PartitionIndex": 0, "BrokerIds": [1, 1] }]),
            json!([{ "PartitionIndex": 0, "BrokerIds": [1, 7] }]),
            json!([{ "PartitionIndex": -1, "BrokerIds": [1] }]),
            json!([{ "PartitionIndex": 0, "BrokerIds": [1] }, { "PartitionIndex": 0, "BrokerIds": [1] }]),
            json!([{ "PartitionIndex": 0, "BrokerIds": [1] }, { "PartitionIndex": 2, "BrokerIds": [1] }]),
        ] {
            let topic = json!({ "Name": "refused-assignment", "NumPartitions": -1, "ReplicationFactor": -1, "Assignments": assignments });
            lab.ask(
                ApiKey::CreateTopics,
                version,
                json!({ "Topics": [topic], "validateOnly": true }),
            );
            let topic = json!({ "Name": "refused-assignment", "NumPartitions": 1, "ReplicationFactor": 1, "Assignments": assignments });
            lab.ask(
                ApiKey::CreateTopics,
                version,
                json!({ "Topics": [topic], "validateOnly": true }),
            );
        }
    }
    for (name, value) in CONFIGS {
        let topic = json!({ "Name": "refused-configs", "NumPartitions": 1, "ReplicationFactor": 1, "Configs": [{ "Name": name, "Value": value }] });
        lab.ask(
            ApiKey::CreateTopics,
            7,
            json!({ "Topics": [topic], "validateOnly": true }),
        );
    }
    let twice =
        json!([{ "Name": "retention.ms", "Value": "1" }, { "Name": "retention.ms", "Value": "2" }]);
    let topic = json!({ "Name": "refused-twice", "NumPartitions": 1, "ReplicationFactor": 1, "Configs": twice });
    lab.ask(
        ApiKey::CreateTopics,
        7,
        json!({ "Topics": [topic], "validateOnly": true }),
    );
    let topic = json!({ "Name": "refused-null", "NumPartitions": 1, "ReplicationFactor": 1, "Configs": [{ "Name": "retention.ms", "Value": null }] });
    lab.ask(
        ApiKey::CreateTopics,
        7,
        json!({ "Topics": [topic], "validateOnly": true }),
    );
}

/// Configurations of topics at the edges of what is valid, and beyond.
pub(crate) const CONFIGS: &[(&str, &str)] = &[
    ("no.such.config", "1"),
    ("", "1"),
    ("retention.ms", "-1"),
    ("retention.ms", "-2"),
    ("retention.ms", "abc"),
    ("retention.ms", ""),
    ("retention.ms", " 10 "),
    ("retention.ms", "9223372036854775808"),
    ("retention.bytes", "-5"),
    ("segment.bytes", "1048575"),
    ("segment.bytes", "1048576"),
    ("segment.bytes", "2147483648"),
    ("segment.ms", "0"),
    ("segment.index.bytes", "3"),
    ("cleanup.policy", "nothing"),
    ("cleanup.policy", ""),
    ("cleanup.policy", "compact, delete"),
    ("cleanup.policy", "delete,delete"),
    ("cleanup.policy", "COMPACT"),
    ("compression.type", "gzip"),
    ("compression.type", "brotli"),
    ("compression.type", "ZSTD"),
    ("compression.gzip.level", "0"),
    ("compression.gzip.level", "10"),
    ("compression.zstd.level", "23"),
    ("compression.lz4.level", "0"),
    ("message.timestamp.type", "LogAppendTime"),
    ("message.timestamp.type", "Yesterday"),
    ("min.cleanable.dirty.ratio", "1.5"),
    ("min.cleanable.dirty.ratio", "0.5"),
    ("min.insync.replicas", "0"),
    ("min.insync.replicas", "3"),
    ("max.message.bytes", "-1"),
    ("max.message.bytes", "0"),
    ("unclean.leader.election.enable", "true"),
    ("unclean.leader.election.enable", "yes"),
    ("preallocate", "TRUE"),
    ("flush.messages", "0"),
    ("flush.ms", "-1"),
    ("file.delete.delay.ms", "-1"),
    ("delete.retention.ms", "-1"),
    ("min.compaction.lag.ms", "-1"),
    ("max.compaction.lag.ms", "0"),
    ("index.interval.bytes", "-1"),
    ("local.retention.ms", "-3"),
    ("local.retention.bytes", "-3"),
    ("remote.storage.enable", "true"),
    ("leader.replication.throttled.replicas", "*"),
    ("leader.replication.throttled.replicas", "0:1"),
    ("follower.replication.throttled.replicas", "nonsense"),
    ("message.timestamp.before.max.ms", "-1"),
    ("message.timestamp.after.max.ms", "-1"),
    ("message.format.version", "3.0"),
];

pub(crate) fn deleted(lab: &mut Lab) {
    for version in versions(ApiKey::DeleteTopics) {
        let topic = format!("deleted-{version}");
        lab.create_topic(&topic, 1, &[]);
        let ask = |lab: &mut Lab, names: &[&str]| {
            let topics: Vec<Value> = names.iter().map(|name| json!({ "Name": name })).collect();
            lab.ask(
                ApiKey::DeleteTopics,
                version,
                json!({ "Topics": topics, "TopicNames": names, "TimeoutMs": 10_000 }),
            );
        };
        ask(lab, &["deleted-not-there", &topic, "not valid"]);
        lab.wait_until(
            ApiKey::Metadata,
            12,
            json!({ "Topics": [{ "Name": topic }], "AllowAutoTopicCreation": false }),
            |answer| answer.pointer("/Topics/0/ErrorCode") == Some(&json!(3)),
        );
        ask(lab, &[&topic]);
        ask(lab, &[]);
        lab.create_topic(&topic, 1, &[]);
        ask(lab, &[&topic, &topic]);
    }
    let api = ApiKey::DeleteTopics;
    lab.create_topic("deleted-by-id", 1, &[]);
    lab.ask(api, 6, json!({ "Topics": [{ "TopicId": "0000000000000000000000000000abcd" }], "TimeoutMs": 10_000 }));
    lab.ask(api, 6, json!({ "Topics": [{ "TopicId": "00000000000000000000000000000000" }], "TimeoutMs": 10_000 }));
    lab.ask(api, 6, json!({ "Topics": [{ "Name": "deleted-by-id", "TopicId": "$id:deleted-by-id" }], "TimeoutMs": 10_000 }));
    lab.ask(api, 6, json!({ "Topics": [{ "Name": "deleted-by-id" }, { "TopicId": "$id:deleted-by-id" }], "TimeoutMs": 10_000 }));
}

pub(crate) fn partitions(lab: &mut Lab) {
    for version in versions(ApiKey::CreatePartitions) {
        let topic = format!("grown-{version}");
        lab.create_topic(&topic, 2, &[]);
        for count in [-1, 0, 1, 2, 100_000] {
            lab.ask(ApiKey::CreatePartitions, version, json!({ "Topics": [{ "Name": topic, "Count": count, "Assignments": null }], "TimeoutMs": 10_000, "ValidateOnly": true }));
        }
        for assignments in [
            json!([]),
            json!([{ "BrokerIds": [1] }]),
            json!([{ "BrokerIds": [1] }, { "BrokerIds": [1] }]),
            json!([{ "BrokerIds": [7] }]),
            json!([{ "BrokerIds": [] }]),
            json!([{ "BrokerIds": [1, 1] }]),
        ] {
            lab.ask(ApiKey::CreatePartitions, version, json!({ "Topics": [{ "Name": topic, "Count": 3, "Assignments": assignments }], "TimeoutMs": 10_000, "ValidateOnly": true }));
        }
        let add =
            |name: &str, count: i32| json!({ "Name": name, "Count": count, "Assignments": null });
        lab.ask(ApiKey::CreatePartitions, version, json!({ "Topics": [add("grown-not-there", 3), add("not valid", 3)], "TimeoutMs": 10_000 }));
        lab.ask(
            ApiKey::CreatePartitions,
            version,
            json!({ "Topics": [add(&topic, 3), add(&topic, 4)], "TimeoutMs": 10_000 }),
        );
        lab.ask(
            ApiKey::CreatePartitions,
            version,
            json!({ "Topics": [add(&topic, 5)], "TimeoutMs": 10_000 }),
        );
        lab.wait_for_leaders(&topic, 5);
        lab.ask(
            ApiKey::Metadata,
            12,
            json!({ "Topics": [{ "Name": topic }] }),
        );
    }
}

pub(crate) fn reassignments(lab: &mut Lab) {
    lab.create_topic("reassigned", 2, &[]);
    for topics in [
        json!(null),
        json!([]),
        json!([{ "Name": "reassigned", "PartitionIndexes": [0, 1, 7] }]),
        json!([{ "Name": "reassigned-not-there", "PartitionIndexes": [0] }]),
    ] {
        lab.ask(
            ApiKey::ListPartitionReassignments,
            0,
            json!({ "Topics": topics }),
        );
    }
}
