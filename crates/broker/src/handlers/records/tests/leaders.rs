//! Leader epochs, and what clients are told that ask the wrong broker, in a cluster of three.

use ottla_protocol::messages::fetch_response::PartitionData;
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use ottla_protocol::messages::{
    BrokerId, FetchResponse, ListOffsetsRequest, OffsetForLeaderEpochRequest, list_offsets_request,
};

use super::fetching::{NO_ID, fetch_request, partitions, wanted};
use crate::node::test_cluster::{
    create_replicated, leader, move_leader, produce, replica, three, topic, until,
};
use crate::node::testing::{TestNode, batch, name_of, produce_request, topic_name};

/// A fetch of one partition by a consumer that believes in an epoch.
async fn fetch_believing(
    node: &TestNode,
    version: i16,
    offset: i64,
    believed: i32,
    last_fetched: i32,
) -> FetchResponse {
    let id = topic(node, "t").await.id.0;
    let (name, id) = match version {
        13.. => ("", id),
        _ => ("t", NO_ID),
    };
    let mut topic = wanted(name, id, 0, offset);
    topic.partitions[0].current_leader_epoch = believed;
    topic.partitions[0].last_fetched_epoch = last_fetched;
    let mut client = node.client().await;
    client.ask(version, &fetch_request(vec![topic])).await
}

fn only(response: &FetchResponse) -> &PartitionData {
    partitions(response)[0]
}

async fn latest(node: &TestNode, believed: i32) -> (&'static str, i64, i32) {
    let partition = ListOffsetsPartition::default()
        .with_current_leader_epoch(believed)
        .with_timestamp(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(topic_name("t"))
        .with_partitions(vec![partition]);
    let request = list_offsets_request::ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic]);
    let mut client = node.client().await;
    let response = client.ask(5, &ListOffsetsRequest(request)).await;
    let answer = &response.0.topics[0].partitions[0];
    (
        name_of(answer.error_code),
        answer.offset,
        answer.leader_epoch,
    )
}

