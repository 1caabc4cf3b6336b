//! Groups: members join, agree, commit, leave, and do it wrong.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use super::records::{KEPT, produce};
use crate::batches;
use crate::lab::{Answers, Lab, versions};

fn join(group: &str, member: &str, instance: Option<&str>, protocols: Value) -> Value {
    json!({ "GroupId": group, "SessionTimeoutMs": 30_000, "RebalanceTimeoutMs": 30_000, "MemberId": member,
            "GroupInstanceId": instance, "ProtocolType": "consumer", "Protocols": protocols })
}

fn range() -> Value {
    json!([{ "Name": "range", "Metadata": "hex:0000000000010004676f6f64ffffffff" }])
}

/// A group with one member, `$member`, in generation 1.
fn settled(lab: &mut Lab, group: &str) {
    let joined = lab.ask(ApiKey::JoinGroup, 3, join(group, "", None, range()));
    lab.learn("member", &joined, "/MemberId");
    lab.learn("generation", &joined, "/GenerationId");
    lab.ask(ApiKey::SyncGroup, 3, json!({ "GroupId": group, "GenerationId": "$generation", "MemberId": "$member",
        "Assignments": [{ "MemberId": "$member", "Assignment": "hex:0000000000010004676f6f640000000100000000ffffffff" }] }));
}

pub(crate) fn joined(lab: &mut Lab) {
    for version in versions(ApiKey::JoinGroup) {
        let group = format!("joined-{version}");
        let first = lab.ask(ApiKey::JoinGroup, version, join(&group, "", None, range()));
        lab.learn("member", &first, "/MemberId");
        let joined: Answers = if version >= 4 {
            lab.ask(
                ApiKey::JoinGroup,
                version,
                join(&group, "$member", None, range()),
            )
        } else {
            first
        };
        lab.learn("generation", &joined, "/GenerationId");
        let sync = version.min(5);
        let protocol = json!({ "GroupId": group, "GenerationId": "$generation", "MemberId": "$member", "ProtocolType": "consumer", "ProtocolName": "range",
            "Assignments": [{ "MemberId": "$member", "Assignment": "work" }] });
        lab.ask(ApiKey::SyncGroup, sync, protocol);
        for (generation, member) in [
            ("$generation", "$member"),
            ("$generation", "nobody"),
            ("$generation", ""),
        ] {
            lab.ask(
                ApiKey::Heartbeat,
                version.min(4),
                json!({ "GroupId": group, "GenerationId": generation, "MemberId": member }),
            );
        }
        for generation in [0, 7, -1] {
            lab.ask(
                ApiKey::Heartbeat,
                version.min(4),
                json!({ "GroupId": group, "GenerationId": generation, "MemberId": "$member" }),
            );
            lab.ask(
                ApiKey::SyncGroup,
                sync,
                json!({ "GroupId": group, "GenerationId": generation, "MemberId": "$member" }),
            );
        }
        lab.ask(
            ApiKey::SyncGroup,
            sync,
            json!({ "GroupId": group, "GenerationId": "$generation", "MemberId": "nobody" }),
        );
        lab.ask(ApiKey::SyncGroup, 5, json!({ "GroupId": group, "GenerationId": "$generation", "MemberId": "$member", "ProtocolType": "other", "ProtocolName": "range" }));
        lab.ask(ApiKey::SyncGroup, 5, json!({ "GroupId": group, "GenerationId": "$generation", "MemberId": "$member", "ProtocolType": "consumer", "ProtocolName": "other" }));
        // Joins that are refused.
        lab.ask(
            ApiKey::JoinGroup,
            version,
            join(&group, "nobody", None, range()),
        );
        lab.ask(
            ApiKey::JoinGroup,
            version,
            join(&group, "", None, json!([])),
        );
        lab.ask(
            ApiKey::JoinGroup,
            version,
            join(
                &group,
                "",
                None,
                json!([{ "Name": "other", "Metadata": "x" }]),
            ),
        );
        for (field, value) in [
            ("ProtocolType", json!("other")),
            ("ProtocolType", json!("")),
            ("SessionTimeoutMs", json!(1)),
            ("SessionTimeoutMs", json!(10_000_000)),
            ("GroupId", json!("")),
        ] {
            let mut body = join(&group, "", None, range());
            body[field] = value;
            lab.ask(ApiKey::JoinGroup, version, body);
        }
        lab.ask(
            ApiKey::DescribeGroups,
            version.min(6),
            json!({ "Groups": [group] }),
        );
        let leave = |member: &str| json!({ "GroupId": group, "MemberId": member, "Members": [{ "MemberId": member }] });
        lab.ask(ApiKey::LeaveGroup, version.min(5), leave("nobody"));
        lab.ask(ApiKey::LeaveGroup, version.min(5), leave("$member"));
        lab.ask(ApiKey::LeaveGroup, version.min(5), leave("$member"));
        lab.ask(
            ApiKey::DescribeGroups,
            version.min(6),
            json!({ "Groups": [group] }),
        );
    }
}

