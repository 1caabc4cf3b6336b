//! What a broker says of itself, its cluster and its topics.

use ottla_protocol::api::ApiKey;
use serde_json::json;

use crate::lab::{Lab, versions};

pub(crate) fn api_versions(lab: &mut Lab) {
    let client = json!({ "ClientSoftwareName": "twin", "ClientSoftwareVersion": "1.0" });
    lab.ask_in_all(ApiKey::ApiVersions, client);
    for (name, version) in [
        ("", "1"),
        ("twin", ""),
        ("-twin", "1"),
        ("tw in", "1"),
        ("twin", "1_0"),
        ("twin.", "1"),
    ] {
        let client = json!({ "ClientSoftwareName": name, "ClientSoftwareVersion": version });
        lab.ask(ApiKey::ApiVersions, 4, client.clone());
        lab.ask(ApiKey::ApiVersions, 0, client);
    }
    for (cluster, node) in [
        (json!("another"), json!(-1)),
        (json!(null), json!(77)),
        (json!("another"), json!(1)),
    ] {
        lab.ask(
            ApiKey::ApiVersions,
            5,
            json!({ "ClientSoftwareName": "twin", "ClientSoftwareVersion": "1.0",
            "ClusterId": cluster, "NodeId": node }),
        );
    }
    // A version from the future is answered in version 0.
    for version in [6, 99] {
        let client = json!({ "ClientSoftwareName": "twin", "ClientSoftwareVersion": "1.0" });
        lab.send_as(ApiKey::ApiVersions, version, Some(0), client);
        lab.receive(ApiKey::ApiVersions, 0);
    }
}

pub(crate) fn cluster(lab: &mut Lab) {
    lab.ask_in_all(ApiKey::DescribeCluster, json!({}));
    for version in versions(ApiKey::DescribeCluster) {
        lab.ask(
            ApiKey::DescribeCluster,
            version,
            json!({ "IncludeClusterAuthorizedOperations": true, "IncludeFencedBrokers": true }),
        );
    }
    for endpoint in [0, 2, 3, -1] {
        lab.ask(
            ApiKey::DescribeCluster,
            1,
            json!({ "EndpointType": endpoint }),
        );
    }
}

pub(crate) fn metadata(lab: &mut Lab) {
    lab.create_topic("metadata-a", 2, &[]);
    lab.create_topic("metadata-b", 1, &[]);
    for version in versions(ApiKey::Metadata) {
        let names = |names: &[&str]| {
            let topics: Vec<_> = names.iter().map(|name| json!({ "Name": name })).collect();
            json!({ "Topics": topics, "AllowAutoTopicCreation": false, "IncludeTopicAuthorizedOperations": true,
                    "IncludeClusterAuthorizedOperations": true })
        };
        lab.ask(
            ApiKey::Metadata,
            version,
            names(&["metadata-b", "metadata-a"]),
        );
        lab.ask(
            ApiKey::Metadata,
            version,
            names(&["metadata-a", "metadata-a"]),
        );
        lab.ask(ApiKey::Metadata, version, names(&[]));
        if version >= 1 {
            lab.ask(ApiKey::Metadata, version, json!({ "Topics": null }));
        }
        if version >= 4 {
            lab.ask(
                ApiKey::Metadata,
                version,
                names(&["metadata-not-there", "metadata-a"]),
            );
            lab.ask(
                ApiKey::Metadata,
                version,
                names(&["", ".", "..", "a b", "ä", &"x".repeat(250)]),
            );
        }
        if version >= 10 {
            lab.ask(ApiKey::Metadata, version, json!({ "Topics": [
                { "Name": null, "TopicId": "$id:metadata-a" }, { "Name": null, "TopicId": "0000000000000000000000000000abcd" }] }));
            lab.ask(
                ApiKey::Metadata,
                version,
                json!({ "Topics": [{ "Name": null }] }),
            );
            lab.ask(
                ApiKey::Metadata,
                version,
                json!({ "Topics": [{ "Name": "metadata-a", "TopicId": "$id:metadata-a" }] }),
            );
            lab.ask(ApiKey::Metadata, version, json!({ "Topics": [{ "Name": "metadata-b" }, { "Name": null, "TopicId": "$id:metadata-a" }] }));
        }
    }
    // Asking is enough to create it. Kafka's first answer is that it is not there yet, Ottla's that it
    // is: both are retried, and neither is compared.
    let automatic = json!({ "Topics": [{ "Name": "metadata-automatic" }] });
    lab.wait_until(ApiKey::Metadata, 12, automatic, |answer| {
        answer.pointer("/Topics/0/ErrorCode") == Some(&json!(0))
    });
    lab.wait_for_leaders("metadata-automatic", 1);
    lab.ask(
        ApiKey::Metadata,
        12,
        json!({ "Topics": [{ "Name": "not valid" }] }),
    );
    lab.ask(
        ApiKey::Metadata,
        9,
        json!({ "Topics": [{ "Name": "__consumer_offsets" }], "AllowAutoTopicCreation": false }),
    );
}

