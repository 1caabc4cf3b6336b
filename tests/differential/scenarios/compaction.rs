//! What compaction leaves.
//!
//! A pass is made when the topic becomes one that is compacted, and none while it is not, so that both brokers
//! look at the same records at once. Segments end by the times of records.

use std::time::{SystemTime, UNIX_EPOCH};

use ottla_protocol::api::ApiKey;
use ottla_protocol::records::{Compression, ProducerStamp};
use serde_json::{Value, json};

use super::configs::{SET, TOPIC};
use super::records::produce;
use super::transactions::{add, begin, end, wait_until_complete, write_in};
use crate::batches;
use crate::lab::Lab;

/// Later than the end of a segment after the one before.
const STEP_MS: i64 = 2_000;
const DAY_MS: &str = "86400000";

type Rows = [(&'static str, Option<&'static str>)];

/// A topic and the time that its next segment begins with.
struct Table<'a> {
    lab: &'a mut Lab,
    topic: &'static str,
    now_ms: i64,
    sequence: i32,
    next_offset: i64,
    /// Where the record stands that has to be gone when the next pass is over.
    first: i64,
}

impl<'a> Table<'a> {
    fn create(lab: &'a mut Lab, topic: &'static str, retention_ms: &str) -> Table<'a> {
        let configs = [
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("segment.ms", "1000"),
            ("min.cleanable.dirty.ratio", "0"),
            ("delete.retention.ms", retention_ms),
        ];
        lab.create_topic(topic, 1, &configs);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
        Table {
            lab,
            topic,
            now_ms: i64::try_from(now.as_millis()).expect("not that late"),
            sequence: 0,
            next_offset: 0,
            first: 0,
        }
    }

    /// What comes next begins a segment.
    fn roll(&mut self) {
        self.now_ms += STEP_MS;
    }

    fn write(&mut self, rows: &Rows) {
        self.write_as(Compression::None, None, rows);
    }

    fn write_as(&mut self, codec: Compression, stamp: Option<ProducerStamp>, rows: &Rows) {
        let records = batches::table(codec, stamp, self.now_ms, rows);
        produce(self.lab, 9, self.topic, 0, &records);
        self.wrote(rows.len());
    }

    fn wrote(&mut self, count: usize) {
        self.next_offset += i64::try_from(count).expect("few");
    }

    /// The record that is replaced next; it is gone when a pass is over.
    fn write_first(&mut self, key: &'static str, value: &'static str) {
        self.first = self.next_offset;
        self.write(&[(key, Some(value))]);
    }

    /// The same, of a producer that counts its records.
    fn write_counted(&mut self, producer_id: i64, rows: &Rows) {
        let stamp = ProducerStamp {
            producer_id,
            producer_epoch: 0,
            base_sequence: self.sequence,
            transactional: false,
        };
        self.sequence += i32::try_from(rows.len()).expect("few");
        self.write_as(Compression::None, Some(stamp), rows);
    }

    /// Of a transaction that is begun and is ended later.
    fn write_in(&mut self, id: &str, sequence: i32, rows: &Rows) {
        let stamp = ProducerStamp {
            producer_id: 0,
            producer_epoch: 1,
            base_sequence: sequence,
            transactional: true,
        };
        let batch = batches::table(Compression::None, Some(stamp), self.now_ms, rows);
        write_in(self.lab, 9, id, self.topic, 0, &format!("${id}|{batch}"));
        self.wrote(rows.len());
    }

    fn begin(&mut self, id: &str) {
        begin(self.lab, id);
        add(self.lab, id, 1, self.topic, 0);
    }

    fn end(&mut self, id: &str, commits: bool) {
        end(self.lab, 4, id, &json!(format!("${id}")), 1, commits);
        wait_until_complete(self.lab, id);
        self.wrote(1);
    }

    fn set_policy(&mut self, policy: &str) {
        let change = json!({ "Name": "cleanup.policy", "ConfigOperation": SET, "Value": policy });
        let resource =
            json!({ "ResourceType": TOPIC, "ResourceName": self.topic, "Configs": [change] });
        let body = json!({ "Resources": [resource], "ValidateOnly": false });
        self.lab.ask(ApiKey::IncrementalAlterConfigs, 1, body);
    }

    /// Has it compacted.
    fn compact(&mut self) {
        self.set_policy("compact");
        let first = json!(self.first);
        let is_gone = |answer: &Value| {
            let offset = answer.pointer("/Responses/0/Partitions/0/Records/0/BaseOffset");
            offset.is_some_and(|offset| *offset != first)
        };
        let body = self.fetching(self.first, 0);
        self.lab.wait_until(ApiKey::Fetch, 12, body, is_gone);
        self.set_policy("delete");
        for offset in 0..=self.next_offset {
            for isolation in [0, 1] {
                let body = self.fetching(offset, isolation);
                self.lab.ask(ApiKey::Fetch, 12, body);
            }
        }
        for timestamp in [-1, -2, -3, self.now_ms, self.now_ms - 4 * STEP_MS] {
            let one = json!([{ "PartitionIndex": 0, "Timestamp": timestamp }]);
            let topics = json!([{ "Name": self.topic, "Partitions": one }]);
            self.lab
                .ask(ApiKey::ListOffsets, 7, json!({ "Topics": topics }));
        }
    }

    fn fetching(&self, offset: i64, isolation: i8) -> Value {
        let one =
            json!([{ "Partition": 0, "FetchOffset": offset, "PartitionMaxBytes": 10_000_000 }]);
        let topics = json!([{ "Topic": self.topic, "Partitions": one }]);
        json!({ "MaxWaitMs": 0, "MinBytes": 0, "IsolationLevel": isolation, "Topics": topics })
    }
}

