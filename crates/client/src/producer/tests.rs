//! A producer against brokers that fail: nothing is lost, nothing is there twice.

use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::records::Compression;
use tokio::time::timeout;

use super::{Acks, Delivered, Delivery, ProduceError, Producer, ProducerConfig, ProducerRecord};
use crate::fake::cluster::{FakeCluster, Fault, TOPIC};

/// Every record is a batch of its own, so that there are many.
fn one_by_one() -> ProducerConfig {
    ProducerConfig {
        batch_bytes: 1,
        linger: Duration::ZERO,
        ..ProducerConfig::default()
    }
}

async fn send(producer: &Producer, partition: i32, value: &str) -> Delivery {
    let record = ProducerRecord {
        topic: TOPIC,
        partition: Some(partition),
        value: Some(value.as_bytes()),
        ..ProducerRecord::default()
    };
    producer.send(record).await.unwrap()
}

/// Sends so many records to partition 0 and waits for all of them.
async fn send_all(producer: &Producer, count: usize) -> Vec<Result<Delivered, ProduceError>> {
    let mut deliveries = Vec::new();
    for number in 0..count {
        deliveries.push(send(producer, 0, &number.to_string()).await);
    }
    let mut outcomes = Vec::new();
    for delivery in deliveries {
        outcomes.push(delivery.wait().await);
    }
    outcomes
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Whatever goes wrong, each of 20 records is delivered once, in order, to where its sender is told.
async fn check_exactly_once(faults: &[Fault]) {
    let cluster = FakeCluster::start(1).await;
    cluster.fail_produce(faults);
    let producer = Producer::new(&cluster.client().await, one_by_one());
    let outcomes = send_all(&producer, 20).await;
    assert_eq!(cluster.values(0), numbers(20), "{faults:?}");
    for (number, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.unwrap().offset, Some(number as i64), "{faults:?}");
    }
}

#[tokio::test]
async fn records_arrive_once_and_in_order_whatever_fails() {
    use Fault::{Cut, CutAfter, Move, Refuse};
    check_exactly_once(&[]).await;
    check_exactly_once(&[Cut]).await;
    check_exactly_once(&[CutAfter]).await;
    check_exactly_once(&[CutAfter, CutAfter, Cut, CutAfter]).await;
    check_exactly_once(&[Move]).await;
    check_exactly_once(&[Move, CutAfter, Move, Cut]).await;
    check_exactly_once(&[
        Refuse(ErrorCode::NotEnoughReplicas),
        Refuse(ErrorCode::RequestTimedOut),
    ])
    .await;
}

#[tokio::test]
async fn whoever_is_told_of_another_leader_goes_there_at_once() {
    let cluster = FakeCluster::start(1).await;
    cluster.tell_leaders();
    let hour = Duration::from_secs(3600);
    let producer = Producer::new(&cluster.client_that_waits(hour).await, one_by_one());
    send(&producer, 0, "0").await.wait().await.unwrap();
    // The first refusal is news. What the others say is known by then, and counts as much.
    cluster.fail_produce(&[Fault::Move]);
    let sending = async {
        let mut deliveries = Vec::new();
        for number in 1..5 {
            deliveries.push(send(&producer, 0, &number.to_string()).await);
        }
        for delivery in deliveries {
            delivery.wait().await.unwrap();
        }
    };
    timeout(Duration::from_secs(60), sending)
        .await
        .expect("nobody waits for an hour");
    assert_eq!(cluster.values(0), numbers(5));
}

#[tokio::test]
async fn a_refusal_for_good_fails_its_records_only() {
    let cluster = FakeCluster::start(1).await;
    cluster.fail_produce(&[Fault::Refuse(ErrorCode::MessageTooLarge)]);
    let producer = Producer::new(&cluster.client().await, one_by_one());
    let mut outcomes = send_all(&producer, 10).await;
    let first = outcomes.remove(0).unwrap_err();
    assert!(
        matches!(
            first,
            ProduceError::Refused {
                code: ErrorCode::MessageTooLarge,
                ..
            }
        ),
        "{first}"
    );
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(cluster.values(0), numbers(10)[1..]);
}

#[tokio::test]
async fn records_that_linger_travel_together() {
    let cluster = FakeCluster::start(1).await;
    let config = ProducerConfig {
        linger: Duration::from_secs(60),
        compression: Compression::Zstd,
        ..ProducerConfig::default()
    };
    let producer = Producer::new(&cluster.client().await, config);
    let mut deliveries = Vec::new();
    for number in numbers(100) {
        deliveries.push(send(&producer, 0, &number).await);
    }
    // Flushing ends the linger.
    producer.flush().await;
    assert_eq!(cluster.produce_requests(), 1);
    assert_eq!(cluster.values(0), numbers(100));
    assert_eq!(
        deliveries.pop().unwrap().wait().await.unwrap().offset,
        Some(99)
    );
}

