//! Replicas that are brought up to date no faster than the brokers' quotas of replication allow.

use std::time::Duration;

use ottla_protocol::messages::IncrementalAlterConfigsRequest;
use ottla_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use tokio::time::sleep;

use super::cluster_tests::reassign;
use super::test_cluster::{create_replicated, leader, produce, replica, three, until};
use super::testing::{TestNode, create_request, name_of, new_topic, text};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Sets a config.
async fn set(node: &TestNode, kind: i8, name: &str, key: &str, value: &str) -> &'static str {
    let config = AlterableConfig::default()
        .with_name(text(key))
        .with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let response = node.client().await.ask(1, &request).await;
    name_of(response.responses[0].error_code)
}

/// A topic with two replicas in sync gets a third, for which nothing may be sent on this side until a
/// rate is given.
async fn check_side(side: &str, throttled: impl Fn(i32, i32) -> String) {
    let nodes = three().await;
    let request = create_request(vec![new_topic("t", 1, 2, &[])]);
    let response = nodes[0].client().await.ask(7, &request).await;
    assert_eq!(response.topics[0].error_code, 0, "{response:?}");
    assert_eq!(produce(&nodes, "t", "a").await, 0);
    let topic = nodes[0].node.broker.images.current();
    let mut replicas: Vec<i32> = topic.topic("t").unwrap().partitions[0]
        .replicas
        .iter()
        .map(|it| it.0)
        .collect();
    let added = (1..=3).find(|id| !replicas.contains(id)).unwrap();
    let rate = format!("{side}.replication.throttled.rate");
    assert_eq!(set(&nodes[0], BROKER, "", &rate, "0").await, "NONE");
    let (led_by, _) = leader(&nodes, "t").await;
    let named = throttled(nodes[led_by].id().0, added);
    let key = format!("{side}.replication.throttled.replicas");
    assert_eq!(set(&nodes[0], TOPIC, "t", &key, &named).await, "NONE");
    replicas.push(added);
    assert_eq!(name_of(reassign(&nodes[0], "t", &replicas).await), "NONE");
    let newcomer = replica(&nodes[usize::try_from(added).unwrap() - 1], "t").await;
    // Those in sync are not held up.
    assert_eq!(produce(&nodes, "t", "b").await, 1);
    sleep(Duration::from_millis(500)).await;
    assert_eq!(newcomer.watermarks().log_end_offset, 0, "{side}");
    let is_moving = |node: &TestNode| node.node.broker.images.current().moving().count() > 0;
    assert!(is_moving(&nodes[0]), "{side}");
    assert_eq!(set(&nodes[0], BROKER, "", &rate, "1000000").await, "NONE");
    until("the new replica is in sync", async || {
        nodes.iter().all(|node| !is_moving(node))
    })
    .await;
    until("it has all", async || {
        newcomer.watermarks().log_end_offset == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_sends_no_more_than_its_quota_to_who_does_not_keep_up() {
    check_side("leader", |leader, _| format!("0:{leader}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_does_not_keep_up_takes_no_more_than_its_quota() {
    check_side("follower", |_, added| format!("0:{added}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_do_not_hold_up_who_keeps_up() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    for side in ["leader", "follower"] {
        let rate = format!("{side}.replication.throttled.rate");
        assert_eq!(set(&nodes[0], BROKER, "", &rate, "0").await, "NONE");
        let key = format!("{side}.replication.throttled.replicas");
        assert_eq!(set(&nodes[0], TOPIC, "t", &key, "*").await, "NONE");
        assert_eq!(
            set(&nodes[0], BROKER, "1", &rate, "-1").await,
            "INVALID_REQUEST"
        );
    }
    for number in 0..10 {
        assert_eq!(produce(&nodes, "t", "a").await, number);
    }
    for node in &nodes {
        let replica = replica(node, "t").await;
        until("each has all", async || {
            replica.watermarks().log_end_offset == 10
        })
        .await;
    }
}
