//! Several nodes in one process that are one cluster.

use std::time::Duration;

use futures::future::join_all;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::{ListOffsetsRequest, list_offsets_request};
use tokio::time::timeout;
use uuid::Uuid;

use super::Node;
use super::test_cluster::{create_replicated, ports, produce, three, until};
use super::testing::{
    PATIENCE, TestNode, batch, create_request, metadata_request, new_topic, produce_request,
    topic_name,
};

fn voters(node: &TestNode) -> usize {
    node.node.store.metadata.voters().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_empty_nodes_found_one_cluster_and_each_takes_changes_of_it() {
    let nodes = three().await;
    let first = nodes[0].node.cluster_id();
    for (number, node) in nodes.iter().enumerate() {
        assert_eq!(node.node.cluster_id(), first);
        assert_eq!(voters(node), 3);
        create_replicated(node, &format!("t{number}")).await;
    }
    for node in &nodes {
        let request = metadata_request(None, false);
        let told = node.client().await.ask(12, &request).await;
        assert_eq!((told.brokers.len(), told.topics.len()), (3, 3));
        for topic in &told.topics {
            let partition = &topic.partitions[0];
            assert_eq!(partition.error_code, 0, "{topic:?}");
            assert_eq!(partition.replica_nodes.len(), 3);
            assert!(partition.leader_id.0 > 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_one_grows_to_three_and_goes_on_without_the_first() {
    let ports = ports(3).await;
    let first = TestNode::start_among(1, ports[0], &[]).await;
    first.client().await.create("alone", 1, &[]).await;
    let mut nodes = vec![first];
    for id in [2, 3] {
        let port = ports[usize::try_from(id).unwrap() - 1];
        nodes.push(TestNode::start_among(id, port, &ports[..1]).await);
    }
    until("three nodes vote on the metadata", async || {
        nodes.iter().all(|node| voters(node) == 3)
    })
    .await;
    create_replicated(&nodes[1], "among-three").await;
    assert_eq!(produce(&nodes, "among-three", "a").await, 0);
    let first = nodes.remove(0);
    timeout(PATIENCE, first.node.shutdown())
        .await
        .expect("a stop in time")
        .unwrap();
    assert_eq!(produce(&nodes, "among-three", "b").await, 1);
    until("the metadata is led by another", async || {
        let request = create_request(vec![new_topic("later", 1, 2, &[])]);
        let response = nodes[0].client().await.ask(7, &request).await;
        let code = ErrorCode::from_code(response.topics[0].error_code);
        matches!(code, ErrorCode::None | ErrorCode::TopicAlreadyExists)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minority_acknowledges_nothing_and_decides_nothing() {
    let mut nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    for node in nodes.drain(1..) {
        node.node.shutdown().await.unwrap();
    }
    let records = Some(batch(&["b"]));
    let request = produce_request(-1, "t", Uuid::nil(), 0, records).with_timeout_ms(2_000);
    let response = nodes[0].client().await.ask(9, &request).await;
    let answer = &response.responses[0].partition_responses[0];
    assert_ne!(answer.error_code, 0, "{answer:?}");
    let latest = ListOffsetsPartition::default().with_timestamp(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![latest]);
    let request = list_offsets_request::ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let request = ListOffsetsRequest(request);
    let response = nodes[0].client().await.ask(5, &request).await;
    let code = ErrorCode::from_code(response.0.topics[0].partitions[0].error_code);
    assert_eq!(
        code,
        ErrorCode::NotLeaderOrFollower,
        "what it knows may be old"
    );
    let request = create_request(vec![new_topic("u", 1, 1, &[])]).with_timeout_ms(3_000);
    let response = nodes[0].client().await.ask(7, &request).await;
    let code = ErrorCode::from_code(response.topics[0].error_code);
    assert!(
        matches!(code, ErrorCode::NotController | ErrorCode::RequestTimedOut),
        "{response:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_of_another_cluster_is_refused_by_name() {
    let ports = ports(2).await;
    let ours = TestNode::start_among(1, ports[0], &[]).await;
    let other = TestNode::start_among(2, ports[1], &[]).await;
    let options = other.elsewhere_options(ports[0]);
    timeout(PATIENCE, other.node.shutdown())
        .await
        .unwrap()
        .unwrap();
    let node = match Node::start(options).await {
        Ok(node) => node,
        Err(error) => panic!("{error}"),
    };
    let reason = timeout(PATIENCE, node.failed())
        .await
        .expect("it says so in time");
    let cluster = ours.node.cluster_id().unwrap();
    assert!(
        reason.contains(&cluster) && reason.contains("ottla.peer.seeds"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_taken_waits_and_touches_nothing() {
    let ports = ports(2).await;
    let first = TestNode::start_among(1, ports[0], &[]).await;
    let rival = TestNode::start_among(1, ports[1], &ports[..1]);
    assert!(
        timeout(Duration::from_secs(1), rival).await.is_err(),
        "it has not started"
    );
    first.client().await.create("t", 1, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_on_an_emptied_disk_gets_its_replicas_back() {
    let ports = ports(3).await;
    let start = |id: i32| {
        let port = ports[usize::try_from(id).unwrap() - 1];
        let settings = &["broker.session.timeout.ms=1000"];
        TestNode::start_among_with(id, port, &ports, settings)
    };
    let mut nodes = join_all((1..=3).map(start)).await;
    create_replicated(&nodes[0], "t").await;
    assert_eq!(produce(&nodes, "t", "a").await, 0);
    nodes.remove(0).node.shutdown().await.unwrap();
    assert_eq!(produce(&nodes, "t", "b").await, 1);
    let emptied = timeout(PATIENCE, start(1)).await.expect("it is taken in");
    let image = emptied.node.broker.images.current();
    assert_eq!(image.brokers().count(), 3);
    nodes.push(emptied);
    until("all three vote on the metadata again", async || {
        nodes.iter().all(|node| voters(node) == 3)
    })
    .await;
    let holds_all = |node: &TestNode| {
        let image = node.node.broker.images.current();
        let moving = image.moving().count();
        let topic = image.topic("t").unwrap();
        let replica = node.node.broker.partitions.find(topic.id, 0).ok();
        let end = replica.map(|it| it.partition.watermarks().high_watermark);
        moving == 0 && end == Some(2)
    };
    until("its replica is there again", async || {
        nodes.iter().all(holds_all)
    })
    .await;
    // It counts: without one of the others, records are acknowledged.
    nodes.remove(0).node.shutdown().await.unwrap();
    assert_eq!(produce(&nodes, "t", "c").await, 2);
}
