//! Records come out: fetches, their sessions, offsets by time and by epoch.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use super::records::{KEPT, produce};
use crate::batches::{self, BASE_TIMESTAMP_MS};
use crate::lab::{Lab, versions};

/// A topic with batches at 0–2, 3, 4–5 in partition 0, and an empty partition 1.
fn filled(lab: &mut Lab, topic: &str) {
    lab.create_topic(topic, 2, KEPT);
    produce(lab, 9, topic, 0, &batches::plain(&["a", "b", "c"]));
    produce(lab, 9, topic, 0, &batches::at(BASE_TIMESTAMP_MS + 10, "d"));
    produce(lab, 9, topic, 0, &batches::plain(&["e", "f"]));
}

fn partition(index: i32, offset: i64) -> Value {
    json!({ "Partition": index, "FetchOffset": offset, "PartitionMaxBytes": 1_000_000 })
}

fn fetch(topic: &str, partitions: Value) -> Value {
    let id = match topic {
        "missing" | "not valid" => "0000000000000000000000000000abcd".to_owned(),
        _ => format!("$id:{topic}"),
    };
    json!({ "MaxWaitMs": 0, "MinBytes": 0, "Topics": [{ "Topic": topic, "TopicId": id, "Partitions": partitions }] })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

pub(crate) fn fetched(lab: &mut Lab) {
    filled(lab, "fetched");
    let api = ApiKey::Fetch;
    for version in versions(api) {
        for offset in [0, 1, 3, 5, 6, 7, -1, 1_000_000] {
            lab.ask(
                api,
                version,
                fetch("fetched", json!([partition(0, offset)])),
            );
        }
        lab.ask(
            api,
            version,
            fetch(
                "fetched",
                json!([partition(0, 0), partition(1, 0), partition(1, 1)]),
            ),
        );
        lab.ask(
            api,
            version,
            fetch("fetched", json!([partition(9, 0), partition(-1, 0)])),
        );
        lab.ask(api, version, fetch("missing", json!([partition(0, 0)])));
        lab.ask(api, version, fetch("fetched", json!([])));
        lab.ask(
            api,
            version,
            with(
                fetch("fetched", json!([partition(0, 0)])),
                "MaxBytes",
                json!(1),
            ),
        );
        lab.ask(
            api,
            version,
            with(
                fetch("fetched", json!([partition(0, 0)])),
                "IsolationLevel",
                json!(1),
            ),
        );
        for bytes in [0, 1, 100] {
            let small = json!([{ "Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": bytes }]);
            lab.ask(api, version, fetch("fetched", small));
        }
        let waits = with(
            fetch("fetched", json!([partition(0, 6)])),
            "MinBytes",
            json!(1),
        );
        lab.ask(api, version, with(waits, "MaxWaitMs", json!(20)));
        if version >= 9 {
            for epoch in [0, 2, 7] {
                let behind = json!([{ "Partition": 0, "CurrentLeaderEpoch": epoch + 1, "FetchOffset": 0, "PartitionMaxBytes": 1000 }]);
                if epoch > 0 {
                    lab.ask(api, version, fetch("fetched", behind));
                }
            }
        }
    }
    lab.ask(
        api,
        11,
        with(
            fetch("fetched", json!([partition(0, 0)])),
            "RackId",
            json!("somewhere"),
        ),
    );
    lab.ask(
        api,
        12,
        with(
            fetch("fetched", json!([partition(0, 0)])),
            "ClusterId",
            json!("another"),
        ),
    );
    lab.ask(api, 12, fetch("not valid", json!([])));
}

pub(crate) fn sessions(lab: &mut Lab) {
    filled(lab, "sessions");
    filled(lab, "sessions-other");
    let api = ApiKey::Fetch;
    for version in 7..=18 {
        let in_session = |id: Value, epoch: i32, body: Value| {
            with(with(body, "SessionId", id), "SessionEpoch", json!(epoch))
        };
        let both = fetch("sessions", json!([partition(0, 0), partition(1, 0)]));
        let nothing = json!({ "MaxWaitMs": 0, "MinBytes": 0 });
        let opened = lab.ask(api, version, in_session(json!(0), 0, both.clone()));
        lab.learn("session", &opened, "/SessionId");
        let session = || json!("$session");
        lab.ask(api, version, in_session(session(), 1, nothing.clone()));
        lab.ask(
            api,
            version,
            in_session(session(), 2, fetch("sessions", json!([partition(0, 6)]))),
        );
        lab.ask(api, version, in_session(session(), 3, nothing.clone()));
        lab.ask(api, version, in_session(session(), 3, nothing.clone())); // again
        lab.ask(api, version, in_session(session(), 9, nothing.clone()));
        lab.ask(
            api,
            version,
            in_session(
                session(),
                4,
                fetch("sessions-other", json!([partition(0, 3)])),
            ),
        );
        let forget = json!([{ "Topic": "sessions", "TopicId": "$id:sessions", "Partitions": [0] }]);
        lab.ask(
            api,
            version,
            in_session(
                session(),
                5,
                with(nothing.clone(), "ForgottenTopicsData", forget),
            ),
        );
        lab.ask(
            api,
            version,
            in_session(session(), 6, fetch("sessions", json!([partition(9, 0)]))),
        );
        lab.ask(
            api,
            version,
            in_session(session(), 7, fetch("missing", json!([partition(0, 0)]))),
        );
        lab.ask(api, version, in_session(session(), 8, nothing.clone()));
        lab.ask(api, version, in_session(session(), -1, both.clone())); // closes it
        lab.ask(api, version, in_session(session(), 10, nothing.clone()));
        lab.ask(api, version, in_session(json!(12_345), 1, nothing.clone()));
        lab.ask(api, version, in_session(json!(12_345), 0, nothing.clone()));
        lab.ask(api, version, in_session(json!(0), 5, nothing.clone()));
        lab.ask(api, version, in_session(json!(0), -1, nothing.clone()));
        lab.ask(api, version, in_session(json!(0), -7, nothing.clone()));
    }
}

pub(crate) fn offsets(lab: &mut Lab) {
    filled(lab, "offsets");
    let api = ApiKey::ListOffsets;
    let ask = |lab: &mut Lab,
               version: i16,
               topic: &str,
               partition: i32,
               timestamp: i64,
               epoch: i32| {
        lab.ask(api, version, json!({ "ReplicaId": -1, "TimeoutMs": 1000, "Topics": [{ "Name": topic, "Partitions": [
            { "PartitionIndex": partition, "CurrentLeaderEpoch": epoch, "Timestamp": timestamp }] }] }));
    };
    for version in versions(api) {
        for timestamp in -7..=0 {
            ask(lab, version, "offsets", 0, timestamp, -1);
            ask(lab, version, "offsets", 1, timestamp, -1);
        }
        for delta in [-1, 0, 1, 2, 3, 10, 11] {
            ask(lab, version, "offsets", 0, BASE_TIMESTAMP_MS + delta, -1);
        }
        ask(lab, version, "offsets", 0, i64::MAX, -1);
        ask(lab, version, "offsets", 0, i64::MIN, -1);
        ask(lab, version, "offsets", 1, BASE_TIMESTAMP_MS, -1);
        ask(lab, version, "offsets", 9, -1, -1);
        ask(lab, version, "missing", 0, -1, -1);
        ask(lab, version, "not valid", 0, -1, -1);
        ask(lab, version, "offsets", 0, -1, 9);
        for isolation in [0, 1] {
            lab.ask(api, version, json!({ "ReplicaId": -1, "IsolationLevel": isolation, "Topics": [{ "Name": "offsets", "Partitions": [
                { "PartitionIndex": 0, "Timestamp": -1 }] }] }));
        }
        lab.ask(api, version, json!({ "ReplicaId": -1, "Topics": [{ "Name": "offsets", "Partitions": [
            { "PartitionIndex": 0, "Timestamp": -1 }, { "PartitionIndex": 1, "Timestamp": -2 }] }] }));
        for replica in [0, 1, -2] {
            lab.ask(
                api,
                version,
                json!({ "ReplicaId": replica, "Topics": [{ "Name": "offsets", "Partitions": [
                { "PartitionIndex": 0, "Timestamp": -1 }] }] }),
            );
        }
    }
}

pub(crate) fn epochs(lab: &mut Lab) {
    filled(lab, "epochs");
    let api = ApiKey::OffsetForLeaderEpoch;
    for version in versions(api) {
        for (topic, partition, current, epoch) in [
            ("epochs", 0, -1, 9),
            ("epochs", 0, 9, 0),
            ("epochs", 0, -1, -1),
            ("epochs", 1, -1, 9),
            ("epochs", 7, -1, 0),
            ("missing", 0, -1, 0),
        ] {
            lab.ask(api, version, json!({ "ReplicaId": -1, "Topics": [{ "Topic": topic, "Partitions": [
                { "Partition": partition, "CurrentLeaderEpoch": current, "LeaderEpoch": epoch }] }] }));
        }
        // The epoch that wrote it all, as each knows it.
        let metadata = lab.ask(
            ApiKey::Metadata,
            12,
            json!({ "Topics": [{ "Name": "epochs" }] }),
        );
        lab.learn("epoch", &metadata, "/Topics/0/Partitions/0/LeaderEpoch");
        lab.ask(
            api,
            version,
            json!({ "ReplicaId": -1, "Topics": [{ "Topic": "epochs", "Partitions": [
            { "Partition": 0, "CurrentLeaderEpoch": "$epoch", "LeaderEpoch": "$epoch" }] }] }),
        );
        lab.ask(api, version, json!({ "ReplicaId": -1 }));
    }
}

/// Requests that no client makes.
pub(crate) fn odd_readers(lab: &mut Lab) {
    filled(lab, "odd-readers");
    for isolation in [2, -1, 127] {
        for version in versions(ApiKey::Fetch) {
            let body = fetch("odd-readers", json!([partition(0, 0)]));
            lab.ask(
                ApiKey::Fetch,
                version,
                with(body, "IsolationLevel", json!(isolation)),
            );
        }
        for version in versions(ApiKey::ListOffsets) {
            lab.ask(ApiKey::ListOffsets, version, json!({ "ReplicaId": -1, "IsolationLevel": isolation, "Topics": [{ "Name": "odd-readers", "Partitions": [
                { "PartitionIndex": 0, "Timestamp": -1 }, { "PartitionIndex": 7, "Timestamp": -1 }] }] }));
        }
    }
    for version in versions(ApiKey::ListOffsets) {
        let twice = json!({ "PartitionIndex": 0, "Timestamp": -1 });
        let other = json!({ "PartitionIndex": 1, "Timestamp": -1 });
        lab.ask(ApiKey::ListOffsets, version, json!({ "ReplicaId": -1, "Topics": [{ "Name": "odd-readers", "Partitions": [twice, other, twice] }] }));
        lab.ask(ApiKey::ListOffsets, version, json!({ "ReplicaId": -1, "Topics": [
            { "Name": "odd-readers", "Partitions": [twice] }, { "Name": "odd-readers", "Partitions": [other, twice] }] }));
        lab.ask(ApiKey::ListOffsets, version, json!({ "ReplicaId": -1, "Topics": [
            { "Name": "odd-readers", "Partitions": [] }, { "Name": "odd-readers", "Partitions": [other] }] }));
        for epoch in [-2, i32::MIN] {
            lab.ask(
                ApiKey::ListOffsets,
                version,
                json!({ "ReplicaId": -1, "Topics": [{ "Name": "odd-readers", "Partitions": [
                { "PartitionIndex": 0, "CurrentLeaderEpoch": epoch, "Timestamp": -1 }] }] }),
            );
        }
        let missing = json!({ "PartitionIndex": 7, "Timestamp": -1 });
        lab.ask(
            ApiKey::ListOffsets,
            version,
            json!({ "ReplicaId": -1, "Topics": [
            { "Name": "odd-readers", "Partitions": [missing, missing, other] }] }),
        );
    }
    for version in versions(ApiKey::OffsetForLeaderEpoch) {
        for epoch in [-1, -2, i32::MIN] {
            for current in [-1, -2] {
                for index in [0, 1] {
                    lab.ask(ApiKey::OffsetForLeaderEpoch, version, json!({ "ReplicaId": -1, "Topics": [{ "Topic": "odd-readers", "Partitions": [
                        { "Partition": index, "CurrentLeaderEpoch": current, "LeaderEpoch": epoch }] }] }));
                }
            }
        }
    }
    for version in 9..=18 {
        for epoch in [-2, i32::MIN] {
            lab.ask(ApiKey::Fetch, version, fetch("odd-readers", json!([{ "Partition": 0, "CurrentLeaderEpoch": epoch, "FetchOffset": 0, "PartitionMaxBytes": 1000 }])));
            if version >= 12 {
                lab.ask(ApiKey::Fetch, version, fetch("odd-readers", json!([{ "Partition": 0, "LastFetchedEpoch": epoch, "FetchOffset": 0, "PartitionMaxBytes": 1000 }])));
            }
        }
    }
}

/// How much comes where a limit falls into a batch.
pub(crate) fn limits(lab: &mut Lab) {
    filled(lab, "read-limits");
    produce(lab, 9, "read-limits", 1, &batches::plain(&["a", "b", "c"]));
    for version in versions(ApiKey::Fetch) {
        for bytes in [0, 1, 60, 80, 84, 85, 86, 90, 150, 170, 200, 250, 1000] {
            let both = json!([
                { "Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": bytes }, { "Partition": 1, "FetchOffset": 0, "PartitionMaxBytes": bytes }]);
            lab.ask(ApiKey::Fetch, version, fetch("read-limits", both));
            let both = fetch("read-limits", json!([partition(0, 0), partition(1, 0)]));
            lab.ask(ApiKey::Fetch, version, with(both, "MaxBytes", json!(bytes)));
        }
    }
}