pub(crate) fn odd_names(lab: &mut Lab) {
    for name in [
        "",
        ".",
        "a b",
        "ä ö",
        "a/b:c",
        "new\nline",
        &"x".repeat(300),
    ] {
        lab.ask(ApiKey::DescribeGroups, 6, json!({ "Groups": [name] }));
        lab.ask(ApiKey::JoinGroup, 3, join(name, "", None, json!([])));
        lab.ask(
            ApiKey::Heartbeat,
            4,
            json!({ "GroupId": name, "GenerationId": 1, "MemberId": "nobody" }),
        );
        lab.ask(ApiKey::SyncGroup, 5, json!({ "GroupId": name, "GenerationId": 1, "MemberId": "nobody", "ProtocolType": "consumer", "ProtocolName": "range" }));
        lab.ask(
            ApiKey::LeaveGroup,
            5,
            json!({ "GroupId": name, "Members": [{ "MemberId": "nobody" }] }),
        );
        lab.ask(
            ApiKey::OffsetFetch,
            9,
            json!({ "Groups": [{ "GroupId": name, "Topics": null }] }),
        );
        lab.ask(ApiKey::DeleteGroups, 2, json!({ "GroupsNames": [name] }));
        lab.ask(ApiKey::OffsetDelete, 0, json!({ "GroupId": name, "Topics": [{ "Name": "good", "Partitions": [{ "PartitionIndex": 0 }] }] }));
        lab.ask(ApiKey::OffsetCommit, 9, json!({ "GroupId": name, "GenerationIdOrMemberEpoch": 1, "MemberId": "nobody", "Topics": [
            { "Name": "good", "Partitions": [{ "PartitionIndex": 0, "CommittedOffset": 1 }] }] }));
    }
}

