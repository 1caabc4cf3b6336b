//! Groups and their offsets, against a broker with a script.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::delete_groups::DeletableGroupResult;
use ottla_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use ottla_protocol::messages::find_coordinator_response::Coordinator;
use ottla_protocol::messages::list_groups_response::ListedGroup;
use ottla_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use ottla_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use ottla_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use ottla_protocol::messages::{
    BrokerId, DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest,
    DescribeGroupsResponse, FindCoordinatorRequest, FindCoordinatorResponse, GroupId,
    ListGroupsRequest, ListGroupsResponse, MetadataRequest, OffsetCommitRequest,
    OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequest,
    OffsetFetchResponse, TopicName,
};

use crate::admin::CommittedOffset;
use crate::client::Client;
use crate::config::ClientConfig;
use crate::fake::answers::metadata;
use crate::fake::broker::{Answer, FakeBroker};
use crate::fake::peer::Received;
use crate::partition::TopicPartition;
use crate::wire::text;

type Apis = &'static [(i16, i16, i16)];

const NEW: Apis = &[
    (3, 0, 12),
    (8, 2, 10),
    (9, 1, 10),
    (10, 0, 6),
    (15, 0, 6),
    (16, 0, 5),
    (18, 0, 4),
    (42, 0, 3),
    (47, 0, 0),
];
const OLD: Apis = &[
    (3, 0, 5),
    (8, 2, 5),
    (9, 1, 5),
    (10, 0, 2),
    (15, 0, 5),
    (16, 0, 2),
    (18, 0, 2),
    (42, 0, 1),
];

/// A cluster of one broker that coordinates every group and leaves everything else to the script.
async fn coordinating(
    apis: Apis,
    script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> (FakeBroker, Client) {
    let (listener, address) = FakeBroker::listener().await;
    let own = address.clone();
    let broker = FakeBroker::start(listener, apis, move |request| {
        if request.is::<MetadataRequest>() {
            let response = metadata(&[(1, own.clone())], vec![]);
            return Answer::Frame(request.answer::<MetadataRequest>(&response));
        }
        if !request.is::<FindCoordinatorRequest>() {
            return script(request);
        }
        let (_, body) = request.body::<FindCoordinatorRequest>();
        let coordinators = body.coordinator_keys.into_iter().map(|key| {
            Coordinator::default()
                .with_key(key)
                .with_node_id(BrokerId(1))
                .with_host(text(&own.host))
                .with_port(own.port.into())
        });
        let response = match request.version {
            4.. => FindCoordinatorResponse::default().with_coordinators(coordinators.collect()),
            _ => FindCoordinatorResponse::default()
                .with_node_id(BrokerId(1))
                .with_host(text(&own.host))
                .with_port(own.port.into()),
        };
        Answer::Frame(request.answer::<FindCoordinatorRequest>(&response))
    });
    let mut config = ClientConfig::new(vec![address]);
    config.backoff.first = std::time::Duration::from_millis(1);
    (broker, Client::connect(config).await.unwrap())
}

#[tokio::test]
async fn groups_are_listed_in_order_and_filtered_here_where_brokers_cannot() {
    let script = |request: &Received| {
        let (_, body) = request.body::<ListGroupsRequest>();
        assert!(body.states_filter.is_empty() == (request.version < 4));
        let group = |id: &str, state: &str| {
            ListedGroup::default()
                .with_group_id(GroupId(text(id)))
                .with_group_state(text(state))
        };
        let groups = match request.version {
            // Old brokers tell no states.
            ..4 => vec![group("b", ""), group("a", "")],
            _ => vec![
                group("b", "Empty"),
                group("c", "Stable"),
                group("a", "Empty"),
            ],
        };
        let response = ListGroupsResponse::default().with_groups(groups);
        Answer::Frame(request.answer::<ListGroupsRequest>(&response))
    };
    for apis in [NEW, OLD] {
        let (_broker, client) = coordinating(apis, script).await;
        let states = ["empty".to_owned()];
        let listed = client.admin().list_groups(&states).await.unwrap();
        let ids: Vec<&str> = listed.iter().map(|group| group.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_coordinator_that_moved_or_loads_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let (_broker, client) = coordinating(NEW, move |request| {
        let code = match counter.fetch_add(1, Ordering::Relaxed) {
            0 => ErrorCode::NotCoordinator,
            1 => ErrorCode::CoordinatorLoadInProgress,
            2 => ErrorCode::CoordinatorNotAvailable,
            _ => ErrorCode::None,
        };
        let member = DescribedGroupMember::default()
            .with_member_id(text("m"))
            .with_member_assignment(Bytes::from_static(&[
                0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff,
            ]));
        let group = DescribedGroup::default()
            .with_error_code(code.code())
            .with_group_state(text("Stable"))
            .with_protocol_type(text("consumer"))
            .with_members(vec![member]);
        let response = DescribeGroupsResponse::default().with_groups(vec![group]);
        Answer::Frame(request.answer::<DescribeGroupsRequest>(&response))
    })
    .await;
    let described = client.admin().describe_group("g").await.unwrap();
    assert_eq!(described.members[0].assigned, [TopicPartition::new("t", 7)]);
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_group_that_is_not_there_is_told_so_by_old_and_new_brokers() {
    for apis in [NEW, OLD] {
        let (_broker, client) = coordinating(apis, |request| {
            let group = DescribedGroup::default();
            let group = match request.version {
                6.. => group.with_error_code(ErrorCode::GroupIdNotFound.code()),
                _ => group.with_group_state(text("Dead")),
            };
            let response = DescribeGroupsResponse::default().with_groups(vec![group]);
            Answer::Frame(request.answer::<DescribeGroupsRequest>(&response))
        })
        .await;
        let error = client.admin().describe_group("g").await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::GroupIdNotFound));
    }
}

#[tokio::test]
async fn each_deleted_group_has_its_own_outcome() {
    let (_broker, client) = coordinating(NEW, |request| {
        let (_, body) = request.body::<DeleteGroupsRequest>();
        let results = body.groups_names.iter().map(|name| DeletableGroupResult {
            group_id: name.clone(),
            error_code: match name.0.as_str() {
                "busy" => ErrorCode::NonEmptyGroup.code(),
                _ => 0,
            },
            ..DeletableGroupResult::default()
        });
        let response = DeleteGroupsResponse {
            results: results.collect(),
            ..DeleteGroupsResponse::default()
        };
        Answer::Frame(request.answer::<DeleteGroupsRequest>(&response))
    })
    .await;
    let outcomes = client.admin().delete_groups(&["busy", "idle"]).await;
    let codes: Vec<Option<ErrorCode>> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().and_then(|error| error.code()))
        .collect();
    assert_eq!(codes, [Some(ErrorCode::NonEmptyGroup), None]);
}

/// Committed 5 in partition 0, nothing in partition 1, and an error in partition 2.
fn fetched(request: &Received) -> Answer {
    assert!(request.version <= 9, "topics have names there");
    let told = [
        (0, 5, 0),
        (1, -1, 0),
        (2, -1, ErrorCode::UnstableOffsetCommit.code()),
    ];
    let response = if request.version < 8 {
        let partitions = told.map(|(index, offset, code)| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
                .with_error_code(code)
        });
        let topic = OffsetFetchResponseTopic::default()
            .with_name(TopicName(text("t")))
            .with_partitions(partitions.to_vec());
        OffsetFetchResponse::default().with_topics(vec![topic])
    } else {
        let partitions = told.map(|(index, offset, code)| {
            OffsetFetchResponsePartitions::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
                .with_error_code(code)
        });
        let topic = OffsetFetchResponseTopics::default()
            .with_name(TopicName(text("t")))
            .with_partitions(partitions.to_vec());
        let group = OffsetFetchResponseGroup::default().with_topics(vec![topic]);
        OffsetFetchResponse::default().with_groups(vec![group])
    };
    Answer::Frame(request.answer::<OffsetFetchRequest>(&response))
}

