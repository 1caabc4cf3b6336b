//! A client against scripted brokers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ottla_protocol::{ErrorCode, NodeId};

use super::{Client, IfMissing};
use crate::address::Address;
use crate::backoff::Backoff;
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::fake::answers::{metadata, metadata_topic};
use crate::fake::broker::{Answer, FakeBroker};
use crate::wire::messages::MetadataRequest;

const METADATA: &[(i16, i16, i16)] = &[(18, 0, 4), (3, 0, 12)];

fn config(bootstrap: &[&Address]) -> ClientConfig {
    let mut config = ClientConfig::new(bootstrap.iter().map(|&address| address.clone()).collect());
    config.backoff = Backoff {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
    };
    config.seed = Some(1);
    config
}

/// An address where nobody listens.
async fn nowhere() -> Address {
    FakeBroker::listener().await.1
}

#[tokio::test]
async fn any_bootstrap_server_that_answers_is_enough() {
    let (listener, address) = FakeBroker::listener().await;
    let own = address.clone();
    let _broker = FakeBroker::start(listener, METADATA, move |request| {
        Answer::Frame(request.answer::<MetadataRequest>(&metadata(&[(4, own.clone())], vec![])))
    });
    let client = Client::connect(config(&[&nowhere().await, &address]))
        .await
        .unwrap();
    let view = client.view();
    assert_eq!(view.cluster_id.as_deref(), Some("fake"));
    assert_eq!(view.controller, Some(NodeId(4)));
    assert_eq!(view.brokers[&NodeId(4)].address, address);
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_is_told_with_every_server_tried() {
    let (one, two) = (nowhere().await, nowhere().await);
    let Err(error) = Client::connect(config(&[&one, &two])).await else {
        panic!("nobody listens there");
    };
    let text = error.to_string();
    assert!(
        text.contains(&one.to_string()) && text.contains(&two.to_string()),
        "{text}"
    );
    assert!(error.is_retriable());
}

/// A broker that answers the n-th question about topic "t" with the n-th code, and the last code ever after.
async fn broker_saying(codes: &'static [ErrorCode]) -> (FakeBroker, Arc<AtomicUsize>) {
    let (listener, address) = FakeBroker::listener().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let broker = FakeBroker::start(listener, METADATA, move |request| {
        let (_, body) = request.body::<MetadataRequest>();
        let topics = if body.topics.is_some_and(|topics| topics.is_empty()) {
            vec![]
        } else {
            let turn = counter.fetch_add(1, Ordering::Relaxed).min(codes.len() - 1);
            let partitions: &[(i32, i32)] = if codes[turn] == ErrorCode::None {
                &[(1, 0)]
            } else {
                &[]
            };
            vec![metadata_topic("t", partitions).with_error_code(codes[turn].code())]
        };
        Answer::Frame(request.answer::<MetadataRequest>(&metadata(&[(1, address.clone())], topics)))
    });
    (broker, asked)
}

#[tokio::test]
async fn a_topic_is_asked_for_until_the_broker_knows_it_and_then_kept() {
    use ErrorCode::{LeaderNotAvailable, None as Good, UnknownTopicOrPartition};
    let (broker, asked) = broker_saying(&[UnknownTopicOrPartition, LeaderNotAvailable, Good]).await;
    let client = Client::connect(config(&[&broker.address])).await.unwrap();
    for _ in 0..2 {
        let topic = client.topic("t", IfMissing::Create).await.unwrap();
        assert_eq!(topic.partitions.len(), 1);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn an_error_that_will_not_go_away_is_not_tried_again() {
    let (broker, asked) = broker_saying(&[ErrorCode::TopicAuthorizationFailed]).await;
    let client = Client::connect(config(&[&broker.address])).await.unwrap();
    let error = client.topic("t", IfMissing::Fail).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TopicAuthorizationFailed));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_topic_that_never_appears_is_given_up_with_the_last_error() {
    let (broker, asked) = broker_saying(&[ErrorCode::UnknownTopicOrPartition]).await;
    let mut config = config(&[&broker.address]);
    config.topic_wait = Duration::from_millis(50);
    let client = Client::connect(config).await.unwrap();
    let error = client.topic("t", IfMissing::Fail).await.unwrap_err();
    assert!(matches!(error, ClientError::GaveUp { .. }), "{error}");
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
    assert!(asked.load(Ordering::Relaxed) > 1);
}

#[tokio::test]
async fn a_broken_connection_is_replaced_by_a_new_one() {
    let (listener, address) = FakeBroker::listener().await;
    let requests = AtomicUsize::new(0);
    let own = address.clone();
    let _broker = FakeBroker::start(listener, METADATA, move |request| {
        // The second request meets a closing broker, all others are answered.
        if requests.fetch_add(1, Ordering::Relaxed) == 1 {
            return Answer::Close;
        }
        Answer::Frame(request.answer::<MetadataRequest>(&metadata(&[(1, own.clone())], vec![])))
    });
    let client = Client::connect(config(&[&address])).await.unwrap();
    assert!(
        client
            .ask(NodeId(1), |_| MetadataRequest::default())
            .await
            .unwrap_err()
            .is_retriable()
    );
    client
        .ask(NodeId(1), |_| MetadataRequest::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_broker_that_is_silent_is_passed_over_for_another() {
    let (silent_listener, silent) = FakeBroker::listener().await;
    let _silent = FakeBroker::start(silent_listener, METADATA, |_| Answer::Silence);
    let (listener, address) = FakeBroker::listener().await;
    let own = address.clone();
    let _broker = FakeBroker::start(listener, METADATA, move |request| {
        Answer::Frame(request.answer::<MetadataRequest>(&metadata(&[(1, own.clone())], vec![])))
    });
    let mut config = config(&[&silent, &address]);
    config.request_timeout = Duration::from_millis(20);
    assert!(Client::connect(config).await.is_ok());
}

#[tokio::test]
async fn a_broker_that_metadata_does_not_name_is_unknown() {
    let (broker, _) = broker_saying(&[ErrorCode::None]).await;
    let client = Client::connect(config(&[&broker.address])).await.unwrap();
    let error = client
        .ask(NodeId(9), |_| MetadataRequest::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::UnknownBroker(NodeId(9))));
}
