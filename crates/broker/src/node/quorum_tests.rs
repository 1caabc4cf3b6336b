//! Several nodes in one process: who votes on the metadata by somebody's word, and brokers that are
//! unregistered.

use std::time::Duration;

use ottla_protocol::NodeId;
use ottla_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use ottla_protocol::messages::describe_quorum_response;
use ottla_protocol::messages::{
    AddRaftVoterRequest, DescribeQuorumRequest, RemoveRaftVoterRequest, UnregisterBrokerRequest,
};
use tokio::time::timeout;

use super::cluster_tests::voters;
use super::test_cluster::{create_replicated, ports, produce, three, until};
use super::testing::{PATIENCE, TestNode, metadata_request, name_of, topic_name};

type Described = describe_quorum_response::PartitionData;

async fn describe(node: &TestNode) -> Described {
    let partition = PartitionData::default();
    let topic = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![partition]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let response = node.client().await.ask(2, &request).await;
    assert_eq!(response.error_code, 0, "{response:?}");
    response.topics[0].partitions[0].clone()
}

async fn add(node: &TestNode, voter: &TestNode) -> &'static str {
    let request = AddRaftVoterRequest {
        timeout_ms: 60_000,
        voter_id: voter.node.broker.node_id.0,
        voter_directory_id: voter.node.store.meta.directory_id,
        ..AddRaftVoterRequest::default()
    };
    name_of(node.client().await.ask(1, &request).await.error_code)
}

async fn remove(node: &TestNode, voter: &TestNode) -> &'static str {
    let request = RemoveRaftVoterRequest::default()
        .with_cluster_id(None)
        .with_voter_id(voter.node.broker.node_id.0)
        .with_voter_directory_id(voter.node.store.meta.directory_id);
    name_of(node.client().await.ask(0, &request).await.error_code)
}

async fn unregister(node: &TestNode, id: i32) -> &'static str {
    let request = UnregisterBrokerRequest::default().with_broker_id(id.into());
    name_of(node.client().await.ask(0, &request).await.error_code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_broker_describes_the_quorum_as_its_leader_sees_it() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    until("all have caught up", async || {
        let mut told = Vec::new();
        for node in &nodes {
            told.push(describe(node).await);
        }
        let has_all = |partition: &Described| {
            let voters = &partition.current_voters;
            voters.len() == 3
                && voters.iter().all(|one| {
                    one.log_end_offset == partition.high_watermark
                        && one.last_caught_up_timestamp > 0
                        && one.last_fetch_timestamp >= one.last_caught_up_timestamp
                })
        };
        let leaders = told.iter().map(|it| (it.leader_id, it.leader_epoch));
        told.iter().all(has_all) && leaders.clone().all(|it| Some(it) == leaders.clone().next())
    })
    .await;
    for (voter, node) in describe(&nodes[2]).await.current_voters.iter().zip(&nodes) {
        let directory = node.node.store.meta.directory_id;
        assert_eq!(voter.replica_directory_id, directory);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_voter_observes_until_it_is_added_again() {
    let nodes = three().await;
    let leader = describe(&nodes[0]).await.leader_id.0;
    for id in [leader, leader % 3 + 1] {
        let voter = &nodes[usize::try_from(id).unwrap() - 1];
        let asked = &nodes[usize::try_from(id % 3).unwrap()];
        assert_eq!(remove(asked, voter).await, "NONE");
        assert_eq!(remove(asked, voter).await, "VOTER_NOT_FOUND");
        // Twice the overseer's look: it does not choose the broker again.
        let again = timeout(
            Duration::from_secs(2),
            until("it votes", async || voters(voter) != 2),
        );
        assert!(again.await.is_err());
        let told = describe(asked).await;
        assert_eq!((told.current_voters.len(), told.observers.len()), (2, 1));
        assert_eq!(told.observers[0].replica_id.0, id);
        assert_eq!(add(asked, voter).await, "NONE");
        assert_eq!(describe(asked).await.current_voters.len(), 3);
        assert_eq!(add(asked, voter).await, "DUPLICATE_VOTER");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_voter_is_added_though_two_are_even() {
    let ports = ports(2).await;
    let first = TestNode::start_among(1, ports[0], &[]).await;
    let second = TestNode::start_among(2, ports[1], &ports[..1]).await;
    assert_eq!(voters(&first), 1);
    assert_eq!(add(&second, &second).await, "NONE");
    until("both know it", async || {
        voters(&first) == 2 && voters(&second) == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unregistered_founder_keeps_running_and_comes_back_at_its_next_start() {
    let mut nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    assert_eq!(unregister(&nodes[0], 3).await, "NONE");
    assert_eq!(unregister(&nodes[0], 3).await, "BROKER_ID_NOT_REGISTERED");
    until("two vote on the metadata", async || {
        nodes[..2].iter().all(|node| voters(node) == 2)
    })
    .await;
    let third = nodes.remove(2);
    until("the third sends its clients away", async || {
        let request = metadata_request(None, false);
        third.client().await.try_ask(12, &request).await.is_none()
    })
    .await;
    assert!(!third.metrics().is_empty(), "it runs");
    produce(&nodes, "t", "b").await;
    // Whoever starts again now knows that the founding is over.
    let second = nodes.remove(1).restarted().await;
    assert!(second.node.store.meeting.has_begun());
    nodes.push(second);
    nodes.push(third.restarted().await);
    until("three vote on the metadata", async || {
        nodes.iter().all(|node| voters(node) == 3)
    })
    .await;
    let image = nodes[0].node.broker.images.current();
    assert!(image.broker(NodeId(3)).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_broker_that_is_unregistered_goes_on() {
    let node = TestNode::start_among(1, ports(1).await[0], &[]).await;
    assert_eq!(unregister(&node, 1).await, "NONE");
    let node = timeout(PATIENCE, node.restarted())
        .await
        .expect("a start in time");
    node.client().await.create("t", 1, &[]).await;
}
