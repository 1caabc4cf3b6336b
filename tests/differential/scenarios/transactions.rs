//! Transactions: begun, written, ended, and done wrong.

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use super::records::KEPT;
use crate::batches;
use crate::lab::{Answers, Lab, versions};

/// The last versions of clients whose transactions all have the producer's epoch.
const LAST_ADD: i16 = 3;
const LAST_END: i16 = 4;
const LAST_PRODUCE: i16 = 11;

/// Asked for too early: to be asked for again.
const CONCURRENT_TRANSACTIONS: i16 = 51;

/// A producer of a transactional id, whose own id is known by that name from here on.
pub(super) fn begin(lab: &mut Lab, id: &str) {
    let api = ApiKey::InitProducerId;
    let body = json!({ "TransactionalId": id, "TransactionTimeoutMs": 60_000 });
    // Its coordinator has to be found, and may be completing a transaction.
    lab.wait_until(
        ApiKey::FindCoordinator,
        2,
        json!({ "Key": id, "KeyType": 1 }),
        |answer| answer["ErrorCode"] == 0,
    );
    lab.wait_until(api, 4, body.clone(), |answer| answer["ErrorCode"] == 0);
    let begun = lab.ask(api, 4, body);
    lab.learn(id, &begun, "/ProducerId");
}

/// Adds a partition as soon as the transaction before is complete.
pub(super) fn add(lab: &mut Lab, id: &str, epoch: i16, topic: &str, partition: i32) {
    let body = adding(id, &format!("${id}"), epoch, topic, &[partition]);
    lab.wait_until(ApiKey::AddPartitionsToTxn, LAST_ADD, body, |answer| {
        let code =
            answer.pointer("/ResultsByTopicV3AndBelow/0/ResultsByPartition/0/PartitionErrorCode");
        code == Some(&json!(0))
    });
}

fn adding(id: &str, producer: &str, epoch: i16, topic: &str, partitions: &[i32]) -> Value {
    let topics = json!([{ "Name": topic, "Partitions": partitions }]);
    json!({ "V3AndBelowTransactionalId": id, "V3AndBelowProducerId": producer, "V3AndBelowProducerEpoch": epoch, "V3AndBelowTopics": topics })
}

pub(super) fn end(
    lab: &mut Lab,
    version: i16,
    id: &str,
    producer: &Value,
    epoch: i16,
    commits: bool,
) -> Answers {
    let body = json!({ "TransactionalId": id, "ProducerId": producer, "ProducerEpoch": epoch, "Committed": commits });
    // What the transaction before still needs is its coordinator's to choose.
    lab.ask_until(ApiKey::EndTxn, version, &body, |answer| {
        answer["ErrorCode"] != CONCURRENT_TRANSACTIONS
    })
}

/// Writes records of a transaction.
pub(super) fn write_in(
    lab: &mut Lab,
    version: i16,
    id: &str,
    topic: &str,
    partition: i32,
    records: &str,
) {
    let partition = json!([{ "Index": partition, "Records": records }]);
    lab.ask(
        ApiKey::Produce,
        version,
        json!({ "TransactionalId": id, "Acks": -1, "TimeoutMs": 10_000,
                "TopicData": [{ "Name": topic, "TopicId": format!("$id:{topic}"), "PartitionData": partition }] }),
    );
}

/// Waits until its last transaction is complete.
pub(super) fn wait_until_complete(lab: &mut Lab, id: &str) {
    let body = json!({ "TransactionalIds": [id] });
    lab.wait_until(ApiKey::DescribeTransactions, 0, body, |answer| {
        let state = answer.pointer("/TransactionStates/0/TransactionState");
        let state = state.and_then(Value::as_str);
        state.is_some_and(|state| state == "Empty" || state.starts_with("Complete"))
    });
}

