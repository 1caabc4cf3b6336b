//! Several nodes in one process that are one cluster.

use std::time::Duration;

use futures::future::join_all;
use ottla_metadata::topic_name::CONSUMER_OFFSETS;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use ottla_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ElectLeadersRequest, FindCoordinatorRequest,
    ListOffsetsRequest, OffsetCommitRequest, OffsetFetchRequest, list_offsets_request,
    offset_commit_request, offset_fetch_request,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::Node;
use super::test_cluster::{create_replicated, ports, produce, three, until};
use super::testing::{
    PATIENCE, TestNode, batch, create_request, metadata_request, name_of, new_topic,
    produce_request, text, topic_name,
};

const GROUP: &str = "readers";

/// Commits an offset of a group without members.
async fn commit(node: &TestNode, offset: i64) {
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(GROUP)]);
    let found = node.client().await.ask(6, &find).await;
    assert_eq!(found.coordinators[0].error_code, 0, "{found:?}");
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name("alone"))
        .with_partitions(vec![partition]);
    let request = offset_commit_request::OffsetCommitRequest::default()
        .with_group_id(text(GROUP).into())
        .with_topics(vec![topic]);
    let response = node
        .client()
        .await
        .ask(8, &OffsetCommitRequest(request))
        .await;
    assert_eq!(response.topics[0].partitions[0].error_code, 0);
}

/// The group's offset, if this node coordinates it.
async fn committed_offset(node: &TestNode) -> Option<i64> {
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(text(GROUP).into())
        .with_topics(None);
    let request = offset_fetch_request::OffsetFetchRequest::default().with_groups(vec![group]);
    let response = node
        .client()
        .await
        .ask(9, &OffsetFetchRequest(request))
        .await;
    let topic = response.groups.first()?.topics.first()?;
    Some(topic.partitions.first()?.committed_offset)
}