#[tokio::test]
async fn committed_offsets_are_read_from_old_and_new_brokers() {
    for apis in [NEW, OLD] {
        let (_broker, client) = coordinating(apis, fetched).await;
        let offsets = client.admin().group_offsets("g").await.unwrap();
        let numbers: Vec<i32> = offsets.keys().map(|name| name.partition).collect();
        assert_eq!(numbers, [0, 2]);
        assert_eq!(
            offsets[&TopicPartition::new("t", 0)]
                .as_ref()
                .unwrap()
                .offset,
            5
        );
    }
}

#[tokio::test]
async fn offsets_are_committed_once_the_coordinator_is_ready() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let (_broker, client) = coordinating(NEW, move |request| {
        let turn = counter.fetch_add(1, Ordering::Relaxed);
        let (_, body) = request.body::<OffsetCommitRequest>();
        let topics = body.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                let code = match (turn, partition.partition_index) {
                    (0, _) => ErrorCode::NotCoordinator,
                    (_, 1) => ErrorCode::OffsetMetadataTooLarge,
                    _ => ErrorCode::None,
                };
                OffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(code.code())
            });
            OffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        let response = OffsetCommitResponse::default().with_topics(topics.collect());
        Answer::Frame(request.answer::<OffsetCommitRequest>(&response))
    })
    .await;
    let offsets: BTreeMap<TopicPartition, CommittedOffset> = (0..2)
        .map(|number| (TopicPartition::new("t", number), CommittedOffset::new(3)))
        .collect();
    let admin = client.admin();
    let outcomes = admin.commit_group_offsets("g", &offsets).await.unwrap();
    assert!(outcomes[&TopicPartition::new("t", 0)].is_ok());
    assert!(outcomes[&TopicPartition::new("t", 1)].is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn offsets_are_deleted_per_partition() {
    let (_broker, client) = coordinating(NEW, |request| {
        let (_, body) = request.body::<OffsetDeleteRequest>();
        let topics = body.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                OffsetDeleteResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(ErrorCode::GroupSubscribedToTopic.code())
            });
            OffsetDeleteResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        let response = OffsetDeleteResponse::default().with_topics(topics.collect());
        Answer::Frame(request.answer::<OffsetDeleteRequest>(&response))
    })
    .await;
    let named = [TopicPartition::new("t", 4)];
    let admin = client.admin();
    let outcomes = admin.delete_group_offsets("g", &named).await.unwrap();
    let error = outcomes[&named[0]].as_ref().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::GroupSubscribedToTopic));
}