/// What there is to see of a topic's transactions.
fn look(lab: &mut Lab, id: &str, topic: &str) {
    for (offset, isolation) in [(0, 0), (0, 1), (2, 1)] {
        let one =
            json!([{ "Partition": 0, "FetchOffset": offset, "PartitionMaxBytes": 10_000_000 }]);
        let topics = json!([{ "Topic": topic, "Partitions": one }]);
        lab.ask(
            ApiKey::Fetch,
            12,
            json!({ "MaxWaitMs": 0, "MinBytes": 0, "IsolationLevel": isolation, "Topics": topics }),
        );
    }
    for isolation in [0, 1] {
        let one = json!([{ "PartitionIndex": 0, "Timestamp": -1 }]);
        let topics = json!([{ "Name": topic, "Partitions": one }]);
        lab.ask(
            ApiKey::ListOffsets,
            7,
            json!({ "ReplicaId": -1, "IsolationLevel": isolation, "Topics": topics }),
        );
    }
    lab.ask(
        ApiKey::DescribeTransactions,
        0,
        json!({ "TransactionalIds": [id, "nobody", ""] }),
    );
    lab.ask(
        ApiKey::DescribeProducers,
        0,
        json!({ "Topics": [{ "Name": topic, "PartitionIndexes": [0, 9] }, { "Name": "missing", "PartitionIndexes": [0] }] }),
    );
    for version in versions(ApiKey::ListTransactions) {
        let id = format!("${id}");
        for (states, ids) in [
            (json!([]), json!([&id])),
            (json!(["Ongoing"]), json!([&id])),
            (
                json!(["CompleteCommit", "CompleteAbort", "Odd"]),
                json!([&id]),
            ),
            (json!([]), json!([999_999])),
        ] {
            lab.ask(
                ApiKey::ListTransactions,
                version,
                json!({ "StateFilters": states, "ProducerIdFilters": ids }),
            );
        }
    }
}

/// What a transaction writes where it is part of it, and where it is not.
fn write(lab: &mut Lab, version: i16, id: &str, topic: &str, epoch: i16, first: i32) {
    let batch =
        |epoch, sequence, values: &[&str]| batches::in_transaction(id, epoch, sequence, values);
    write_in(
        lab,
        version,
        id,
        topic,
        0,
        &batch(epoch, first, &["a", "b"]),
    );
    write_in(
        lab,
        version,
        id,
        topic,
        0,
        &batch(epoch, first, &["a", "b"]),
    ); // again
    write_in(
        lab,
        version,
        id,
        topic,
        0,
        &batch(epoch, first + 5, &["a gap"]),
    );
    write_in(
        lab,
        version,
        id,
        topic,
        0,
        &batch(epoch - 1, first, &["old"]),
    );
    write_in(lab, version, id, topic, 0, &batch(epoch + 1, 0, &["new"]));
}

/// Clients that know no epoch of each transaction.
pub(crate) fn one_epoch(lab: &mut Lab) {
    for version in 0..=LAST_ADD {
        let id = format!("one-epoch-{version}");
        let (id, topic, me) = (&*id, &*id, &*format!("${id}"));
        lab.create_topic(topic, 2, KEPT);
        begin(lab, id);
        let ask = |lab: &mut Lab, body| lab.ask(ApiKey::AddPartitionsToTxn, version, body);
        let end_version = version.min(LAST_END);
        end(lab, end_version, id, &json!(me), 1, true);
        ask(lab, adding("", me, 1, topic, &[0]));
        ask(lab, adding("nobody", me, 1, topic, &[0]));
        ask(lab, adding(id, me, 0, topic, &[0]));
        ask(lab, adding(id, me, 2, topic, &[0]));
        ask(lab, adding(id, me, 1, "missing", &[0]));
        ask(lab, adding(id, me, 1, topic, &[0, 9]));
        ask(lab, adding(id, me, 1, topic, &[]));
        let mut others = adding(id, me, 1, topic, &[0]);
        others["V3AndBelowProducerId"] = json!(999_999);
        ask(lab, others);
        look(lab, id, topic);

        ask(lab, adding(id, me, 1, topic, &[0]));
        ask(lab, adding(id, me, 1, topic, &[0]));
        let produce_version = 3 + 2 * version;
        write(lab, produce_version, id, topic, 1, 0);
        let elsewhere = batches::in_transaction(id, 1, 0, &["not part of it"]);
        write_in(lab, produce_version, id, topic, 1, &elsewhere);
        write_in(lab, LAST_PRODUCE, id, topic, 1, &elsewhere);
        look(lab, id, topic);
        end(lab, end_version, id, &json!(me), 0, true);
        end(lab, end_version, id, &json!(me), 2, true);
        end(lab, end_version, id, &json!(999_999), 1, true);
        end(lab, end_version, id, &json!(me), 1, true);
        wait_until_complete(lab, id);
        end(lab, end_version, id, &json!(me), 1, true);
        end(lab, end_version, id, &json!(me), 1, false);
        look(lab, id, topic);

        add(lab, id, 1, topic, 0);
        let more = batches::in_transaction(id, 1, 2, &["to be aborted"]);
        write_in(lab, produce_version, id, topic, 0, &more);
        look(lab, id, topic);
        end(lab, end_version, id, &json!(me), 1, false);
        wait_until_complete(lab, id);
        end(lab, end_version, id, &json!(me), 1, false);
        end(lab, end_version, id, &json!(me), 1, true);
        look(lab, id, topic);

        // Its successor, in the middle of a transaction.
        add(lab, id, 1, topic, 0);
        let late = batches::in_transaction(id, 1, 3, &["of whom is fenced"]);
        write_in(lab, produce_version, id, topic, 0, &late);
        begin(lab, id);
        wait_until_complete(lab, id);
        ask(lab, adding(id, me, 1, topic, &[0]));
        end(lab, end_version, id, &json!(me), 1, true);
        let late = batches::in_transaction(id, 1, 4, &["of whom is fenced"]);
        write_in(lab, produce_version, id, topic, 0, &late);
        for init in versions(ApiKey::InitProducerId) {
            for epoch in [1, 99] {
                lab.ask(
                    ApiKey::InitProducerId,
                    init.max(3),
                    json!({ "TransactionalId": id, "TransactionTimeoutMs": 60_000, "ProducerId": me, "ProducerEpoch": epoch }),
                );
            }
        }
        look(lab, id, topic);
    }
}

