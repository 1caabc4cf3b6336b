//! What librdkafka's consumer does with assigned partitions.

use std::time::{Duration, Instant};

use ottla_tests::{Broker, Suite};
use rdkafka::Message;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use crate::clients::{PATIENCE, Sender, config, consumer_at, create_topic, read, values};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("a_consumer_starts_where_it_is_told", starts)
        .case("a_consumer_starts_inside_a_batch", inside_a_batch)
        .case("an_empty_partition_ends_at_once", empty)
        .case("a_waiting_fetch_ends_when_data_comes", waiting_fetch)
        .case("an_offset_out_of_range_is_reported", out_of_range)
        .case("watermarks_and_offsets_for_times_are_right", watermarks)
        .case("read_committed_and_uncommitted_read_plain_data", isolation)
        .case("tiny_fetch_sizes_still_make_progress", tiny_fetches)
        .case("metadata_names_topics_and_brokers", metadata);
}

fn fill(broker: &Broker, topic: &str, count: usize, settings: &[(&str, &str)]) {
    create_topic(broker, topic, &[]);
    let sender = Sender::new(broker, settings);
    for number in 0..count {
        let payload = number.to_string();
        let timestamp = 1_700_000_000_000 + i64::try_from(number).expect("tests are small");
        let record = BaseRecord::to(topic)
            .partition(0)
            .payload(payload.as_str())
            .timestamp(timestamp);
        sender.send(record);
    }
    sender.finish();
}

fn starts(broker: &Broker) {
    let topic = "rdkafka-starts";
    fill(broker, topic, 10, &[("batch.num.messages", "1")]);
    for (offset, first) in [
        (Offset::Beginning, "0"),
        (Offset::Offset(4), "4"),
        (Offset::OffsetTail(3), "7"),
    ] {
        let consumer = consumer_at(broker, topic, offset, &[]);
        assert_eq!(values(&read(&consumer, 1))[0], first, "{offset:?}");
    }
}

fn inside_a_batch(broker: &Broker) {
    for codec in ["none", "lz4"] {
        let topic = format!("rdkafka-inside-{codec}");
        fill(
            broker,
            &topic,
            100,
            &[("linger.ms", "200"), ("compression.type", codec)],
        );
        let consumer = consumer_at(broker, &topic, Offset::Offset(42), &[]);
        let records = read(&consumer, 58);
        assert_eq!(records[0].offset(), 42);
        assert_eq!(values(&records).last().map(String::as_str), Some("99"));
    }
}

fn empty(broker: &Broker) {
    let topic = "rdkafka-empty";
    create_topic(broker, topic, &[]);
    let settings = [("enable.partition.eof", "true")];
    let consumer = consumer_at(broker, topic, Offset::Beginning, &settings);
    let polled = consumer
        .poll(PATIENCE)
        .expect("the end of the partition is reported");
    assert!(
        matches!(polled, Err(KafkaError::PartitionEOF(0))),
        "{polled:?}"
    );
}

fn waiting_fetch(broker: &Broker) {
    let topic = "rdkafka-waiting";
    create_topic(broker, topic, &[]);
    let consumer = consumer_at(
        broker,
        topic,
        Offset::Beginning,
        &[("fetch.wait.max.ms", "20000")],
    );
    assert!(
        consumer.poll(Duration::from_secs(1)).is_none(),
        "nothing was sent yet"
    );
    let sender = Sender::new(broker, &[]);
    let record = BaseRecord::to(topic).partition(0).payload("v");
    sender.send(record);
    sender.finish();
    let sent = Instant::now();
    read(&consumer, 1);
    assert!(
        sent.elapsed() < Duration::from_secs(5),
        "took {:?}",
        sent.elapsed()
    );
}

fn out_of_range(broker: &Broker) {
    let topic = "rdkafka-out-of-range";
    fill(broker, topic, 3, &[]);
    let settings = [("auto.offset.reset", "error")];
    let consumer = consumer_at(broker, topic, Offset::Offset(100), &settings);
    let polled = consumer.poll(PATIENCE).expect("an error is reported");
    let error = polled.expect_err("there is no such record");
    assert_eq!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::AutoOffsetReset),
        "{error}"
    );
}

fn watermarks(broker: &Broker) {
    let topic = "rdkafka-watermarks";
    fill(broker, topic, 100, &[]);
    let consumer = consumer_at(broker, topic, Offset::Beginning, &[]);
    let marks = consumer
        .fetch_watermarks(topic, 0, PATIENCE)
        .expect("the broker answers");
    assert_eq!(marks, (0, 100));
    for (timestamp, expected) in [
        (1_699_999_999_999, Offset::Offset(0)),
        (1_700_000_000_060, Offset::Offset(60)),
        (1_800_000_000_000, Offset::End),
    ] {
        let mut times = TopicPartitionList::new();
        times
            .add_partition_offset(topic, 0, Offset::Offset(timestamp))
            .expect("a timestamp stands where an offset does");
        let found = consumer
            .offsets_for_times(times, PATIENCE)
            .expect("the broker answers");
        assert_eq!(found.elements()[0].offset(), expected, "{timestamp}");
    }
}

fn isolation(broker: &Broker) {
    let topic = "rdkafka-isolation";
    fill(broker, topic, 50, &[]);
    for level in ["read_committed", "read_uncommitted"] {
        let settings = [("isolation.level", level)];
        let consumer = consumer_at(broker, topic, Offset::Beginning, &settings);
        assert_eq!(read(&consumer, 50).len(), 50, "{level}");
    }
}

fn tiny_fetches(broker: &Broker) {
    let topic = "rdkafka-tiny";
    fill(broker, topic, 200, &[("batch.num.messages", "10")]);
    let settings = [("fetch.message.max.bytes", "1")];
    let consumer = consumer_at(broker, topic, Offset::Beginning, &settings);
    let expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(values(&read(&consumer, 200)), expected);
}

fn metadata(broker: &Broker) {
    let topic = "rdkafka-metadata";
    create_topic(broker, topic, &[]);
    let consumer: rdkafka::consumer::BaseConsumer = config(broker, &[])
        .create()
        .expect("librdkafka accepts the settings");
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .expect("the broker answers");
    assert_eq!(metadata.brokers().len(), 1);
    assert_eq!(i32::from(broker.port()), metadata.brokers()[0].port());
    let partitions = metadata.topics()[0].partitions();
    assert_eq!(partitions.len(), 1);
    assert_eq!(partitions[0].leader(), metadata.brokers()[0].id());
}
