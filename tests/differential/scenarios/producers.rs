//! Idempotent producers: their ids, and the sequences of their batches.

use ottla_protocol::api::ApiKey;
use serde_json::json;

use super::records::{KEPT, fetch_all, produce};
use crate::batches;
use crate::lab::{Lab, versions};

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
