//! DescribeQuorum, UnregisterBroker, AddRaftVoter and RemoveRaftVoter, of a broker alone.

use ottla_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use ottla_protocol::messages::describe_quorum_response::ReplicaState;
use ottla_protocol::messages::{
    AddRaftVoterRequest, DescribeQuorumRequest, RemoveRaftVoterRequest, UnregisterBrokerRequest,
};
use uuid::Uuid;

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, name_of, text, topic_name};

fn of(topics: &[(&str, &[i32])]) -> DescribeQuorumRequest {
    let topics = topics.iter().map(|(name, numbers)| {
        let partition = |number: &i32| PartitionData::default().with_partition_index(*number);
        TopicData::default()
            .with_topic_name(topic_name(name))
            .with_partitions(numbers.iter().map(partition).collect())
    });
    DescribeQuorumRequest::default().with_topics(topics.collect())
}

async fn voter(client: &mut TestClient) -> ReplicaState {
    let request = of(&[("__cluster_metadata", &[0])]);
    let response = client.ask(2, &request).await;
    response.topics[0].partitions[0].current_voters[0].clone()
}

#[tokio::test]
async fn a_broker_alone_is_its_quorum() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for version in 0..=2 {
        let response = client
            .ask(version, &of(&[("__cluster_metadata", &[0])]))
            .await;
        assert_eq!(response.error_code, 0);
        let partition = &response.topics[0].partitions[0];
        assert_eq!((partition.error_code, partition.leader_id.0), (0, 1));
        assert!(partition.leader_epoch > 0 && partition.observers.is_empty());
        let [voter] = &*partition.current_voters else {
            panic!("{partition:?}");
        };
        assert_eq!(voter.replica_id.0, 1);
        assert_eq!(voter.log_end_offset, partition.high_watermark);
        assert!(partition.high_watermark > 0);
        assert_eq!(voter.last_fetch_timestamp > 0, version >= 1);
        assert_eq!(voter.last_caught_up_timestamp > 0, version >= 1);
        assert_eq!(voter.replica_directory_id.is_nil(), version < 2);
        assert_eq!(response.nodes.len(), usize::from(version >= 2));
        // Java's admin client takes no other names.
        let listeners = response.nodes.iter().flat_map(|node| &node.listeners);
        let names: Vec<&str> = listeners.map(|listener| &*listener.name).collect();
        assert!(names.iter().all(|name| *name == name.to_uppercase()));
        assert_eq!(names.len(), usize::from(version >= 2));
    }
}

#[tokio::test]
async fn only_the_metadata_has_a_quorum_to_describe() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let odd: &[&[(&str, &[i32])]] = &[
        &[("t", &[0])],
        &[("__cluster_metadata", &[1])],
        &[("__cluster_metadata", &[0, 0])],
        &[("__cluster_metadata", &[0]), ("t", &[0])],
    ];
    for topics in odd {
        let response = client.ask(2, &of(topics)).await;
        assert_eq!(
            (response.error_code, response.topics.len()),
            (0, topics.len())
        );
        for partition in response.topics.iter().flat_map(|topic| &topic.partitions) {
            assert_eq!(name_of(partition.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
        }
    }
}

#[tokio::test]
async fn voters_that_cannot_be_are_refused() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let own = voter(&mut client).await.replica_directory_id;
    let cluster = node.node.cluster_id().unwrap();
    let elsewhere = Uuid::from_u128(1000);
    let add = |cluster: &str, voter_id, voter_directory_id| AddRaftVoterRequest {
        cluster_id: Some(text(cluster)),
        timeout_ms: 10_000,
        voter_id,
        voter_directory_id,
        ..AddRaftVoterRequest::default()
    };
    for (request, expected) in [
        (add("other", 1, own), "INCONSISTENT_CLUSTER_ID"),
        (add(&cluster, -1, own), "INVALID_REQUEST"),
        (add(&cluster, 2, Uuid::nil()), "INVALID_REQUEST"),
        (add(&cluster, 1, own), "DUPLICATE_VOTER"),
        (add(&cluster, 1, elsewhere), "DUPLICATE_VOTER"),
        (add(&cluster, 2, elsewhere), "INVALID_REQUEST"),
    ] {
        for version in 0..=1 {
            let response = client.ask(version, &request).await;
            assert_eq!(name_of(response.error_code), expected, "{request:?}");
            assert!(response.error_message.is_some());
        }
    }
    let remove = |cluster: &str, voter_id, directory| {
        RemoveRaftVoterRequest::default()
            .with_cluster_id(Some(text(cluster)))
            .with_voter_id(voter_id)
            .with_voter_directory_id(directory)
    };
    for (request, expected) in [
        (remove("other", 1, own), "INCONSISTENT_CLUSTER_ID"),
        (remove(&cluster, -1, own), "INVALID_REQUEST"),
        (remove(&cluster, 1, Uuid::nil()), "INVALID_REQUEST"),
        (remove(&cluster, 1, elsewhere), "VOTER_NOT_FOUND"),
        (remove(&cluster, 2, own), "VOTER_NOT_FOUND"),
        (remove(&cluster, 1, own), "INVALID_REQUEST"),
    ] {
        let response = client.ask(0, &request).await;
        assert_eq!(name_of(response.error_code), expected, "{request:?}");
    }
    assert_eq!(voter(&mut client).await.replica_id.0, 1, "it votes still");
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_not_unregistered() {
    let node = TestNode::start(&[]).await;
    let request = UnregisterBrokerRequest::default().with_broker_id(7.into());
    let response = node.client().await.ask(0, &request).await;
    assert_eq!(name_of(response.error_code), "BROKER_ID_NOT_REGISTERED");
}

#[tokio::test]
async fn who_may_not_is_refused() {
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Describe]), &[]).await;
    let request = of(&[("__cluster_metadata", &[0])]);
    let response = node.client().await.ask(2, &request).await;
    assert_eq!(name_of(response.error_code), "CLUSTER_AUTHORIZATION_FAILED");
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Alter]), &[]).await;
    let mut client = node.client().await;
    let refused = [
        client
            .ask(
                0,
                &UnregisterBrokerRequest::default().with_broker_id(1.into()),
            )
            .await
            .error_code,
        client
            .ask(1, &AddRaftVoterRequest::default())
            .await
            .error_code,
        client
            .ask(0, &RemoveRaftVoterRequest::default())
            .await
            .error_code,
    ];
    for code in refused {
        assert_eq!(name_of(code), "CLUSTER_AUTHORIZATION_FAILED");
    }
}