async fn epoch_end(node: &TestNode, believed: i32, epoch: i32) -> (&'static str, i32, i64) {
    let partition = OffsetForLeaderPartition::default()
        .with_current_leader_epoch(believed)
        .with_leader_epoch(epoch);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(topic_name("t"))
        .with_partitions(vec![partition]);
    let request = OffsetForLeaderEpochRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic]);
    let response = node.client().await.ask(4, &request).await;
    let answer = &response.topics[0].partitions[0];
    (
        name_of(answer.error_code),
        answer.leader_epoch,
        answer.end_offset,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_change_of_leaders_older_epochs_are_fenced_and_newer_ones_unknown() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    let (_, first) = leader(&nodes, "t").await;
    let (at, second) = move_leader(&nodes, "t").await;
    let now = &nodes[at];
    for (believed, expected) in [
        (first, "FENCED_LEADER_EPOCH"),
        (second, "NONE"),
        (second + 1, "UNKNOWN_LEADER_EPOCH"),
        (-1, "NONE"),
    ] {
        let fetched = fetch_believing(now, 12, 0, believed, -1).await;
        assert_eq!(name_of(only(&fetched).error_code), expected, "{believed}");
        assert_eq!(latest(now, believed).await.0, expected, "{believed}");
        let end = epoch_end(now, believed, first).await;
        assert_eq!(end.0, expected, "{believed}");
    }
    assert_eq!(latest(now, second).await, ("NONE", 1, second));
    assert_eq!(epoch_end(now, second, first).await, ("NONE", first, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_read_beyond_what_an_epoch_left_is_told_where_it_ended() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    let (_, first) = leader(&nodes, "t").await;
    let (at, second) = move_leader(&nodes, "t").await;
    assert_eq!(produce(&nodes, "t", "b").await, 1);
    let parted = fetch_believing(&nodes[at], 12, 2, second, first).await;
    let parted = only(&parted);
    assert_eq!(name_of(parted.error_code), "NONE");
    let diverging = &parted.diverging_epoch;
    assert_eq!((diverging.epoch, diverging.end_offset), (first, 1));
    assert_eq!(
        parted.records.as_ref().map(|records| records.len()),
        Some(0)
    );
    let whole = fetch_believing(&nodes[at], 12, 1, second, first).await;
    assert_eq!(only(&whole).diverging_epoch.end_offset, -1);
    assert!(!only(&whole).records.as_ref().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_high_watermark_that_clients_see_does_not_go_back_with_a_new_leader() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    let mut seen = 0;
    for round in 0..6 {
        let offset = produce(&nodes, "t", "value").await;
        let (at, epoch) = leader(&nodes, "t").await;
        let before = fetch_believing(&nodes[at], 12, 0, epoch, -1).await;
        assert!(only(&before).high_watermark > offset, "round {round}");
        seen = seen.max(only(&before).high_watermark);
        let (at, epoch) = move_leader(&nodes, "t").await;
        let after = fetch_believing(&nodes[at], 12, 0, epoch, -1).await;
        assert_eq!(name_of(only(&after).error_code), "NONE");
        assert!(only(&after).high_watermark >= seen, "round {round}");
        assert!(latest(&nodes[at], epoch).await.1 >= seen, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_at_the_wrong_broker_is_told_where_the_leader_is_on_its_listener() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    let (at, epoch) = leader(&nodes, "t").await;
    let id = topic(&nodes[0], "t").await.id.0;
    let (_, address) = nodes[at].node.listeners()[0].clone();
    let wrong = &nodes[(at + 1) % 3];
    for version in [9, 10, 12, 13] {
        let (name, id) = match version {
            13 => ("", id),
            _ => ("t", NO_ID),
        };
        let request = produce_request(-1, name, id, 0, Some(batch(&["b"])));
        let response = wrong.client().await.ask(version, &request).await;
        let answer = &response.responses[0].partition_responses[0];
        assert_eq!(name_of(answer.error_code), "NOT_LEADER_OR_FOLLOWER");
        let told = &answer.current_leader;
        if version < 10 {
            assert_eq!((told.leader_id.0, response.node_endpoints.len()), (-1, 0));
            continue;
        }
        let node_id = nodes[at].id().0;
        assert_eq!((told.leader_id.0, told.leader_epoch), (node_id, epoch));
        let endpoints = response.node_endpoints.iter();
        let endpoints: Vec<_> = endpoints
            .map(|one| (one.node_id.0, one.host.to_string(), one.port))
            .collect();
        let port = i32::from(address.port());
        assert_eq!(endpoints, [(node_id, "127.0.0.1".to_owned(), port)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_at_a_leader_that_hands_over_is_told_of_the_next() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    for round in 0..5 {
        let (from, before) = leader(&nodes, "t").await;
        let heir = nodes[(from + 1) % 3].id();
        let partition = replica(&nodes[from], "t").await;
        let mut client = nodes[from].client().await;
        let refused = loop {
            partition.transfer_to(heir).await;
            let request = produce_request(-1, "t", NO_ID, 0, Some(batch(&["b"])));
            let response = client.ask(12, &request).await;
            let answer = response.responses[0].partition_responses[0].clone();
            if name_of(answer.error_code) != "NONE" {
                break answer;
            }
        };
        assert_eq!(name_of(refused.error_code), "NOT_LEADER_OR_FOLLOWER");
        let told = refused.current_leader;
        assert_ne!(told.leader_id.0, -1, "round {round}");
        assert!(told.leader_epoch > before, "round {round}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_told_of_a_newer_leader_and_nothing_that_it_knows() {
    let nodes = three().await;
    create_replicated(&nodes[0], "t").await;
    produce(&nodes, "t", "a").await;
    let (_, first) = leader(&nodes, "t").await;
    let (at, second) = move_leader(&nodes, "t").await;
    let node_id = nodes[at].id().0;
    for node in &nodes {
        let follower = replica(node, "t").await;
        until("a replica knows the epoch", async || {
            follower.leader_epoch() == second
        })
        .await;
        for (version, expected) in [(15, (-1, -1)), (16, (node_id, second))] {
            let fetched = fetch_believing(node, version, 0, first, -1).await;
            let told = only(&fetched);
            assert_eq!(name_of(told.error_code), "FENCED_LEADER_EPOCH");
            let current = &told.current_leader;
            assert_eq!((current.leader_id.0, current.leader_epoch), expected);
            let endpoints = fetched.node_endpoints.iter().map(|one| one.node_id.0);
            let endpoints: Vec<i32> = endpoints.collect();
            let expected: Vec<i32> = (version == 16).then_some(node_id).into_iter().collect();
            assert_eq!(endpoints, expected);
        }
        let ahead = fetch_believing(node, 16, 0, second + 1, -1).await;
        assert_eq!(name_of(only(&ahead).error_code), "UNKNOWN_LEADER_EPOCH");
        assert_eq!(only(&ahead).current_leader.leader_id.0, -1);
        assert!(ahead.node_endpoints.is_empty());
    }
}
