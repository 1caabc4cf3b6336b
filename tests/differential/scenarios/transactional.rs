//! What else is done in transactions and to them: offsets are committed, operators end them, and choose how they end.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use super::records::KEPT;
use super::transactions::{add, begin, end, wait_until_complete, write_in};
use crate::batches;
use crate::lab::{Lab, versions};

/// Offsets that are committed with a transaction, or are not.
pub(crate) fn offsets(lab: &mut Lab) {
    lab.create_topic("moved", 2, KEPT);
    lab.wait_until(
        ApiKey::FindCoordinator,
        2,
        json!({ "Key": "moves", "KeyType": 0 }),
        |answer| answer["ErrorCode"] == 0,
    );
    // And its coordinator has to know what there is.
    lab.wait_until(ApiKey::OffsetFetch, 5, fetching("moves", false), |answer| {
        answer["ErrorCode"] == 0
    });
    for version in versions(ApiKey::TxnOffsetCommit) {
        let id = format!("moves-{version}");
        let (id, group, me) = (&*id, &*id, &*format!("${id}"));
        begin(lab, id);
        for add in versions(ApiKey::AddOffsetsToTxn) {
            for (id, producer, epoch, group) in [
                ("nobody", json!(me), 1, group),
                ("", json!(me), 1, group),
                (id, json!(999_999), 1, group),
                (id, json!(me), 0, group),
                (id, json!(me), 1, ""),
                (id, json!(me), 1, group),
            ] {
                lab.ask(
                    ApiKey::AddOffsetsToTxn,
                    add,
                    json!({ "TransactionalId": id, "ProducerId": producer, "ProducerEpoch": epoch, "GroupId": group }),
                );
            }
        }
        let commit = |epoch: i16, generation: i32, member: &str, offset: i64| {
            let one = |index| json!({ "PartitionIndex": index, "CommittedOffset": offset, "CommittedLeaderEpoch": 0, "CommittedMetadata": "" });
            let topics = json!([{ "Name": "moved", "TopicId": "$id:moved", "Partitions": [one(0), one(9)] }]);
            json!({ "TransactionalId": id, "GroupId": group, "ProducerId": me, "ProducerEpoch": epoch,
                    "GenerationIdOrMemberEpoch": generation, "MemberId": member, "Topics": topics })
        };
        let api = ApiKey::TxnOffsetCommit;
        lab.ask(api, version, commit(1, -1, "", 5));
        fetched(lab, group);
        lab.ask(api, version, commit(0, -1, "", 6));
        lab.ask(api, version, commit(1, 3, "nobody", 7));
        let mut unnamed = commit(1, -1, "", 8);
        unnamed["GroupId"] = json!("");
        lab.ask(api, version, unnamed);
        let mut missing = commit(1, -1, "", 8);
        missing["Topics"][0]["Name"] = json!("missing");
        missing["Topics"][0]["TopicId"] = json!("0000000000000000000000000000abcd");
        lab.ask(api, version, missing);
        end(lab, version.min(4), id, &json!(me), 1, version % 2 == 0);
        wait_until_complete(lab, id);
        lab.wait_until(ApiKey::OffsetFetch, 8, fetching(group, true), |answer| {
            let one = answer.pointer("/Groups/0/Topics/0/Partitions/0/ErrorCode");
            one == Some(&json!(0))
        });
        fetched(lab, group);
    }
}

fn fetching(group: &str, stable: bool) -> Value {
    let topics = json!([{ "Name": "moved", "PartitionIndexes": [0, 1] }]);
    json!({ "GroupId": group, "Topics": topics, "Groups": [{ "GroupId": group, "Topics": topics }], "RequireStable": stable })
}

fn fetched(lab: &mut Lab, group: &str) {
    for version in [5, 7, 8] {
        for stable in [true, false] {
            lab.ask(ApiKey::OffsetFetch, version, fetching(group, stable));
        }
    }
}