pub(super) fn voters(node: &TestNode) -> usize {
    node.node.store.metadata.voters().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
pub(super) async fn three_empty_nodes_found_one_cluster_and_each_takes_changes_of_it() {
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
    let request = create_request(vec![new_topic("alone", 2, -1, &[])]);
    let response = first.client().await.ask(7, &request).await;
    assert_eq!(response.topics[0].replication_factor, 1);
    for number in 0..20 {
        let produced = first
            .client()
            .await
            .produce("alone", 0, batch(&["x"]))
            .await;
        assert_eq!((produced.error_code, produced.base_offset), (0, number));
    }
    commit(&first, 17).await;
    let mut nodes = vec![first];
    for id in [2, 3] {
        let port = ports[usize::try_from(id).unwrap() - 1];
        nodes.push(TestNode::start_among(id, port, &ports[..1]).await);
    }
    until("three nodes vote on the metadata", async || {
        nodes.iter().all(|node| voters(node) == 3)
    })
    .await;
    let holds_all = |node: &TestNode| {
        let image = node.node.broker.images.current();
        let grown = ["alone", CONSUMER_OFFSETS].into_iter().all(|name| {
            let topic = image.topic(name).unwrap();
            topic.partitions.iter().all(|one| one.replicas.len() == 3)
        });
        grown && image.moving().count() == 0
    };
    until("all partitions have three replicas", async || {
        nodes.iter().all(holds_all)
    })
    .await;
    assert_eq!(produce(&nodes, "alone", "a").await, 20);
    let first = nodes.remove(0);
    timeout(PATIENCE, first.node.shutdown())
        .await
        .expect("a stop in time")
        .unwrap();
    assert_eq!(produce(&nodes, "alone", "b").await, 21);
    until("the group has its offset", async || {
        let mut committed = Vec::new();
        for node in &nodes {
            committed.push(committed_offset(node).await);
        }
        committed.contains(&Some(17))
    })
    .await;
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

/// Says who is to hold the partition of a topic; the code of the answer.
pub(super) async fn reassign(node: &TestNode, topic: &str, replicas: &[i32]) -> i16 {
    let brokers = replicas.iter().copied().map(BrokerId).collect();
    let partition = ReassignablePartition::default().with_replicas(Some(brokers));
    let topic = ReassignableTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![partition]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(20_000)
        .with_topics(vec![topic]);
    let response = node.client().await.ask(1, &request).await;
    assert_eq!(response.error_code, 0);
    response.responses[0].partitions[0].error_code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_moves_to_other_brokers_and_the_preferred_one_leads_on_request() {
    let nodes = three().await;
    let request = create_request(vec![new_topic("t", 1, 1, &[])]);
    let response = nodes[0].client().await.ask(7, &request).await;
    assert_eq!(response.topics[0].error_code, 0, "{response:?}");
    let partition = |node: &TestNode| {
        let image = node.node.broker.images.current();
        image.topic("t").unwrap().partition(0).unwrap().clone()
    };
    assert_eq!(produce(&nodes, "t", "a").await, 0);
    let from = partition(&nodes[0]).replicas[0].0;
    let to: Vec<i32> = (1..=3).filter(|id| *id != from).collect();
    assert_eq!(
        name_of(reassign(&nodes[1], "t", &[9]).await),
        "INVALID_REPLICA_ASSIGNMENT"
    );
    assert_eq!(name_of(reassign(&nodes[1], "t", &to).await), "NONE");
    let is_there = |node: &TestNode| {
        let now = partition(node);
        let replicas: Vec<i32> = now.replicas.iter().map(|it| it.0).collect();
        !now.is_moving() && replicas == to
    };
    until("it has moved", async || nodes.iter().all(is_there)).await;
    assert_eq!(produce(&nodes, "t", "b").await, 1);
    let old = &nodes[usize::try_from(from).unwrap() - 1];
    let topic = old.node.broker.images.current().topic("t").unwrap().id;
    until("the old replica is gone", async || {
        old.node.broker.partitions.find(topic, 0).is_err()
    })
    .await;
    until("who has no replica knows the leader", async || {
        let group = partition(old).group_id;
        old.node.broker.peers.leader(group).is_some()
    })
    .await;
    let leader = || {
        nodes[0]
            .node
            .broker
            .peers
            .leader(partition(&nodes[0]).group_id)
    };
    let led = leader().unwrap().node.0;
    let other = to.iter().copied().find(|id| *id != led).unwrap();
    assert_eq!(
        name_of(reassign(&nodes[0], "t", &[other, led]).await),
        "NONE"
    );
    let elect = ElectLeadersRequest::default()
        .with_topic_partitions(None)
        .with_timeout_ms(10_000);
    until("the preferred replica leads", async || {
        let response = nodes[2].client().await.ask(2, &elect).await;
        assert_eq!(response.error_code, 0);
        leader().is_some_and(|leader| leader.node.0 == other)
    })
    .await;
    let response = nodes[2].client().await.ask(2, &elect).await;
    assert_eq!(
        response.replica_election_results,
        [],
        "nothing is left to do"
    );
    assert_eq!(produce(&nodes, "t", "c").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_asks_for_more_than_a_majority_has_its_records_everywhere() {
    let mut nodes = three().await;
    let configs = [("min.insync.replicas", "3")];
    let request = create_request(vec![new_topic("t", 1, 3, &configs)]);
    let response = nodes[0].client().await.ask(7, &request).await;
    assert_eq!(response.topics[0].error_code, 0, "{response:?}");
    let topic = nodes[0].node.broker.images.current().topic("t").unwrap().id;
    for number in 0..20 {
        assert_eq!(produce(&nodes, "t", "a").await, number);
        for node in &nodes {
            let replica = node.node.broker.partitions.find(topic, 0).ok().unwrap();
            assert!(replica.partition.watermarks().log_end_offset > number);
        }
    }
    nodes.remove(2).node.shutdown().await.unwrap();
    until("the other replica is missed", async || {
        let mut codes = Vec::new();
        for node in &nodes {
            let answer = node.client().await.produce("t", 0, batch(&["b"])).await;
            codes.push(name_of(answer.error_code));
        }
        assert!(!codes.contains(&"NONE"), "a record is on two of three only");
        codes.contains(&"NOT_ENOUGH_REPLICAS")
    })
    .await;
}