pub(crate) fn offsets(lab: &mut Lab) {
    lab.create_topic("good", 3, KEPT);
    produce(lab, 9, "good", 0, &batches::plain(&["a", "b", "c"]));
    let long = "m".repeat(5_000);
    for version in versions(ApiKey::OffsetCommit) {
        let group = format!("offsets-{version}");
        let commit = |generation: Value,
                      member: &str,
                      topic: &str,
                      partition: i32,
                      metadata: Value| {
            let id = if topic == "good" {
                "$id:good"
            } else {
                "0000000000000000000000000000abcd"
            };
            json!({ "GroupId": group, "GenerationIdOrMemberEpoch": generation, "MemberId": member, "Topics": [{ "Name": topic, "TopicId": id,
                "Partitions": [{ "PartitionIndex": partition, "CommittedOffset": 2, "CommittedLeaderEpoch": 0, "CommittedMetadata": metadata }] }] })
        };
        let api = ApiKey::OffsetCommit;
        lab.ask(
            api,
            version,
            commit(json!(-1), "", "good", 0, json!("by hand")),
        );
        lab.ask(api, version, commit(json!(-1), "", "good", 1, json!(null)));
        lab.ask(api, version, commit(json!(-1), "", "good", 1, json!(long)));
        lab.ask(api, version, commit(json!(-1), "", "good", 9, json!("")));
        lab.ask(api, version, commit(json!(-1), "", "missing", 0, json!("")));
        lab.ask(
            api,
            version,
            commit(json!(5), "nobody", "good", 0, json!("")),
        );
        settled(lab, &group);
        lab.ask(
            api,
            version,
            commit(json!(-1), "", "good", 0, json!("not a member")),
        );
        lab.ask(
            api,
            version,
            commit(
                json!("$generation"),
                "$member",
                "good",
                2,
                json!("a member"),
            ),
        );
        lab.ask(
            api,
            version,
            commit(json!(77), "$member", "good", 0, json!("")),
        );
        lab.ask(
            api,
            version,
            commit(json!("$generation"), "nobody", "good", 0, json!("")),
        );
        lab.ask(ApiKey::OffsetDelete, 0, json!({ "GroupId": group, "Topics": [{ "Name": "good", "Partitions": [{ "PartitionIndex": 0 }, { "PartitionIndex": 9 }] }] }));
        for delete in versions(ApiKey::DeleteGroups) {
            lab.ask(
                ApiKey::DeleteGroups,
                delete,
                json!({ "GroupsNames": [group, "offsets-nobody"] }),
            );
        }
    }
    for version in versions(ApiKey::OffsetFetch) {
        let one =
            json!([{ "Name": "good", "TopicId": "$id:good", "PartitionIndexes": [0, 1, 2, 9] }]);
        let missing = json!([{ "Name": "missing", "TopicId": "0000000000000000000000000000abcd", "PartitionIndexes": [0] }]);
        for (group, topics) in [
            ("offsets-2", &one),
            ("offsets-2", &missing),
            ("offsets-nobody", &one),
            ("offsets-2", &json!([])),
            ("offsets-2", &Value::Null),
            ("offsets-nobody", &Value::Null),
        ] {
            if version >= 2 || !topics.is_null() {
                lab.ask(ApiKey::OffsetFetch, version, asked(version, group, topics));
            }
        }
        if version >= 9 {
            for (member, epoch) in [("nobody", 1), ("nobody", -1), ("", 5)] {
                lab.ask(ApiKey::OffsetFetch, version, json!({ "Groups": [{ "GroupId": "offsets-2", "MemberId": member, "MemberEpoch": epoch, "Topics": one }] }));
            }
        }
    }
}

/// Of a topic that a member reads none are deleted, of another all that are asked for.
pub(crate) fn deleted_offsets(lab: &mut Lab) {
    let group = "offsets-deleted";
    lab.create_topic("good", 3, KEPT);
    lab.create_topic("unread", 2, KEPT);
    settled(lab, group);
    let commit = |lab: &mut Lab| {
        let one = |name: &str| json!({ "Name": name, "Partitions": [{ "PartitionIndex": 0, "CommittedOffset": 1, "CommittedMetadata": "" }, { "PartitionIndex": 1, "CommittedOffset": 1, "CommittedMetadata": "" }] });
        lab.ask(ApiKey::OffsetCommit, 8, json!({ "GroupId": group, "GenerationIdOrMemberEpoch": "$generation", "MemberId": "$member", "Topics": [one("good"), one("unread")] }));
    };
    let delete = |lab: &mut Lab| {
        let one = |name: &str| json!({ "Name": name, "Partitions": [{ "PartitionIndex": 0 }, { "PartitionIndex": 9 }] });
        lab.ask(
            ApiKey::OffsetDelete,
            0,
            json!({ "GroupId": group, "Topics": [one("good"), one("unread"), one("missing")] }),
        );
        lab.ask(
            ApiKey::OffsetFetch,
            8,
            json!({ "Groups": [{ "GroupId": group, "Topics": null }] }),
        );
    };
    commit(lab);
    delete(lab);
    lab.ask(
        ApiKey::LeaveGroup,
        5,
        json!({ "GroupId": group, "Members": [{ "MemberId": "$member" }] }),
    );
    delete(lab);
    // Another kind of member reads nothing that a broker knows of.
    let other = "offsets-deleted-other";
    let mut of_another_kind = join(other, "", None, json!([{ "Name": "any", "Metadata": "x" }]));
    of_another_kind["ProtocolType"] = json!("connect");
    let joined = lab.ask(ApiKey::JoinGroup, 3, of_another_kind);
    lab.learn("connector", &joined, "/MemberId");
    lab.ask(ApiKey::OffsetDelete, 0, json!({ "GroupId": other, "Topics": [{ "Name": "good", "Partitions": [{ "PartitionIndex": 0 }] }] }));
    lab.ask(
        ApiKey::LeaveGroup,
        5,
        json!({ "GroupId": other, "Members": [{ "MemberId": "$connector" }] }),
    );
    lab.ask(ApiKey::OffsetDelete, 0, json!({ "GroupId": other, "Topics": [{ "Name": "good", "Partitions": [{ "PartitionIndex": 0 }] }] }));
}

