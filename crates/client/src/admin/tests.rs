//! Administrative operations against scripted brokers.

mod configs;
mod groups;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::create_topics_response::CreatableTopicResult;
use ottla_protocol::messages::delete_topics_response::DeletableTopicResult;
use ottla_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
    MetadataRequest,
};

use super::NewTopic;
use crate::client::Client;
use crate::config::ClientConfig;
use crate::fake::answers::metadata;
use crate::fake::broker::{Answer, FakeBroker};
use crate::fake::cluster::{FakeCluster, TOPIC};
use crate::fake::peer::Received;
use crate::partition::{Isolation, OffsetSpec, TopicPartition};
use crate::wire::text;

const APIS: &[(i16, i16, i16)] = &[(3, 0, 12), (18, 0, 4), (19, 2, 7), (20, 1, 6)];
const APIS_OF_OLD: &[(i16, i16, i16)] = &[(3, 0, 5), (18, 0, 2), (19, 2, 3), (20, 1, 3)];

async fn connected(
    apis: &'static [(i16, i16, i16)],
    script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> (FakeBroker, Client) {
    let (listener, address) = FakeBroker::listener().await;
    let own = address.clone();
    let broker = FakeBroker::start(listener, apis, move |request| {
        if request.is::<MetadataRequest>() {
            return Answer::Frame(
                request.answer::<MetadataRequest>(&metadata(&[(1, own.clone())], vec![])),
            );
        }
        script(request)
    });
    let mut config = ClientConfig::new(vec![address]);
    config.backoff.first = std::time::Duration::from_millis(1);
    (broker, Client::connect(config).await.unwrap())
}

fn topic(name: &str) -> NewTopic {
    NewTopic {
        name: name.to_owned(),
        ..NewTopic::default()
    }
}

#[tokio::test]
async fn each_topic_has_its_own_outcome_in_the_order_asked() {
    let (_broker, client) = connected(APIS, |request| {
        let (_, body) = request.body::<CreateTopicsRequest>();
        let mut results: Vec<CreatableTopicResult> = body
            .topics
            .iter()
            .map(|topic| {
                let result = CreatableTopicResult::default().with_name(topic.name.clone());
                match topic.name.0.as_str() {
                    "taken" => result
                        .with_error_code(ErrorCode::TopicAlreadyExists.code())
                        .with_error_message(Some(text("it is there"))),
                    _ => result.with_num_partitions(topic.num_partitions.max(4)),
                }
            })
            .collect();
        results.reverse();
        let response = CreateTopicsResponse::default().with_topics(results);
        Answer::Frame(request.answer::<CreateTopicsRequest>(&response))
    })
    .await;
    let topics = [topic("new"), topic("taken")];
    let outcomes = client.admin().create_topics(&topics, false).await.unwrap();
    assert_eq!(outcomes[0].as_ref().unwrap().partitions, Some(4));
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TopicAlreadyExists));
    assert_eq!(
        error.to_string(),
        "topic taken: it is there (TOPIC_ALREADY_EXISTS)"
    );
}

#[tokio::test]
async fn a_controller_that_moved_is_asked_again() {
    let asked = Arc::new(AtomicI32::new(0));
    let counter = asked.clone();
    let (_broker, client) = connected(APIS, move |request| {
        let turn = counter.fetch_add(1, Ordering::Relaxed);
        let code = if turn == 0 {
            ErrorCode::NotController
        } else {
            ErrorCode::None
        };
        let (_, body) = request.body::<CreateTopicsRequest>();
        let results = body.topics.iter().map(|topic| {
            CreatableTopicResult::default()
                .with_name(topic.name.clone())
                .with_error_code(code.code())
        });
        let response = CreateTopicsResponse::default().with_topics(results.collect());
        Answer::Frame(request.answer::<CreateTopicsRequest>(&response))
    })
    .await;
    let outcomes = client
        .admin()
        .create_topics(&[topic("t")], false)
        .await
        .unwrap();
    assert!(outcomes[0].is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

async fn check_deletion(apis: &'static [(i16, i16, i16)]) {
    let (_broker, client) = connected(apis, |request| {
        let (_, body) = request.body::<DeleteTopicsRequest>();
        let of_states = body.topics.iter().filter_map(|topic| topic.name.clone());
        let results = of_states
            .chain(body.topic_names.iter().cloned())
            .map(|name| DeletableTopicResult::default().with_name(Some(name)));
        let response = DeleteTopicsResponse::default().with_responses(results.collect());
        Answer::Frame(request.answer::<DeleteTopicsRequest>(&response))
    })
    .await;
    let outcomes = client.admin().delete_topics(&["a", "b"]).await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok));
}

#[tokio::test]
async fn topics_are_deleted_on_new_brokers_and_on_old_ones() {
    check_deletion(APIS).await;
    check_deletion(APIS_OF_OLD).await;
}

#[tokio::test]
async fn offsets_are_found_for_the_partitions_there_are() {
    let cluster = FakeCluster::start(2).await;
    let client = cluster.client().await;
    let questions: BTreeMap<TopicPartition, OffsetSpec> = (0..3)
        .map(|number| (TopicPartition::new(TOPIC, number), OffsetSpec::Latest))
        .collect();
    let found = client
        .admin()
        .list_offsets(questions, Isolation::ReadCommitted)
        .await;
    let offsets: Vec<Option<i64>> = found
        .values()
        .map(|found| found.as_ref().ok().map(|found| found.offset))
        .collect();
    assert_eq!(offsets, [Some(0), Some(0), None]);
}