/// Values that are replaced, tombstones, records without a key, emptied batches.
pub(crate) fn values(lab: &mut Lab) {
    for (topic, retention_ms) in [("table-kept", DAY_MS), ("table-deleted", "0")] {
        let mut table = Table::create(lab, topic, retention_ms);
        table.write_first("a", "1");
        table.write(&[("b", Some("2")), ("c", Some("3"))]);
        table.write(&[("", Some("without a key"))]);
        table.write(&[("d", None), ("e", Some("4"))]);
        table.roll();
        table.write(&[("a", Some("5"))]);
        table.write(&[("f", Some("6")), ("f", Some("7")), ("g", Some("8"))]);
        table.write_counted(5_000_001, &[("h", Some("9"))]);
        table.write_counted(5_000_001, &[("h", Some("10")), ("i", None)]);
        table.roll();
        table.write_as(
            Compression::Gzip,
            None,
            &[("b", Some("11")), ("j", Some("12")), ("c", None)],
        );
        table.write_as(Compression::None, None, &[("h", Some("13"))]);
        table.roll();
        table.write(&[("last", Some("14"))]);
        table.compact();
        // and again, with what is new since
        table.roll();
        table.write_first("j", "15");
        table.write(&[("a", None)]);
        table.roll();
        table.write(&[("j", Some("16")), ("e", Some("17"))]);
        table.write_counted(5_000_001, &[("k", Some("18"))]);
        table.roll();
        table.write(&[("last", Some("19"))]);
        table.compact();
        table.roll();
        table.write_first("m", "20");
        table.write(&[("m", Some("21"))]);
        table.roll();
        table.write(&[("last", Some("22"))]);
        table.compact();
    }
}

/// Records of transactions, and their ends.
pub(crate) fn transactions(lab: &mut Lab) {
    for (topic, retention_ms) in [("ledger-kept", DAY_MS), ("ledger-deleted", "0")] {
        let (one, other) = (format!("{topic}-one"), format!("{topic}-other"));
        let (one, other) = (&*one, &*other);
        let mut table = Table::create(lab, topic, retention_ms);
        table.write_first("a", "1");
        table.write(&[("b", Some("2"))]);
        table.begin(one);
        table.write_in(one, 0, &[("a", Some("3")), ("c", Some("4"))]);
        table.begin(other);
        table.write_in(
            other,
            0,
            &[("b", Some("5")), ("c", Some("6")), ("d", Some("7"))],
        );
        table.roll();
        table.write_in(one, 2, &[("e", Some("8"))]);
        table.write_in(other, 3, &[("a", Some("9"))]);
        table.end(one, true);
        table.end(other, false);
        table.roll();
        table.write(&[("last", Some("10"))]);
        table.roll();
        table.write(&[("last", Some("11"))]);
        table.compact();
        for key in ["a", "c", "e"] {
            table.roll();
            table.write(&[(key, Some("0"))]);
            table.write_first("x", "12");
            table.write(&[("x", Some("15"))]);
            if key == "c" {
                let (third, fourth) = (format!("{topic}-third"), format!("{topic}-fourth"));
                let (third, fourth) = (&*third, &*fourth);
                table.begin(third);
                table.write_in(third, 0, &[("e", Some("16"))]);
                table.end(third, false);
                table.begin(fourth);
                table.write_in(fourth, 0, &[("f", Some("17"))]);
                table.end(fourth, true);
            }
            table.roll();
            table.write(&[("last", Some("18"))]);
            table.roll();
            table.write(&[("last", Some("19"))]);
            table.compact();
        }
    }
}