pub(crate) fn listed(lab: &mut Lab) {
    settled(lab, "listed");
    for version in versions(ApiKey::ListGroups) {
        lab.ask(ApiKey::ListGroups, version, json!({}));
        for states in [
            json!(["Stable"]),
            json!(["stable"]),
            json!(["Empty", "Stable"]),
            json!(["Nonsense"]),
        ] {
            lab.ask(
                ApiKey::ListGroups,
                version,
                json!({ "StatesFilter": states }),
            );
        }
        for types in [
            json!(["classic"]),
            json!(["Classic"]),
            json!(["consumer"]),
            json!(["nonsense"]),
        ] {
            lab.ask(ApiKey::ListGroups, version, json!({ "TypesFilter": types }));
        }
    }
    for version in versions(ApiKey::DescribeGroups) {
        lab.ask(ApiKey::DescribeGroups, version, json!({ "Groups": ["listed", "listed-nobody", "listed"], "IncludeAuthorizedOperations": true }));
        lab.ask(ApiKey::DescribeGroups, version, json!({ "Groups": [] }));
    }
}

pub(crate) fn fixed_members(lab: &mut Lab) {
    for version in 5..=9 {
        let group = format!("fixed-{version}");
        let first = lab.ask(
            ApiKey::JoinGroup,
            version,
            join(&group, "", Some("one"), range()),
        );
        lab.learn("old", &first, "/MemberId");
        lab.ask(ApiKey::SyncGroup, 5, json!({ "GroupId": group, "GenerationId": 1, "MemberId": "$old", "GroupInstanceId": "one", "ProtocolType": "consumer", "ProtocolName": "range",
            "Assignments": [{ "MemberId": "$old", "Assignment": "work" }] }));
        let second = lab.ask(
            ApiKey::JoinGroup,
            version,
            join(&group, "", Some("one"), range()),
        );
        lab.learn("new", &second, "/MemberId");
        for member in ["$old", "$new", "nobody"] {
            lab.ask(ApiKey::Heartbeat, 4, json!({ "GroupId": group, "GenerationId": 1, "MemberId": member, "GroupInstanceId": "one" }));
            lab.ask(ApiKey::OffsetCommit, 9, json!({ "GroupId": group, "GenerationIdOrMemberEpoch": 1, "MemberId": member, "GroupInstanceId": "one", "Topics": [] }));
            lab.ask(ApiKey::SyncGroup, 5, json!({ "GroupId": group, "GenerationId": 1, "MemberId": member, "GroupInstanceId": "one", "ProtocolType": "consumer", "ProtocolName": "range" }));
        }
        lab.ask(ApiKey::Heartbeat, 4, json!({ "GroupId": group, "GenerationId": 1, "MemberId": "$new", "GroupInstanceId": "two" }));
        lab.ask(ApiKey::LeaveGroup, 5, json!({ "GroupId": group, "Members": [{ "MemberId": "$old", "GroupInstanceId": "one" }, { "MemberId": "", "GroupInstanceId": "two" }] }));
        lab.ask(
            ApiKey::LeaveGroup,
            5,
            json!({ "GroupId": group, "Members": [{ "MemberId": "", "GroupInstanceId": "one" }] }),
        );
        lab.ask(ApiKey::DescribeGroups, 6, json!({ "Groups": [group] }));
    }
}

