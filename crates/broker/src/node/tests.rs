//! Starting, stopping and starting again.

use std::path::Path;
use std::time::Duration;

use ottla_protocol::NodeId;
use tempfile::TempDir;
use tokio::time::timeout;

use super::test_cluster::{create_replicated, produce, three};
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
    let options = node.rival_options(&[]);
    let identity = options.config.data_dir.join("meta.properties");
    let before = std::fs::read(&identity).unwrap();
    let rival = Node::start(options).await;
    assert!(matches!(rival.err(), Some(StartError::Directory(_))));
    // The first is not disturbed, and its directory not touched.
    assert_eq!(std::fs::read(&identity).unwrap(), before);
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
async fn an_empty_host_is_every_address() {
    let node = TestNode::start_listening(&[":0"], &[]).await;
    let port = node.node.listeners()[0].1.port();
    let connected = ottla_platform::net::connect("127.0.0.1", port).await;
    assert!(connected.is_ok(), "{connected:?}");
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

#[tokio::test]
async fn a_log_whose_deletion_was_cut_short_does_not_stand_in_the_way() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    client.produce("t", 0, batch(&["old"])).await;
    let mut saved = None;
    let node = node
        .restarted_after(|data| {
            let copy = data.join("saved");
            copy_all(&data.join("t-0"), &copy);
            saved = Some(copy);
        })
        .await;
    node.client().await.delete("t").await;
    let node = node
        .restarted_after(|data| std::fs::rename(saved.unwrap(), data.join("t-0")).unwrap())
        .await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let answer = client.produce("t", 0, batch(&["new"])).await;
    assert_eq!((answer.error_code, answer.base_offset), (0, 0));
    let node = node
        .restarted_after(|data| {
            let names = std::fs::read_dir(data)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let kept: Vec<_> = names.filter(|name| name.ends_with("-stray")).collect();
            assert_eq!(kept.len(), 1, "{kept:?}");
        })
        .await;
    let answer = node.client().await.produce("t", 0, batch(&["newer"])).await;
    assert_eq!((answer.error_code, answer.base_offset), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_on_an_older_copy_of_its_directory_is_sent_away() {
    let mut nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    assert_eq!(produce(&nodes, "t", "a").await, 0);
    let copies = TempDir::new().unwrap();
    let copy = copies.path().join("copy");
    let third = nodes
        .remove(2)
        .restarted_after(|data| copy_all(data, &copy));
    nodes.push(third.await);
    assert_eq!(produce(&nodes, "t", "b").await, 1);
    let (options, directory) = nodes.remove(2).stopped().await;
    let data = directory.path().join("data");
    std::fs::rename(&data, directory.path().join("kept")).unwrap();
    copy_all(&copy, &data);
    let starting = timeout(Duration::from_secs(3), Node::start(options)).await;
    assert!(starting.is_err(), "it is not taken back");
    for node in &nodes {
        let third = NodeId(3);
        assert!(!node.node.broker.peers.connected().contains(&third));
    }
    assert_eq!(produce(&nodes, "t", "c").await, 2);
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_all(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