#[tokio::test]
async fn keys_choose_the_partition_as_in_java_and_other_records_fill_batches() {
    let cluster = FakeCluster::start(4).await;
    let producer = Producer::new(&cluster.client().await, ProducerConfig::default());
    for key in ["21", "foobar", "21"] {
        let record = ProducerRecord {
            topic: TOPIC,
            key: Some(key.as_bytes()),
            value: Some(key.as_bytes()),
            ..ProducerRecord::default()
        };
        producer.send(record).await.unwrap();
    }
    producer.close().await;
    let expected = |key: &str| super::partition_for_key(key.as_bytes(), 4);
    assert_eq!(cluster.values(expected("21"))[0], "21");
    assert!(
        cluster
            .values(expected("foobar"))
            .contains(&"foobar".to_owned())
    );
}

#[tokio::test]
async fn without_acks_nothing_is_waited_for_and_no_offset_is_told() {
    let cluster = FakeCluster::start(1).await;
    let config = ProducerConfig {
        acks: Acks::None,
        ..one_by_one()
    };
    let producer = Producer::new(&cluster.client().await, config);
    for outcome in send_all(&producer, 3).await {
        assert_eq!(outcome.unwrap().offset, None);
    }
}

#[tokio::test]
async fn what_cannot_be_delivered_in_time_fails_and_says_so() {
    let cluster = FakeCluster::start(1).await;
    cluster.fail_produce(&[Fault::Refuse(ErrorCode::NotEnoughReplicas); 1000]);
    let config = ProducerConfig {
        delivery_timeout: Duration::from_millis(100),
        ..one_by_one()
    };
    let producer = Producer::new(&cluster.client().await, config);
    let error = send_all(&producer, 1).await.remove(0).unwrap_err();
    let ProduceError::TimedOut {
        last, is_in_doubt, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (last.as_deref(), is_in_doubt),
        (Some("NOT_ENOUGH_REPLICAS"), false)
    );
}

#[tokio::test]
async fn sending_waits_for_memory_and_goes_on_when_there_is_some() {
    let cluster = FakeCluster::start(1).await;
    let config = ProducerConfig {
        buffer_bytes: 200,
        linger: Duration::from_secs(60),
        ..ProducerConfig::default()
    };
    let producer = Producer::new(&cluster.client().await, config);
    // Nothing would be sent for a minute, were it not for the lack of memory.
    for number in numbers(50) {
        send(&producer, 0, &number).await;
    }
    producer.close().await;
    assert_eq!(cluster.values(0), numbers(50));
}

#[tokio::test]
async fn sending_does_not_wait_for_memory_for_ever() {
    let cluster = FakeCluster::start(1).await;
    cluster.fail_produce(&[Fault::Refuse(ErrorCode::NotEnoughReplicas); 10_000]);
    let config = ProducerConfig {
        buffer_bytes: 1,
        block_max: Duration::from_millis(50),
        ..one_by_one()
    };
    let producer = Producer::new(&cluster.client().await, config);
    let _first = send(&producer, 0, "takes all there is").await;
    let record = ProducerRecord {
        topic: TOPIC,
        value: Some(b"x"),
        ..ProducerRecord::default()
    };
    assert!(matches!(
        producer.send(record).await,
        Err(ProduceError::BufferFull(_))
    ));
}

#[tokio::test]
async fn records_that_make_no_sense_are_refused_at_once() {
    let cluster = FakeCluster::start(2).await;
    let config = ProducerConfig {
        request_bytes_max: 1000,
        ..ProducerConfig::default()
    };
    let producer = Producer::new(&cluster.client().await, config);
    let beyond = ProducerRecord {
        topic: TOPIC,
        partition: Some(2),
        ..ProducerRecord::default()
    };
    let error = producer.send(beyond).await.unwrap_err();
    assert!(
        matches!(error, ProduceError::NoSuchPartition { partitions: 2, .. }),
        "{error}"
    );
    let large = ProducerRecord {
        topic: TOPIC,
        value: Some(&[0; 1000]),
        ..ProducerRecord::default()
    };
    let error = producer.send(large).await.unwrap_err();
    assert!(
        matches!(error, ProduceError::RecordTooLarge { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_dropped_producer_still_delivers_what_was_sent() {
    let cluster = FakeCluster::start(1).await;
    let producer = Producer::new(&cluster.client().await, ProducerConfig::default());
    let delivery = send(&producer, 0, "last").await;
    drop(producer);
    assert_eq!(delivery.wait().await.unwrap().offset, Some(0));
}
