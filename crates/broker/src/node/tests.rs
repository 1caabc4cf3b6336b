//! Starting, stopping and starting again.

use tokio::time::timeout;

use super::testing::{PATIENCE, TestNode, batch};
use super::{Node, StartError};

#[tokio::test]
async fn a_node_keeps_its_cluster_over_a_restart() {
    let node = TestNode::start(&[]).await;
    let cluster = node.node.cluster_id();
    assert!(cluster.is_some());
    let node = node.restarted().await;
    assert_eq!(node.node.cluster_id(), cluster);
}

#[tokio::test]
async fn a_directory_is_used_by_one_process_at_a_time() {
    let node = TestNode::start(&[]).await;
    let rival = Node::start(node.rival_options(&[])).await;
    assert!(matches!(rival.err(), Some(StartError::Directory(_))));
    // The first is not disturbed.
    node.client().await.create("t", 1, &[]).await;
}

#[tokio::test]
async fn a_directory_of_another_node_is_not_used() {
    let node = TestNode::start(&[]).await;
    let rival = node.rival_options(&["node.id=2"]);
    timeout(PATIENCE, node.node.shutdown())
        .await
        .expect("a stop in time")
        .unwrap();
    let refused = Node::start(rival)
        .await
        .err()
        .expect("it belongs to node 1");
    assert!(matches!(refused, StartError::OtherNode { .. }), "{refused}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_found_before_anything_is_touched() {
    let node = TestNode::start(&[]).await;
    let port = node.node.listeners()[0].1.port();
    let elsewhere = TestNode::options_on(port);
    let refused = Node::start(elsewhere.1)
        .await
        .err()
        .expect("the port is taken");
    assert!(matches!(refused, StartError::Listen { .. }), "{refused}");
    assert!(!elsewhere.0.path().join("data").exists());
}

#[tokio::test]
async fn restarts_lose_nothing_that_was_acknowledged() {
    let mut node = TestNode::start(&[]).await;
    node.client().await.create("t", 1, &[]).await;
    for round in 0..3 {
        let mut client = node.client().await;
        for place in 0..5 {
            let answer = client.produce("t", 0, batch(&["value"])).await;
            assert_eq!(answer.base_offset, round * 5 + place);
        }
        node = node.restarted().await;
    }
}
