//! DescribeCluster.

use ottla_protocol::messages::DescribeClusterRequest;

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestNode, name_of};

#[tokio::test]
async fn the_brokers_of_the_cluster_are_told() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    for version in 0..=2 {
        let request = DescribeClusterRequest::default()
            .with_include_cluster_authorized_operations(true)
            .with_include_fenced_brokers(version >= 2);
        let response = client.ask(version, &request).await;
        assert_eq!((response.error_code, response.endpoint_type), (0, 1));
        assert_eq!(
            Some(response.cluster_id.to_string()),
            node.node.cluster_id()
        );
        assert_eq!((response.controller_id.0, response.brokers.len()), (1, 1));
        let broker = &response.brokers[0];
        assert_eq!((broker.broker_id.0, broker.is_fenced), (1, false));
        assert_eq!(response.cluster_authorized_operations, 8096);
    }
}

#[tokio::test]
async fn controllers_are_not_described_here() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    for (endpoint_type, expected) in [
        (2, "MISMATCHED_ENDPOINT_TYPE"),
        (9, "UNSUPPORTED_ENDPOINT_TYPE"),
    ] {
        let request = DescribeClusterRequest::default().with_endpoint_type(endpoint_type);
        for version in [1, 2] {
            let response = client.ask(version, &request).await;
            assert_eq!(name_of(response.error_code), expected);
            assert!(response.error_message.is_some() && response.brokers.is_empty());
        }
    }
}

#[tokio::test]
async fn who_may_not_describe_the_cluster_may_do_nothing_to_it() {
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Describe]), &[]).await;
    let mut client = node.client().await;
    let request =
        DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    assert_eq!(
        client.ask(2, &request).await.cluster_authorized_operations,
        0
    );
}
