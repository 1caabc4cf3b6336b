//! What becomes of a node, and of what it led, when its disk fails it.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use ottla_platform::sim::SimDisk;
use tokio::time::timeout;

use super::handing_over::HAND_OVER_MAX;
use super::test_cluster::{create_replicated, leader, move_leader, ports, produce};
use super::testing::{TestNode, batch};

/// Three nodes, the first on a disk that can be told to fail.
async fn three_on(disk: &SimDisk) -> Vec<TestNode> {
    let ports = ports(3).await;
    let on = Arc::new(disk.clone());
    let starting: [BoxFuture<'_, TestNode>; 3] = [
        TestNode::start_among_on(on, 1, ports[0], &ports, &[]).boxed(),
        TestNode::start_among(2, ports[1], &ports).boxed(),
        TestNode::start_among(3, ports[2], &ports).boxed(),
    ];
    join_all(starting).await
}

/// Nobody could agree with it on a successor.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_write_hands_nothing_over_and_is_followed_by_others() {
    let disk = SimDisk::new(1);
    let mut nodes = three_on(&disk).await;
    create_replicated(&nodes[1], "orders").await;
    while leader(&nodes, "orders").await.0 != 0 {
        move_leader(&nodes, "orders").await;
    }
    let first = produce(&nodes, "orders", "before").await;

    disk.set_faults(|faults| faults.sync_fails_after = Some(0));
    let failing = nodes.remove(0);
    let mut client = failing.client().await;
    tokio::spawn(async move { client.produce("orders", 0, batch(&["lost"])).await });
    failing.node.failed().await;
    let stopping = timeout(HAND_OVER_MAX, failing.node.shutdown());
    let stopped = stopping.await.expect("it waits for no successor");
    assert!(stopped.is_err(), "its logs cannot be closed in order");
    assert!(produce(&nodes, "orders", "after").await > first);
}
