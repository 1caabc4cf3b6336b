//! Committing, reading and deleting offsets, and deleting groups.

use ottla_protocol::messages::delete_groups::DeleteGroupsRequest;
use ottla_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use ottla_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use ottla_protocol::messages::{
    FindCoordinatorRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
    offset_commit_request, offset_fetch_request,
};
use uuid::Uuid;

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, name_of, text, topic_name};

const SETTINGS: &[&str] = &["offsets.topic.num.partitions=2"];

async fn node() -> (TestNode, Uuid) {
    let node = TestNode::start(SETTINGS).await;
    let mut client = node.client().await;
    let request = FindCoordinatorRequest::default().with_key(text("g"));
    assert_eq!(client.ask(3, &request).await.error_code, 0);
    let id = client.create("t", 2, &[]).await;
    (node, id)
}

/// A commit of a consumer without members, for a topic by name and id.
pub(super) fn commit(topic: &str, id: Uuid, partition: i32, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset)
        .with_committed_metadata(Some(text("note")));
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name(topic))
        .with_topic_id(id)
        .with_partitions(vec![partition]);
    OffsetCommitRequest(
        offset_commit_request::OffsetCommitRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic]),
    )
}

async fn committed(
    client: &mut TestClient,
    version: i16,
    request: &OffsetCommitRequest,
) -> &'static str {
    let response = client.ask(version, request).await;
    name_of(response.topics[0].partitions[0].error_code)
}

/// Offset of a partition of `t`, by name.
async fn fetched(client: &mut TestClient, version: i16, partition: i32) -> i64 {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(topic_name("t"))
        .with_partition_indexes(vec![partition]);
    let request = offset_fetch_request::OffsetFetchRequest::default()
        .with_group_id(text("g").into())
        .with_topics(Some(vec![topic]));
    let response = client.ask(version, &OffsetFetchRequest(request)).await;
    assert_eq!(response.error_code, 0);
    response.topics[0].partitions[0].committed_offset
}

#[tokio::test]
async fn offsets_are_kept_over_restarts_in_every_version() {
    let (mut node, id) = node().await;
    for version in 2..=10 {
        let mut client = node.client().await;
        let request = commit("t", id, 0, i64::from(version));
        assert_eq!(committed(&mut client, version, &request).await, "NONE");
        if version % 4 == 0 {
            node = node.restarted().await;
            client = node.client().await;
        }
        assert_eq!(
            fetched(&mut client, 1 + version % 7, 0).await,
            i64::from(version)
        );
        assert_eq!(fetched(&mut client, 7, 1).await, -1);
    }
}

#[tokio::test]
async fn several_groups_and_all_topics_are_fetched() {
    let (node, id) = node().await;
    let mut client = node.client().await;
    assert_eq!(
        committed(&mut client, 9, &commit("t", id, 1, 5)).await,
        "NONE"
    );
    let group = OffsetFetchRequestGroup::default().with_group_id(text("g").into());
    let named = OffsetFetchRequestTopics::default()
        .with_name(topic_name("t"))
        .with_topic_id(id)
        .with_partition_indexes(vec![0, 1]);
    let all = group.clone().with_topics(None);
    let some = group.clone().with_topics(Some(vec![named]));
    let nobody = OffsetFetchRequestGroup::default()
        .with_group_id(text("nobody").into())
        .with_topics(None);
    let request =
        offset_fetch_request::OffsetFetchRequest::default().with_groups(vec![all, some, nobody]);
    for version in 8..=10 {
        let response = client
            .ask(version, &OffsetFetchRequest(request.clone()))
            .await;
        let [all, some, nobody] = &response.groups[..] else {
            panic!("{response:?}")
        };
        assert_eq!(all.topics[0].partitions.len(), 1);
        assert_eq!(all.topics[0].partitions[0].committed_offset, 5);
        let offsets = some.topics[0].partitions.iter();
        let offsets: Vec<_> = offsets.map(|one| one.committed_offset).collect();
        assert_eq!(offsets, [-1, 5]);
        assert_eq!((nobody.error_code, nobody.topics.len()), (0, 0));
        let by_id = version == 10;
        assert_eq!(all.topics[0].topic_id == id, by_id);
        assert_eq!(all.topics[0].name.is_empty(), by_id);
    }
}