/// Clients with an epoch for each transaction: partitions become part of it by being written.
pub(crate) fn epoch_each(lab: &mut Lab) {
    for produce_version in 12..=*versions(ApiKey::Produce).end() {
        let id = format!("epoch-each-{produce_version}");
        let (id, topic, me) = (&*id, &*id, &*format!("${id}"));
        lab.create_topic(topic, 2, KEPT);
        begin(lab, id);
        // A transaction of nothing.
        end(lab, 5, id, &json!(me), 1, true);
        wait_until_complete(lab, id);
        end(lab, 5, id, &json!(me), 1, true);
        end(lab, 5, id, &json!(me), 1, false);
        end(lab, 5, id, &json!(me), 2, false);
        wait_until_complete(lab, id);
        end(lab, 5, id, &json!(me), 9, true);
        end(lab, 5, id, &json!(999_999), 3, true);
        write(lab, produce_version, id, topic, 3, 0);
        look(lab, id, topic);
        end(lab, 5, id, &json!(me), 3, true);
        wait_until_complete(lab, id);
        end(lab, 5, id, &json!(me), 3, true);
        look(lab, id, topic);
        write(lab, produce_version, id, topic, 4, 0);
        end(lab, 5, id, &json!(me), 4, false);
        wait_until_complete(lab, id);
        end(lab, 5, id, &json!(me), 4, true);
        end(lab, 5, id, &json!(me), 4, false);
        look(lab, id, topic);
        // Late ones.
        let late = batches::in_transaction(id, 3, 2, &["of two transactions ago"]);
        write_in(lab, produce_version, id, topic, 0, &late);
        write_in(lab, produce_version, id, topic, 1, &late);
        let gap = batches::in_transaction(id, 5, 7, &["begins with a gap"]);
        write_in(lab, produce_version, id, topic, 0, &gap);
        write_in(lab, produce_version, id, topic, 1, &gap);
        look(lab, id, topic);
        end(lab, 5, id, &json!(me), 5, false);
        wait_until_complete(lab, id);
        look(lab, id, topic);
    }
    verified(lab);
}