pub(crate) fn rebalanced(lab: &mut Lab) {
    let group = "rebalanced";
    settled(lab, group);
    let alive = |generation: Value| json!({ "GroupId": group, "GenerationId": generation, "MemberId": "$member" });
    lab.on("other")
        .send(ApiKey::JoinGroup, 3, join(group, "", None, range()));
    // The first member hears of the other at its next heartbeat, and joins again.
    lab.wait_until(ApiKey::Heartbeat, 4, alive(json!(1)), |answer| {
        answer["ErrorCode"] == 27
    });
    lab.ask(ApiKey::Heartbeat, 4, alive(json!(1)));
    lab.ask(ApiKey::OffsetCommit, 9, json!({ "GroupId": group, "GenerationIdOrMemberEpoch": 1, "MemberId": "$member", "Topics": [] }));
    // The other one is heard first: what is said of it can be compared once its id is known.
    lab.send(ApiKey::JoinGroup, 3, join(group, "$member", None, range()));
    let other = lab.on("other").receive(ApiKey::JoinGroup, 3);
    lab.receive(ApiKey::JoinGroup, 3);
    lab.learn("other", &other, "/MemberId");
    lab.ask(ApiKey::DescribeGroups, 6, json!({ "Groups": [group] }));
    lab.ask(ApiKey::DeleteGroups, 2, json!({ "GroupsNames": [group] }));
    // The other one waits for what the leader assigns.
    lab.on("other").send(
        ApiKey::SyncGroup,
        3,
        json!({ "GroupId": group, "GenerationId": 2, "MemberId": "$other" }),
    );
    lab.ask(ApiKey::SyncGroup, 3, json!({ "GroupId": group, "GenerationId": 2, "MemberId": "$member", "Assignments": [
        { "MemberId": "$member", "Assignment": "half" }, { "MemberId": "$other", "Assignment": "other half" }] }));
    lab.on("other").receive(ApiKey::SyncGroup, 3);
    lab.ask(ApiKey::DescribeGroups, 6, json!({ "Groups": [group] }));
    lab.ask(
        ApiKey::JoinGroup,
        3,
        join(
            group,
            "",
            None,
            json!([{ "Name": "other", "Metadata": "x" }]),
        ),
    );
    lab.ask(ApiKey::LeaveGroup, 5, json!({ "GroupId": group, "Members": [{ "MemberId": "$member" }, { "MemberId": "$other" }, { "MemberId": "nobody" }] }));
    lab.ask(ApiKey::DescribeGroups, 6, json!({ "Groups": [group] }));
}

pub(crate) fn silent_members(lab: &mut Lab) {
    let group = "silent";
    let mut brief = join(group, "", None, range());
    brief["SessionTimeoutMs"] = json!(500);
    let joined = lab.ask(ApiKey::JoinGroup, 3, brief);
    lab.learn("member", &joined, "/MemberId");
    // It is not heard of again.
    let groups = json!({ "Groups": [group] });
    lab.wait_until(ApiKey::DescribeGroups, 5, groups.clone(), |answer| {
        answer.pointer("/Groups/0/GroupState") == Some(&json!("Empty"))
    });
    lab.ask(ApiKey::DescribeGroups, 6, groups);
    lab.ask(
        ApiKey::Heartbeat,
        4,
        json!({ "GroupId": group, "GenerationId": 1, "MemberId": "$member" }),
    );
    lab.ask(
        ApiKey::SyncGroup,
        3,
        json!({ "GroupId": group, "GenerationId": 1, "MemberId": "$member" }),
    );
}

/// Before version 8 a request asks for one group.
fn asked(version: i16, group: &str, topics: &Value) -> Value {
    if version >= 8 {
        return json!({ "Groups": [{ "GroupId": group, "Topics": topics }] });
    }
    let mut topics = topics.clone();
    for topic in topics.as_array_mut().into_iter().flatten() {
        topic.as_object_mut().expect("a topic").remove("TopicId");
    }
    json!({ "GroupId": group, "Topics": topics })
}