pub(crate) fn topic_partitions(lab: &mut Lab) {
    lab.create_topic("pages-b", 3, &[]);
    lab.create_topic("pages-a", 2, &[]);
    let both = json!([{ "Name": "pages-b" }, { "Name": "pages-a" }]);
    let api = ApiKey::DescribeTopicPartitions;
    lab.ask(api, 0, json!({ "Topics": both }));
    for limit in [-1, 0, 1, 2, 3, 4, 5, 6, 5000] {
        lab.ask(
            api,
            0,
            json!({ "Topics": both, "ResponsePartitionLimit": limit }),
        );
    }
    for (topic, partition) in [
        ("pages-a", 0),
        ("pages-a", 1),
        ("pages-a", 2),
        ("pages-b", 1),
        ("pages-a", -1),
        ("pages-aa", 0),
        ("pages-c", 0),
        ("", 0),
    ] {
        let cursor = json!({ "TopicName": topic, "PartitionIndex": partition });
        lab.ask(api, 0, json!({ "Topics": both, "Cursor": cursor }));
        lab.ask(
            api,
            0,
            json!({ "Topics": both, "Cursor": cursor, "ResponsePartitionLimit": 1 }),
        );
    }
    let unknown =
        json!([{ "Name": "pages-not-there" }, { "Name": "pages-a" }, { "Name": "pages-b" }]);
    lab.ask(api, 0, json!({ "Topics": unknown }));
    lab.ask(
        api,
        0,
        json!({ "Topics": [{ "Name": "pages-a" }, { "Name": "pages-a" }] }),
    );
}

pub(crate) fn log_dirs(lab: &mut Lab) {
    lab.create_topic("log-dirs", 2, &[]);
    let both = json!({ "Topics": [{ "Topic": "log-dirs", "Partitions": [0, 1] }] });
    lab.wait_until(ApiKey::DescribeLogDirs, 4, both, |answer| {
        let partitions = answer.pointer("/Results/0/Topics/0/Partitions");
        partitions
            .and_then(serde_json::Value::as_array)
            .is_some_and(|list| list.len() == 2)
    });
    for version in versions(ApiKey::DescribeLogDirs) {
        for topics in [
            json!([{ "Topic": "log-dirs", "Partitions": [0, 1] }]),
            json!([{ "Topic": "log-dirs", "Partitions": [1] }]),
            json!([{ "Topic": "log-dirs", "Partitions": [] }]),
            json!([{ "Topic": "log-dirs", "Partitions": [0, 9, -1] }, { "Topic": "log-dirs-not-there", "Partitions": [0] }]),
            json!([]),
        ] {
            lab.ask(
                ApiKey::DescribeLogDirs,
                version,
                json!({ "Topics": topics }),
            );
        }
    }
}

pub(crate) fn coordinators(lab: &mut Lab) {
    let is_found = |answer: &serde_json::Value| answer["ErrorCode"] == 0;
    for key_type in [0, 1] {
        let asked = json!({ "Key": "coordinators", "KeyType": key_type });
        lab.wait_until(ApiKey::FindCoordinator, 1, asked, is_found);
    }
    for version in versions(ApiKey::FindCoordinator) {
        for key_type in [0, 1, 2, 3, 9, -1] {
            lab.ask(ApiKey::FindCoordinator, version, json!({ "Key": "coordinators", "CoordinatorKeys": ["coordinators", "other"], "KeyType": key_type }));
        }
        for keys in [json!([]), json!([""]), json!(["a", "a"]), json!(["ä ö"])] {
            let first = keys[0].as_str().unwrap_or("").to_owned();
            lab.ask(
                ApiKey::FindCoordinator,
                version,
                json!({ "Key": first, "CoordinatorKeys": keys }),
            );
        }
    }
}

pub(crate) fn topic_partitions_of_odd_names(lab: &mut Lab) {
    lab.create_topic("odd-names", 2, &[]);
    let api = ApiKey::DescribeTopicPartitions;
    let names =
        |names: &[&str]| -> Vec<_> { names.iter().map(|name| json!({ "Name": name })).collect() };
    lab.ask(api, 0, json!({ "Topics": names(&[""]) }));
    lab.ask(api, 0, json!({ "Topics": names(&["odd-names", "a b"]) }));
    lab.ask(api, 0, json!({ "Topics": names(&[".", "ä"]) }));
    for asked in [&[""][..], &["odd-names", ""], &["odd-names", "a b"]] {
        for (topic, partition) in [("", 0), ("odd-names", 1)] {
            let cursor = json!({ "TopicName": topic, "PartitionIndex": partition });
            lab.ask(api, 0, json!({ "Topics": names(asked), "Cursor": cursor }));
        }
    }
}

/// A question creates topics. What is asked again until it is there is answered alike from then on.
pub(crate) fn automatic_topics(lab: &mut Lab) {
    lab.create_topic("automatic.here", 1, &[]);
    for version in versions(ApiKey::Metadata) {
        let ask = |lab: &mut Lab, names: &[&str]| {
            let topics: Vec<_> = names.iter().map(|name| json!({ "Name": name })).collect();
            let body = json!({ "Topics": topics, "AllowAutoTopicCreation": true });
            lab.ask(ApiKey::Metadata, version, body);
        };
        let new = format!("automatic-{version}");
        ask(lab, &[&new, "", "automatic.here", "a b"]);
        lab.wait_for_leaders(&new, 1);
        ask(lab, &[&new]);
        ask(lab, &["automatic_here"]); // too like one that is there
        ask(lab, &["__consumer_offsets"]);
    }
}
