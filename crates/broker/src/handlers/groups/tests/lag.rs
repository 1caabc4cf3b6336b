//! How far groups are behind, as the metrics tell it.

use std::time::Duration;

use ottla_protocol::messages::FindCoordinatorRequest;

use super::offsets::commit;
use crate::metrics::exposition::parse;
use crate::node::testing::{TestNode, batch, text};

/// What the page says of one series, if it is there.
fn value(node: &TestNode, series: &str) -> Option<f64> {
    let samples = parse(&node.metrics());
    let found = samples.iter().find(|(name, _)| name == series)?;
    Some(found.1)
}

async fn until(node: &TestNode, series: &str, expected: Option<f64>) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while value(node, series) != expected {
        assert!(tokio::time::Instant::now() < deadline, "{}", node.metrics());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_metrics_tell_how_far_groups_are_behind_and_list_only_so_many() {
    let settings = [
        "offsets.topic.num.partitions=2",
        "ottla.group.lag.interval.ms=100",
        "ottla.group.lag.listed.max=2",
    ];
    let node = TestNode::start(&settings).await;
    let mut client = node.client().await;
    let request = FindCoordinatorRequest::default().with_key(text("g"));
    assert_eq!(client.ask(3, &request).await.error_code, 0);
    let id = client.create("t", 3, &[]).await;
    for (partition, values) in [&["a", "b", "c"][..], &["a", "b"], &["a"]]
        .iter()
        .enumerate()
    {
        let partition = i32::try_from(partition).unwrap();
        client.produce("t", partition, batch(values)).await;
        let committed = client.ask(9, &commit("t", id, partition, 1)).await;
        assert_eq!(committed.topics[0].partitions[0].error_code, 0);
    }
    let of = |name: &str, partition: i32| {
        format!("ottla_group_lag_{name}{{group=\"g\",topic=\"t\",partition=\"{partition}\"}}")
    };
    until(&node, &of("records", 0), Some(2.0)).await;
    until(&node, &of("records", 1), Some(1.0)).await;
    // The smallest lag, none at all, is the one that is left out.
    until(&node, "ottla_group_lags_unlisted", Some(1.0)).await;
    assert_eq!(value(&node, &of("records", 2)), None);
    assert!(value(&node, &of("seconds", 0)).unwrap() < 3600.0);
    client.ask(9, &commit("t", id, 0, 3)).await;
    until(&node, &of("records", 0), Some(0.0)).await;
    assert_eq!(value(&node, &of("seconds", 0)), Some(0.0));
}
