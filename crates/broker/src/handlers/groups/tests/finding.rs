//! Finding the coordinator, listing and describing groups.

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, ListGroupsRequest, StrBytes,
};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestNode, metadata_request, name_of, text};

fn one(key: &str, key_type: i8) -> FindCoordinatorRequest {
    FindCoordinatorRequest::default()
        .with_key(text(key))
        .with_key_type(key_type)
}

fn several(keys: &[&str]) -> FindCoordinatorRequest {
    FindCoordinatorRequest::default()
        .with_coordinator_keys(keys.iter().map(|key| text(key)).collect())
}

#[tokio::test]
async fn the_first_question_creates_the_topic_of_groups() {
    let node = TestNode::start(&["offsets.topic.num.partitions=3"]).await;
    let mut client = node.client().await;
    let port = i32::from(node.node.listeners()[0].1.port());
    for version in 0..=3 {
        let found = client.ask(version, &one("g", 0)).await;
        assert_eq!(
            (found.error_code, found.node_id.0, found.port),
            (0, 1, port)
        );
    }
    let found = client.ask(6, &several(&["a", "b"])).await;
    let keys: Vec<_> = found
        .coordinators
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    assert_eq!(keys, ["a", "b"]);
    assert!(found.coordinators.iter().all(|one| one.port == port));
    let request = metadata_request(Some(&["__consumer_offsets"]), false);
    let topic = client.ask(12, &request).await.topics.remove(0);
    assert_eq!((topic.partitions.len(), topic.is_internal), (3, true));
}

#[tokio::test]
async fn nobody_coordinates_share_groups_or_unknown_kinds() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    for kind in [2, 77] {
        let found = client.ask(3, &one("x", kind)).await;
        assert_eq!(name_of(found.error_code), "INVALID_REQUEST", "{kind}");
        assert_eq!(found.node_id.0, -1);
    }
}

#[tokio::test]
async fn who_may_not_describe_a_group_finds_nothing() {
    let gate = Gate::refusing(&[Operation::Describe]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    let found = client.ask(4, &several(&["g"])).await;
    let code = found.coordinators[0].error_code;
    assert_eq!(name_of(code), "GROUP_AUTHORIZATION_FAILED");
    let request = DescribeGroupsRequest::default().with_groups(vec![text("g").into()]);
    let described = client.ask(5, &request).await.groups.remove(0);
    assert_eq!(name_of(described.error_code), "GROUP_AUTHORIZATION_FAILED");
    let listed = client.ask(4, &ListGroupsRequest::default()).await;
    assert_eq!((listed.error_code, listed.groups.len()), (0, 0));
}

#[tokio::test]
async fn a_group_that_is_not_there_is_dead_or_not_found() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let request = DescribeGroupsRequest::default().with_groups(vec![text("g").into()]);
    let before = client.ask(5, &request).await.groups.remove(0);
    assert_eq!(before.error_code, ErrorCode::NotCoordinator.code());
    client.ask(3, &one("g", 0)).await;
    let old = client.ask(5, &request).await.groups.remove(0);
    assert_eq!((old.error_code, old.group_state.as_str()), (0, "Dead"));
    let new = client.ask(6, &request).await.groups.remove(0);
    assert_eq!(name_of(new.error_code), "GROUP_ID_NOT_FOUND");
    assert_eq!(new.authorized_operations, i32::MIN);
    let request = request.with_include_authorized_operations(true);
    let old = client.ask(5, &request).await.groups.remove(0);
    assert_eq!(old.authorized_operations, 3400);
    let new = client.ask(6, &request).await.groups.remove(0);
    assert_eq!(new.authorized_operations, i32::MIN);
}

#[tokio::test]
async fn without_groups_none_are_listed() {
    let node = TestNode::start(&[]).await;
    let request =
        ListGroupsRequest::default().with_states_filter(vec![StrBytes::from_static_str("Stable")]);
    let listed = node.client().await.ask(5, &request).await;
    assert_eq!((listed.error_code, listed.groups.len()), (0, 0));
}