#[tokio::test]
async fn what_cannot_be_committed_says_why() {
    let (node, id) = node().await;
    let mut client = node.client().await;
    let unknown = Uuid::from_u128(77);
    for (version, request, expected) in [
        (9, commit("no-such", id, 0, 1), "UNKNOWN_TOPIC_OR_PARTITION"),
        (9, commit("t", id, 2, 1), "UNKNOWN_TOPIC_OR_PARTITION"),
        (9, commit("t", id, -1, 1), "UNKNOWN_TOPIC_OR_PARTITION"),
        (10, commit("t", unknown, 0, 1), "UNKNOWN_TOPIC_ID"),
        (10, commit("t", id, 2, 1), "UNKNOWN_TOPIC_OR_PARTITION"),
    ] {
        assert_eq!(committed(&mut client, version, &request).await, expected);
    }
    let mut member = commit("t", id, 0, 1);
    member.0.generation_id_or_member_epoch = 3;
    member.0.member_id = text("somebody");
    assert_eq!(
        committed(&mut client, 8, &member).await,
        "ILLEGAL_GENERATION"
    );
    assert_eq!(
        committed(&mut client, 9, &member).await,
        "GROUP_ID_NOT_FOUND"
    );
}

#[tokio::test]
async fn offsets_and_groups_are_deleted() {
    let (node, id) = node().await;
    let mut client = node.client().await;
    for partition in [0, 1] {
        let request = commit("t", id, partition, 1);
        assert_eq!(committed(&mut client, 9, &request).await, "NONE");
    }
    let partitions =
        [0, 9].map(|number| OffsetDeleteRequestPartition::default().with_partition_index(number));
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(partitions.to_vec());
    let request = OffsetDeleteRequest::default()
        .with_group_id(text("g").into())
        .with_topics(vec![topic]);
    let response = client.ask(0, &request).await;
    let mut codes: Vec<_> = response.topics[0]
        .partitions
        .iter()
        .map(|one| (one.partition_index, name_of(one.error_code)))
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [(0, "NONE"), (9, "UNKNOWN_TOPIC_OR_PARTITION")]);
    assert_eq!(fetched(&mut client, 5, 0).await, -1);
    assert_eq!(fetched(&mut client, 5, 1).await, 1);

    let names = [text("g").into(), text("nobody").into()];
    let mut request = DeleteGroupsRequest::default();
    request.groups_names.extend(names);
    let response = client.ask(3, &request).await;
    let codes: Vec<_> = response
        .results
        .iter()
        .map(|one| name_of(one.error_code))
        .collect();
    assert_eq!(codes, ["NONE", "GROUP_ID_NOT_FOUND"]);
    assert_eq!(fetched(&mut client, 5, 1).await, -1);
}

#[tokio::test]
async fn a_group_that_is_not_there_is_named_before_topics_that_are_not() {
    let (node, _) = node().await;
    let mut client = node.client().await;
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(topic_name("nowhere"))
        .with_partitions(vec![OffsetDeleteRequestPartition::default()]);
    let request = OffsetDeleteRequest::default()
        .with_group_id(text("nobody").into())
        .with_topics(vec![topic]);
    let response = client.ask(0, &request).await;
    assert_eq!(name_of(response.error_code), "GROUP_ID_NOT_FOUND");
    assert!(response.topics.is_empty());
}

#[tokio::test]
async fn offsets_of_deleted_topics_are_forgotten() {
    let (node, id) = node().await;
    let mut client = node.client().await;
    assert_eq!(
        committed(&mut client, 9, &commit("t", id, 0, 5)).await,
        "NONE"
    );
    client.delete("t").await;
    client.create("t", 2, &[]).await;
    // The groups hear of the deletion, they are not waited for.
    for _ in 0..100 {
        if fetched(&mut client, 5, 0).await == -1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the offset is still there");
}

#[tokio::test]
async fn who_may_not_read_commits_nothing() {
    let gate = Gate::refusing(&[Operation::Read]);
    let node = TestNode::start_behind(gate, SETTINGS).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    let request = commit("t", id, 0, 1);
    let refused = committed(&mut client, 9, &request).await;
    assert_eq!(refused, "GROUP_AUTHORIZATION_FAILED");
}
