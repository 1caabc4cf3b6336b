//! A consumer against brokers that fail: every record once, in order.

use std::time::Duration;

use ottla_protocol::ErrorCode;

use super::{ConsumeError, Consumer, ConsumerConfig, OutOfRange, StartFrom};
use crate::client::Client;
use crate::fake::cluster::{FakeCluster, Fault, TOPIC};
use crate::partition::TopicPartition;
use crate::producer::{Producer, ProducerConfig, ProducerRecord};

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, number)
}

/// Appends numbers to a partition, each a batch of its own.
async fn append(client: &Client, number: i32, values: std::ops::Range<usize>) {
    let config = ProducerConfig {
        batch_bytes: 1,
        ..ProducerConfig::default()
    };
    let producer = Producer::new(client, config);
    for value in values {
        let value = value.to_string();
        let record = ProducerRecord {
            topic: TOPIC,
            partition: Some(number),
            value: Some(value.as_bytes()),
            ..ProducerRecord::default()
        };
        producer.send(record).await.unwrap();
    }
    producer.close().await;
}

fn consumer(client: &Client, start: StartFrom) -> Consumer {
    Consumer::new(client, ConsumerConfig::default(), [(partition(0), start)])
}

/// The next so many records: offset and value.
async fn read(consumer: &mut Consumer, count: usize) -> Vec<(i64, String)> {
    let mut read = Vec::new();
    while read.len() < count {
        let fetched = consumer.next().await.unwrap();
        for record in fetched.records() {
            let record = record.unwrap();
            read.push((
                record.offset,
                String::from_utf8(record.value.unwrap().to_vec()).unwrap(),
            ));
        }
    }
    read
}

fn expected(range: std::ops::Range<usize>) -> Vec<(i64, String)> {
    range
        .map(|number| (number as i64, number.to_string()))
        .collect()
}

#[tokio::test]
async fn reading_begins_where_it_is_told_to_and_goes_on_with_what_comes() {
    let cluster = FakeCluster::start(1).await;
    let client = cluster.client().await;
    append(&client, 0, 0..5).await;
    let mut earliest = consumer(&client, StartFrom::Earliest);
    let mut offset = consumer(&client, StartFrom::Offset(3));
    assert_eq!(read(&mut earliest, 5).await, expected(0..5));
    assert_eq!(earliest.position(&partition(0)), Some(5));
    append(&client, 0, 5..8).await;
    assert_eq!(read(&mut earliest, 3).await, expected(5..8));
    assert_eq!(read(&mut offset, 5).await, expected(3..8));
}

#[tokio::test]
async fn every_record_is_read_once_whatever_fails() {
    use Fault::{Cut, Move, Refuse};
    for faults in [
        &[Cut][..],
        &[Move],
        &[Cut, Move, Cut, Move],
        &[
            Refuse(ErrorCode::OffsetNotAvailable),
            Refuse(ErrorCode::UnknownServerError),
        ],
        &[
            Refuse(ErrorCode::FencedLeaderEpoch),
            Refuse(ErrorCode::KafkaStorageError),
        ],
    ] {
        let cluster = FakeCluster::start(1).await;
        let client = cluster.client().await;
        append(&client, 0, 0..3).await;
        // An error that is not retriable ends the partition; all others do not.
        let faults: Vec<Fault> = faults
            .iter()
            .copied()
            .filter(|fault| !matches!(fault, Refuse(code) if !code.retriable()))
            .collect();
        cluster.fail_fetch(&faults);
        let mut consumer = consumer(&client, StartFrom::Earliest);
        assert_eq!(read(&mut consumer, 3).await, expected(0..3), "{faults:?}");
    }
}

#[tokio::test]
async fn several_partitions_are_read_at_once() {
    let cluster = FakeCluster::start(3).await;
    let client = cluster.client().await;
    for number in 0..3 {
        append(&client, number, 0..10).await;
    }
    let all = (0..3).map(|number| (partition(number), StartFrom::Earliest));
    let mut consumer = Consumer::new(&client, ConsumerConfig::default(), all);
    read(&mut consumer, 30).await;
    for number in 0..3 {
        assert_eq!(consumer.position(&partition(number)), Some(10));
    }
}

#[tokio::test]
async fn an_offset_that_is_gone_moves_on_or_fails_as_told() {
    let cluster = FakeCluster::start(1).await;
    let client = cluster.client().await;
    append(&client, 0, 0..10).await;
    cluster.delete_before(0, 6);
    let with = |out_of_range| {
        let config = ConsumerConfig {
            out_of_range,
            ..ConsumerConfig::default()
        };
        Consumer::new(&client, config, [(partition(0), StartFrom::Offset(2))])
    };
    assert_eq!(
        read(&mut with(OutOfRange::Earliest), 4).await,
        expected(6..10)
    );
    let error = with(OutOfRange::Fail).next().await.unwrap_err();
    assert!(
        matches!(error, ConsumeError::OutOfRange { offset: 2, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_partition_that_fails_does_not_end_the_others_and_the_last_ends_all() {
    let cluster = FakeCluster::start(1).await;
    let client = cluster.client().await;
    append(&client, 0, 0..1).await;
    let assignment = [
        (partition(0), StartFrom::Earliest),
        (partition(9), StartFrom::Earliest),
    ];
    let mut consumer = Consumer::new(&client, ConsumerConfig::default(), assignment);
    let error = consumer.next().await.unwrap_err();
    assert_eq!(error.partition(), Some(&partition(9)));
    assert_eq!(read(&mut consumer, 1).await, expected(0..1));
    cluster.fail_fetch(&[Fault::Refuse(ErrorCode::TopicAuthorizationFailed)]);
    assert!(matches!(
        consumer.next().await,
        Err(ConsumeError::Refused { .. })
    ));
    assert!(matches!(consumer.next().await, Err(ConsumeError::Finished)));
}

#[tokio::test]
async fn waiting_for_records_can_be_given_up_without_losing_any() {
    let cluster = FakeCluster::start(1).await;
    let client = cluster.client().await;
    let mut consumer = consumer(&client, StartFrom::Earliest);
    let waited = tokio::time::timeout(Duration::from_millis(20), consumer.next()).await;
    assert!(waited.is_err());
    append(&client, 0, 0..3).await;
    assert_eq!(read(&mut consumer, 3).await, expected(0..3));
}
