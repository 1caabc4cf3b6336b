//! Nodes in this process that are one cluster, and what tests do with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use ottla_metadata::image::Topic;
use ottla_platform::net::{ListenOptions, Reserved};
use ottla_protocol::ErrorCode;
use ottla_replication::Partition;
use tokio::time::{Instant, sleep};

use super::testing::{PATIENCE, TestNode, batch, create_request, new_topic};

/// Ports that nobody listens on, below those that the system gives to outgoing connections; elsewhere in every
/// process.
pub(crate) async fn ports(count: usize) -> Vec<u16> {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    let mut ports = Vec::new();
    while ports.len() < count {
        let step = ASKED.fetch_add(1, Ordering::Relaxed);
        assert!(
            step < COUNT,
            "all {COUNT} ports from {FIRST} on were asked for"
        );
        let port = FIRST + start.wrapping_add(step) % COUNT;
        let port = u16::try_from(port).expect("the range ends below 65,536");
        let taken = Reserved::bind("127.0.0.1", port, ListenOptions::default()).await;
        ports.extend(taken.is_ok().then_some(port));
    }
    ports
}

/// Three nodes that found a cluster.
pub(crate) async fn three() -> Vec<TestNode> {
    three_with(|_| Vec::new()).await
}

/// Three nodes that found a cluster, with settings by number.
pub(crate) async fn three_with(settings: impl Fn(i32) -> Vec<String>) -> Vec<TestNode> {
    let ports = ports(3).await;
    let starting = (1..).zip(&ports).map(|(id, port)| {
        let (settings, seeds) = (settings(id), &ports);
        async move {
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            TestNode::start_among_with(id, *port, seeds, &settings).await
        }
    });
    join_all(starting).await
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Creates a topic with three replicas through this node.
pub(crate) async fn create_replicated(node: &TestNode, name: &str) {
    let request = create_request(vec![new_topic(name, 1, 3, &[])]);
    let response = node.client().await.ask(7, &request).await;
    assert_eq!(response.topics[0].error_code, 0, "{response:?}");
}

/// Produces through whichever node leads; where the record is.
pub(crate) async fn produce(nodes: &[TestNode], topic: &str, value: &str) -> i64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for node in nodes {
            let answer = node.client().await.produce(topic, 0, batch(&[value])).await;
            match ErrorCode::from_code(answer.error_code) {
                ErrorCode::None => return answer.base_offset,
                code => assert!(code.retriable(), "{code:?}"),
            }
        }
        assert!(Instant::now() < deadline, "nobody takes records");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A topic as a node knows it, once it does.
pub(crate) async fn topic(node: &TestNode, name: &str) -> Arc<Topic> {
    let find = || node.node.broker.images.current().topic(name).cloned();
    until("a topic is known", async || find().is_some()).await;
    find().expect("it was just found")
}

/// A node's replica of a topic's first partition, once it is open.
pub(crate) async fn replica(node: &TestNode, name: &str) -> Partition {
    let id = topic(node, name).await.id;
    let find = || node.node.broker.partitions.find(id, 0).ok();
    until("a replica is open", async || find().is_some()).await;
    find().expect("it was just found").partition
}

/// Which of the nodes leads a topic's first partition, as all of them know, and in which epoch.
pub(crate) async fn leader(nodes: &[TestNode], name: &str) -> (usize, i32) {
    let topic = topic(&nodes[0], name).await;
    let told = |node: &TestNode| {
        let leader = crate::leader::of(&node.node.broker, &topic, 0)?;
        Some((leader.node, leader.epoch))
    };
    let mut found = None;
    until("all nodes know who leads", async || {
        found = told(&nodes[0]);
        found.is_some() && nodes.iter().all(|node| told(node) == found)
    })
    .await;
    let (node, epoch) = found.expect("it was waited for");
    let at = nodes.iter().position(|it| it.id() == node);
    (at.expect("the leader is one of them"), epoch)
}

/// Has another node lead a topic's first partition; which, and in which epoch.
pub(crate) async fn move_leader(nodes: &[TestNode], name: &str) -> (usize, i32) {
    let (from, before) = leader(nodes, name).await;
    let to = (from + 1) % nodes.len();
    let heir = nodes[to].id();
    let partition = replica(&nodes[from], name).await;
    until("another leads", async || {
        partition.transfer_to(heir).await;
        leader(nodes, name).await.0 == to
    })
    .await;
    let (now, epoch) = leader(nodes, name).await;
    assert!(epoch > before, "a new leader has a new epoch");
    (now, epoch)
}