/// What `kafka-transactions abort` does, and what it may not.
pub(crate) fn markers(lab: &mut Lab) {
    lab.create_topic("ended", 2, KEPT);
    let marker = |producer: Value,
                  epoch: i16,
                  commits: bool,
                  coordinator: i32,
                  topic: &str,
                  partitions: &[i32]| {
        json!({ "ProducerId": producer, "ProducerEpoch": epoch, "TransactionResult": commits, "CoordinatorEpoch": coordinator,
                "TransactionVersion": 1, "Topics": [{ "Name": topic, "PartitionIndexes": partitions }] })
    };
    for version in versions(ApiKey::WriteTxnMarkers) {
        let id = format!("ended-{version}");
        let (id, me) = (&*id, &*format!("${id}"));
        begin(lab, id);
        add(lab, id, 1, "ended", 0);
        let batch = batches::in_transaction(id, 1, 0, &["a", "b"]);
        write_in(lab, 9, id, "ended", 0, &batch);
        let ask = |lab: &mut Lab, markers: Value| {
            lab.ask(
                ApiKey::WriteTxnMarkers,
                version,
                json!({ "Markers": markers }),
            );
        };
        ask(lab, json!([]));
        ask(
            lab,
            json!([marker(json!(me), 1, false, 5, "missing", &[0])]),
        );
        ask(lab, json!([marker(json!(me), 1, false, 5, "ended", &[9])]));
        ask(lab, json!([marker(json!(me), 0, false, 5, "ended", &[0])]));
        ask(
            lab,
            json!([marker(json!(me), 1, false, 5, "ended", &[0, 9])]),
        );
        ask(lab, json!([marker(json!(me), 1, false, 3, "ended", &[0])]));
        ask(
            lab,
            json!([
                marker(json!(me), 1, false, 6, "ended", &[0]),
                marker(json!(me), 1, true, 7, "ended", &[1])
            ]),
        );
        lab.ask(
            ApiKey::DescribeProducers,
            0,
            json!({ "Topics": [{ "Name": "ended", "PartitionIndexes": [0, 1] }] }),
        );
        let one = json!([{ "Partition": 0, "FetchOffset": 0, "PartitionMaxBytes": 10_000_000 }, { "Partition": 1, "FetchOffset": 0, "PartitionMaxBytes": 10_000_000 }]);
        let topics = json!([{ "Topic": "ended", "Partitions": one }]);
        lab.ask(
            ApiKey::Fetch,
            12,
            json!({ "MaxWaitMs": 0, "MinBytes": 0, "IsolationLevel": 1, "Topics": topics }),
        );
        // Nobody can end it any more: its own coordinator is fenced in the partition.
    }
}

/// How transactions end is a feature of the cluster.
pub(crate) fn features(lab: &mut Lab) {
    const NAME: &str = "transaction.version";
    let update = |feature: &str, level: i16, kind: i8| json!({ "Feature": feature, "MaxVersionLevel": level, "AllowDowngrade": kind != 1, "UpgradeType": kind });
    for version in versions(ApiKey::UpdateFeatures) {
        // And afterwards it is at this level.
        let ask = |lab: &mut Lab, updates: Value, validates: bool, level: i16| {
            lab.ask(
                ApiKey::UpdateFeatures,
                version,
                json!({ "timeoutMs": 10_000, "FeatureUpdates": updates, "ValidateOnly": validates }),
            );
            let who = json!({ "ClientSoftwareName": "lab", "ClientSoftwareVersion": "1" });
            // A broker hears of it a little later.
            lab.wait_until(ApiKey::ApiVersions, 4, who.clone(), |answer| {
                let all = answer["FinalizedFeatures"].as_array();
                let mut all = all.into_iter().flatten();
                let found = all.find(|one| one["Name"] == NAME);
                found.map_or(0, |one| one["MaxVersionLevel"].as_i64().unwrap_or(-1))
                    == i64::from(level)
            });
            lab.ask(ApiKey::ApiVersions, 4, who);
        };
        ask(lab, json!([]), false, 2);
        ask(lab, json!([update("odd.version", 1, 1)]), false, 2);
        for level in [9, -1, 2, 1] {
            ask(lab, json!([update(NAME, level, 1)]), false, 2);
        }
        if version == 0 {
            ask(lab, json!([update(NAME, 1, 2)]), false, 2);
            continue;
        }
        ask(lab, json!([update(NAME, 1, 2)]), true, 2);
        ask(lab, json!([update(NAME, 1, 0)]), false, 2);
        ask(lab, json!([update(NAME, 1, 9)]), false, 2);
        ask(lab, json!([update(NAME, 1, 2)]), false, 1);
        ask(lab, json!([update(NAME, 0, 3)]), false, 0);
        ask(lab, json!([update(NAME, 2, 1)]), false, 2);
    }
}
