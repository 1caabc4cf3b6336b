//! What librdkafka's producer does with a broker.

use ottla_tests::{Broker, Suite};
use rdkafka::Message;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;

use crate::clients::{Sender, consumer_at, create_topic, offsets, read, values};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("an_idempotent_producer_writes_each_record_once", idempotent)
        .case("every_codec_is_read_back", codecs)
        .case("every_acks_setting_delivers", acks)
        .case("keys_headers_and_nulls_survive", keys_headers_nulls)
        .case("a_record_too_large_is_refused", too_large)
        .case("timestamps_survive", timestamps);
}

fn numbered(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("record {number} of {count}"))
        .collect()
}

/// Sends the values to partition 0 and returns their offsets.
fn send(broker: &Broker, topic: &str, settings: &[(&str, &str)], values: &[String]) -> Vec<i64> {
    let sender = Sender::new(broker, settings);
    for value in values {
        let record = BaseRecord::to(topic).partition(0).payload(value.as_str());
        sender.send(record);
    }
    offsets(&sender.finish())
}

fn read_all(broker: &Broker, topic: &str, count: usize) -> Vec<String> {
    let consumer = consumer_at(broker, topic, Offset::Beginning, &[]);
    values(&read(&consumer, count))
}

fn idempotent(broker: &Broker) {
    let topic = "rdkafka-idempotent";
    create_topic(broker, topic, &[]);
    let values = numbered(5_000);
    for turn in 0..2 {
        let found = send(broker, topic, &[("enable.idempotence", "true")], &values);
        let expected: Vec<i64> = (turn * 5_000..(turn + 1) * 5_000).collect();
        assert!(found == expected, "offsets are not consecutive: {found:?}");
    }
    assert_eq!(
        read_all(broker, topic, 10_000),
        [values.clone(), values].concat()
    );
}

fn codecs(broker: &Broker) {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("rdkafka-codec-{codec}");
        create_topic(broker, &topic, &[]);
        let values = numbered(2_000);
        send(broker, &topic, &[("compression.type", codec)], &values);
        assert!(read_all(broker, &topic, 2_000) == values, "{codec}");
    }
}

fn acks(broker: &Broker) {
    for acks in ["0", "1", "all"] {
        let topic = format!("rdkafka-acks-{acks}");
        create_topic(broker, &topic, &[]);
        let values = numbered(500);
        send(broker, &topic, &[("acks", acks)], &values);
        assert!(read_all(broker, &topic, 500) == values, "{acks}");
    }
}

fn keys_headers_nulls(broker: &Broker) {
    let topic = "rdkafka-keys";
    create_topic(broker, topic, &[]);
    let headers = || {
        let one = Header {
            key: "a",
            value: Some("1"),
        };
        let none: Header<'_, &str> = Header {
            key: "b",
            value: None,
        };
        let again = Header {
            key: "a",
            value: Some("2"),
        };
        OwnedHeaders::new().insert(one).insert(none).insert(again)
    };
    let sender = Sender::new(broker, &[]);
    let full = BaseRecord::to(topic)
        .partition(0)
        .key("k")
        .payload("v")
        .headers(headers());
    let no_value: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(0).key("k");
    let no_key: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(0).payload("v");
    for record in [full, no_value, no_key] {
        sender.send(record);
    }
    assert_eq!(offsets(&sender.finish()), [0, 1, 2]);
    let records = read(&consumer_at(broker, topic, Offset::Beginning, &[]), 3);
    let (k, v) = (Some(&b"k"[..]), Some(&b"v"[..]));
    let found: Vec<_> = records
        .iter()
        .map(|record| (record.key(), record.payload()))
        .collect();
    assert_eq!(found, [(k, v), (k, None), (None, v)]);
    let read_headers = records[0].headers().expect("the first record has headers");
    let found: Vec<_> = read_headers
        .iter()
        .map(|header| (header.key, header.value))
        .collect();
    assert_eq!(
        found,
        [("a", Some(&b"1"[..])), ("b", None), ("a", Some(&b"2"[..]))]
    );
}

fn too_large(broker: &Broker) {
    let topic = "rdkafka-too-large";
    create_topic(broker, topic, &[("max.message.bytes", "1000")]);
    let sender = Sender::new(broker, &[]);
    let payload = "x".repeat(2_000);
    let record = BaseRecord::to(topic).partition(0).payload(payload.as_str());
    sender.send(record);
    let outcomes = sender.finish();
    let error = outcomes[0].as_ref().expect_err("the broker refuses it");
    assert_eq!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::MessageSizeTooLarge)
    );
}

fn timestamps(broker: &Broker) {
    let topic = "rdkafka-timestamps";
    create_topic(broker, topic, &[]);
    let sender = Sender::new(broker, &[]);
    let record = BaseRecord::to(topic)
        .partition(0)
        .payload("v")
        .timestamp(1_700_000_000_123);
    sender.send(record);
    sender.finish();
    let records = read(&consumer_at(broker, topic, Offset::Beginning, &[]), 1);
    assert_eq!(records[0].timestamp().to_millis(), Some(1_700_000_000_123));
}
