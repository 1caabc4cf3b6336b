//! Joining, syncing, heartbeats and leaving, over restarts.

use bytes::Bytes;
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::leave_group_request::MemberIdentity;
use ottla_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla_protocol::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, ListGroupsRequest, StrBytes, SyncGroupRequest,
};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, name_of, text};

const SETTINGS: &[&str] = &[
    "group.initial.rebalance.delay.ms=0",
    "offsets.topic.num.partitions=2",
];

async fn node() -> TestNode {
    let node = TestNode::start(SETTINGS).await;
    find(&mut node.client().await).await;
    node
}

async fn find(client: &mut TestClient) {
    let request = FindCoordinatorRequest::default().with_key(text("g"));
    assert_eq!(client.ask(3, &request).await.error_code, 0);
}

fn join_request(member_id: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(b"subscription"));
    JoinGroupRequest::default()
        .with_group_id(text("g").into())
        .with_member_id(text(member_id))
        .with_protocol_type(text("consumer"))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocols(vec![protocol])
}

/// Joins as a client does: asks for an id first.
async fn join(client: &mut TestClient) -> JoinGroupResponse {
    let first = client.ask(9, &join_request("")).await;
    assert_eq!(name_of(first.error_code), "MEMBER_ID_REQUIRED");
    let member = client.ask(9, &join_request(&first.member_id)).await;
    assert_eq!(member.error_code, 0, "{member:?}");
    member
}

fn sync_request(member: &JoinGroupResponse, assignment: &'static [u8]) -> SyncGroupRequest {
    let assignment = SyncGroupRequestAssignment::default()
        .with_member_id(member.member_id.clone())
        .with_assignment(Bytes::from_static(assignment));
    SyncGroupRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id(member.generation_id)
        .with_member_id(member.member_id.clone())
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text("range")))
        .with_assignments(vec![assignment])
}

fn heartbeat_request(member_id: &StrBytes, generation: i32) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(text("g").into())
        .with_member_id(member_id.clone())
        .with_generation_id(generation)
}

#[tokio::test]
async fn a_member_joins_is_assigned_lives_and_leaves() {
    let node = node().await;
    let mut client = node.client().await;
    let member = join(&mut client).await;
    assert_eq!(
        (member.generation_id, &member.leader),
        (1, &member.member_id)
    );
    assert_eq!(member.protocol_name.as_deref(), Some("range"));
    assert_eq!(member.members[0].metadata, "subscription");
    let synced = client.ask(5, &sync_request(&member, b"all")).await;
    assert_eq!(
        (synced.error_code, &synced.assignment[..]),
        (0, &b"all"[..])
    );
    let beat = client
        .ask(4, &heartbeat_request(&member.member_id, 1))
        .await;
    assert_eq!(beat.error_code, 0);

    let request = DescribeGroupsRequest::default().with_groups(vec![text("g").into()]);
    let group = client.ask(5, &request).await.groups.remove(0);
    assert_eq!(group.group_state.as_str(), "Stable");
    assert_eq!(group.members[0].client_id.as_str(), "test");
    assert_eq!(group.members[0].client_host.as_str(), "/127.0.0.1");
    assert_eq!(group.members[0].member_assignment, "all");
    let listed = client.ask(5, &ListGroupsRequest::default()).await.groups;
    assert_eq!(
        (listed.len(), listed[0].group_state.as_str()),
        (1, "Stable")
    );

    let leaving = MemberIdentity::default().with_member_id(member.member_id.clone());
    let request = LeaveGroupRequest::default()
        .with_group_id(text("g").into())
        .with_members(vec![leaving]);
    let left = client.ask(5, &request).await;
    assert_eq!((left.error_code, left.members[0].error_code), (0, 0));
    let beat = client
        .ask(4, &heartbeat_request(&member.member_id, 1))
        .await;
    assert_eq!(name_of(beat.error_code), "UNKNOWN_MEMBER_ID");
    let request = request
        .with_members(Vec::new())
        .with_member_id(member.member_id);
    let left = client.ask(1, &request).await;
    assert_eq!(name_of(left.error_code), "UNKNOWN_MEMBER_ID");
}

#[tokio::test]
async fn members_go_on_after_a_restart() {
    let node = node().await;
    let mut client = node.client().await;
    let member = join(&mut client).await;
    let synced = client.ask(5, &sync_request(&member, b"all")).await;
    assert_eq!(synced.error_code, 0);
    let node = node.restarted().await;
    let mut client = node.client().await;
    let beat = client
        .ask(4, &heartbeat_request(&member.member_id, 1))
        .await;
    assert_eq!(beat.error_code, 0);
    let stale = client
        .ask(4, &heartbeat_request(&member.member_id, 0))
        .await;
    assert_eq!(name_of(stale.error_code), "ILLEGAL_GENERATION");
    let synced = client.ask(3, &sync_request(&member, b"")).await;
    assert_eq!(synced.assignment, "all");
}

#[tokio::test]
async fn old_versions_join_without_asking_for_an_id() {
    let node = node().await;
    let mut client = node.client().await;
    for version in [0, 3] {
        let member = client.ask(version, &join_request("")).await;
        assert_eq!(member.error_code, 0, "{version}: {member:?}");
        let request = LeaveGroupRequest::default()
            .with_group_id(text("g").into())
            .with_member_id(member.member_id);
        assert_eq!(client.ask(0, &request).await.error_code, 0);
    }
    let refused = client.ask(6, &join_request("no-such-member")).await;
    assert_eq!(name_of(refused.error_code), "UNKNOWN_MEMBER_ID");
    assert_eq!(
        (refused.generation_id, refused.protocol_name.as_deref()),
        (-1, Some(""))
    );
    let refused = client.ask(9, &join_request("no-such-member")).await;
    assert_eq!(refused.protocol_name, None);
}

#[tokio::test]
async fn a_sync_must_say_its_protocol_from_version_5_on() {
    let node = node().await;
    let mut client = node.client().await;
    let member = join(&mut client).await;
    let request = sync_request(&member, b"all").with_protocol_name(None);
    let refused = client.ask(5, &request).await;
    assert_eq!(name_of(refused.error_code), "INCONSISTENT_GROUP_PROTOCOL");
    assert_eq!(client.ask(4, &request).await.error_code, 0);
}

#[tokio::test]
async fn who_may_not_read_a_group_is_no_member() {
    let gate = Gate::refusing(&[Operation::Read]);
    let node = TestNode::start_behind(gate, SETTINGS).await;
    let mut client = node.client().await;
    const REFUSED: &str = "GROUP_AUTHORIZATION_FAILED";
    let joined = client.ask(9, &join_request("")).await;
    assert_eq!(name_of(joined.error_code), REFUSED);
    let synced = client.ask(5, &sync_request(&joined, b"")).await;
    assert_eq!(name_of(synced.error_code), "GROUP_AUTHORIZATION_FAILED");
    let beat = client.ask(4, &heartbeat_request(&text("m"), 1)).await;
    assert_eq!(name_of(beat.error_code), REFUSED);
    let request = LeaveGroupRequest::default().with_group_id(text("g").into());
    assert_eq!(name_of(client.ask(5, &request).await.error_code), REFUSED);
}
