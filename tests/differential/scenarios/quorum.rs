//! Who holds what: replicas, preferred leaders, the voters on the metadata, and brokers that go. There
//! is one broker, so that most is refused or already so.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use crate::lab::{Lab, versions};

const NOBODY: &str = "0000000000000000000000000000abcd";
const NIL: &str = "00000000000000000000000000000000";

pub(crate) fn reassigned(lab: &mut Lab) {
    lab.create_topic("placed", 2, &[]);
    let api = ApiKey::AlterPartitionReassignments;
    let ask = |topic: &str, partition: i32, replicas: Value| {
        json!({ "TimeoutMs": 10_000, "Topics": [{ "Name": topic,
            "Partitions": [{ "PartitionIndex": partition, "Replicas": replicas }] }] })
    };
    for version in versions(api) {
        for replicas in [
            json!([1]),
            json!(null),
            json!([]),
            json!([7]),
            json!([1, 1]),
            json!([-1]),
            json!([1, 7]),
        ] {
            lab.ask(api, version, ask("placed", 0, replicas));
        }
        lab.ask(api, version, ask("placed", 9, json!([1])));
        lab.ask(api, version, ask("placed-not-there", 0, json!([1])));
        lab.ask(api, version, ask("placed-not-there", 0, json!(null)));
        lab.ask(api, version, json!({ "TimeoutMs": 10_000, "Topics": [] }));
    }
    lab.ask(
        api,
        1,
        json!({ "TimeoutMs": 10_000, "AllowReplicationFactorChange": false, "Topics": [{ "Name": "placed",
            "Partitions": [{ "PartitionIndex": 0, "Replicas": [1] }, { "PartitionIndex": 1, "Replicas": [1, 7] }] }] }),
    );
    let list = json!({ "Topics": [{ "Name": "placed", "PartitionIndexes": [0, 1] }] });
    lab.ask(ApiKey::ListPartitionReassignments, 0, list);
}

pub(crate) fn elections(lab: &mut Lab) {
    lab.create_topic("elected", 2, &[]);
    lab.wait_for_leaders("elected", 2);
    let named =
        |name: &str, partitions: Value| json!([{ "Topic": name, "Partitions": partitions }]);
    for version in versions(ApiKey::ElectLeaders) {
        for topics in [
            named("elected", json!([0, 1])),
            named("elected", json!([9])),
            named("elected-not-there", json!([0])),
            json!([]),
        ] {
            let request = json!({ "TopicPartitions": topics, "TimeoutMs": 10_000 });
            lab.ask(ApiKey::ElectLeaders, version, request);
        }
        if version >= 1 {
            let unclean = json!({ "ElectionType": 1, "TimeoutMs": 10_000,
                "TopicPartitions": named("elected", json!([0])) });
            lab.ask(ApiKey::ElectLeaders, version, unclean);
        }
    }
}

pub(crate) fn described(lab: &mut Lab) {
    let of = |name: &str, partitions: &[i32]| {
        let partition = |number: &i32| json!({ "PartitionIndex": number });
        let partitions: Vec<Value> = partitions.iter().map(partition).collect();
        json!({ "TopicName": name, "Partitions": partitions })
    };
    for version in versions(ApiKey::DescribeQuorum) {
        for topics in [
            json!([of("__cluster_metadata", &[0])]),
            json!([of("__cluster_metadata", &[1])]),
            json!([of("__cluster_metadata", &[0, 0])]),
            json!([of("__cluster_metadata", &[0]), of("other", &[0])]),
            json!([of("other", &[0])]),
            json!([]),
        ] {
            lab.ask(ApiKey::DescribeQuorum, version, json!({ "Topics": topics }));
        }
    }
}

pub(crate) fn refused(lab: &mut Lab) {
    for broker in [7, -1] {
        lab.ask(ApiKey::UnregisterBroker, 0, json!({ "BrokerId": broker }));
    }
    for version in versions(ApiKey::AddRaftVoter) {
        for (cluster, voter, directory) in [
            (json!("another"), 1, NOBODY),
            (json!(null), -1, NOBODY),
            (json!(null), 7, NIL),
        ] {
            lab.ask(
                ApiKey::AddRaftVoter,
                version,
                json!({ "ClusterId": cluster, "TimeoutMs": 5_000, "VoterId": voter, "VoterDirectoryId": directory,
                    "Listeners": [{ "Name": "CONTROLLER", "Host": "localhost", "Port": 9 }] }),
            );
        }
    }
    for (cluster, voter, directory) in [
        (json!("another"), 1, NOBODY),
        (json!(null), -1, NOBODY),
        (json!(null), 7, NIL),
        (json!(null), 7, NOBODY),
        (json!(null), 1, NOBODY),
    ] {
        lab.ask(
            ApiKey::RemoveRaftVoter,
            0,
            json!({ "ClusterId": cluster, "VoterId": voter, "VoterDirectoryId": directory }),
        );
    }
}