/// The coordinator aborts what takes too long, which its producer hears of by and by.
pub(crate) fn too_late(lab: &mut Lab) {
    for (produce_version, end_version) in [(LAST_PRODUCE, LAST_END), (12, 5)] {
        for commits in [true, false] {
            let id = format!("too-late-{end_version}-{commits}");
            let (id, topic, me) = (&*id, &*id, &*format!("${id}"));
            lab.create_topic(topic, 1, KEPT);
            begin(lab, id);
            let body = json!({ "TransactionalId": id, "TransactionTimeoutMs": 500 });
            lab.ask(ApiKey::InitProducerId, 4, body);
            if end_version <= LAST_END {
                add(lab, id, 2, topic, 0);
            }
            let batch = batches::in_transaction(id, 2, 0, &["a", "b"]);
            write_in(lab, produce_version, id, topic, 0, &batch);
            lab.wait_until(
                ApiKey::DescribeTransactions,
                0,
                json!({ "TransactionalIds": [id] }),
                |answer| {
                    let state = answer.pointer("/TransactionStates/0/TransactionState");
                    state == Some(&json!("CompleteAbort"))
                },
            );
            look(lab, id, topic);
            let late = batches::in_transaction(id, 2, 2, &["late"]);
            write_in(lab, produce_version, id, topic, 0, &late);
            end(lab, end_version, id, &json!(me), 2, commits);
            wait_until_complete(lab, id);
            end(lab, end_version, id, &json!(me), 2, commits);
            wait_until_complete(lab, id);
            end(lab, end_version, id, &json!(me), 3, commits);
            wait_until_complete(lab, id);
            look(lab, id, topic);
        }
    }
}

/// What brokers ask each other.
fn verified(lab: &mut Lab) {
    let id = "verified";
    lab.create_topic(id, 2, KEPT);
    begin(lab, id);
    let topics = |partitions: &[i32]| json!([{ "Name": id, "Partitions": partitions }]);
    for version in 4..=5 {
        let ask = |lab: &mut Lab, epoch: i16, verify: bool, partitions: &[i32]| {
            let one = json!({ "TransactionalId": id, "ProducerId": "$verified", "ProducerEpoch": epoch, "VerifyOnly": verify, "Topics": topics(partitions) });
            let nobody = json!({ "TransactionalId": "nobody", "ProducerId": 77, "ProducerEpoch": 0, "VerifyOnly": verify, "Topics": topics(&[0]) });
            lab.ask(
                ApiKey::AddPartitionsToTxn,
                version,
                json!({ "Transactions": [one, nobody] }),
            );
        };
        ask(lab, 1, true, &[0]);
        ask(lab, 1, false, &[0]);
        ask(lab, 1, true, &[0]);
        ask(lab, 1, true, &[0, 1]);
        ask(lab, 0, true, &[0]);
        ask(lab, 0, false, &[0]);
        ask(lab, 9, true, &[0]);
        ask(lab, 1, false, &[9]);
        lab.ask(
            ApiKey::AddPartitionsToTxn,
            version,
            json!({ "Transactions": [] }),
        );
    }
    end(lab, 4, id, &json!("$verified"), 1, false);
    wait_until_complete(lab, id);
}

/// Records and ends of transactions that do not exist.
pub(crate) fn nobodys(lab: &mut Lab) {
    lab.create_topic("nobodys", 1, KEPT);
    for version in 3..=*versions(ApiKey::Produce).end() {
        let id = 5_000 + i64::from(version);
        let batch = batches::in_transaction("", 0, 0, &["of nobody"]);
        let batch = batches::of_producer(batch.trim_start_matches("$|"), id);
        let partition = json!([{ "Index": 0, "Records": batch }]);
        for transactional_id in [json!("nobodys"), json!(""), Value::Null] {
            lab.ask(
                ApiKey::Produce,
                version,
                json!({ "TransactionalId": transactional_id, "Acks": -1, "TimeoutMs": 10_000,
                        "TopicData": [{ "Name": "nobodys", "TopicId": "$id:nobodys", "PartitionData": partition }] }),
            );
        }
    }
    for version in versions(ApiKey::EndTxn) {
        for id in ["nobody", ""] {
            end(lab, version, id, &json!(7), 0, true);
        }
    }
    for version in versions(ApiKey::ListTransactions) {
        for pattern in ["nob.*", "[", ""] {
            lab.ask(
                ApiKey::ListTransactions,
                version,
                json!({ "TransactionalIdPattern": pattern, "ProducerIdFilters": [999_999], "DurationFilter": 5 }),
            );
        }
    }
}
