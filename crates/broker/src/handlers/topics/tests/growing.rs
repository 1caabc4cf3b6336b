//! Adding partitions, and the reassignments that there never are.

use ottla_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use ottla_protocol::messages::{
    BrokerId, CreatePartitionsRequest, ListPartitionReassignmentsRequest,
};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, batch, name_of, topic_name};

fn growth(name: &str, count: i32, assignments: Option<&[&[i32]]>) -> CreatePartitionsTopic {
    let assignments = assignments.map(|assignments| {
        let brokers = |ids: &&[i32]| ids.iter().copied().map(BrokerId).collect();
        let one = |ids| CreatePartitionsAssignment::default().with_broker_ids(brokers(ids));
        assignments.iter().map(one).collect()
    });
    CreatePartitionsTopic::default()
        .with_name(topic_name(name))
        .with_count(count)
        .with_assignments(assignments)
}

async fn grow(
    client: &mut TestClient,
    validate_only: bool,
    topics: Vec<CreatePartitionsTopic>,
) -> Vec<&'static str> {
    let request = CreatePartitionsRequest::default()
        .with_timeout_ms(20_000)
        .with_validate_only(validate_only)
        .with_topics(topics);
    let response = client.ask(3, &request).await;
    response
        .results
        .iter()
        .map(|one| name_of(one.error_code))
        .collect()
}

#[tokio::test]
async fn new_partitions_can_be_used_at_once() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    assert_eq!(
        grow(&mut client, true, vec![growth("t", 3, None)]).await,
        ["NONE"]
    );
    let missing = client.produce("t", 2, batch(&["value"])).await;
    assert_eq!(name_of(missing.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(
        grow(&mut client, false, vec![growth("t", 3, None)]).await,
        ["NONE"]
    );
    for partition in 0..3 {
        assert_eq!(
            client
                .produce("t", partition, batch(&["value"]))
                .await
                .error_code,
            0
        );
    }
    let assigned = growth("t", 4, Some(&[&[1]]));
    assert_eq!(grow(&mut client, false, vec![assigned]).await, ["NONE"]);
}

#[tokio::test]
async fn what_would_be_no_growth_is_refused() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 3, &[]).await;
    for (topics, expected) in [
        (vec![growth("t", 3, None)], "INVALID_PARTITIONS"),
        (vec![growth("t", 2, None)], "INVALID_PARTITIONS"),
        (vec![growth("t", -1, None)], "INVALID_PARTITIONS"),
        (vec![growth("nope", 3, None)], "UNKNOWN_TOPIC_OR_PARTITION"),
        (
            vec![growth("t", 4, None), growth("t", 5, None)],
            "INVALID_REQUEST",
        ),
        (
            vec![growth("t", 5, Some(&[&[1]]))],
            "INVALID_REPLICA_ASSIGNMENT",
        ),
        (
            vec![growth("t", 4, Some(&[&[9]]))],
            "INVALID_REPLICA_ASSIGNMENT",
        ),
        (
            vec![growth("t", 4, Some(&[&[1, 2]]))],
            "INVALID_REPLICA_ASSIGNMENT",
        ),
    ] {
        assert_eq!(
            grow(&mut client, false, topics.clone()).await,
            [expected],
            "{topics:?}"
        );
    }
}

#[tokio::test]
async fn the_gate_decides_who_may_alter_and_who_may_look() {
    let gate = Gate::refusing(&[Operation::Alter, Operation::Describe]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let refused = grow(&mut client, false, vec![growth("t", 3, None)]).await;
    assert_eq!(refused, ["TOPIC_AUTHORIZATION_FAILED"]);
    let request = ListPartitionReassignmentsRequest::default().with_topics(None);
    let refused = client.ask(0, &request).await;
    assert_eq!(name_of(refused.error_code), "CLUSTER_AUTHORIZATION_FAILED");
}

#[tokio::test]
async fn no_partition_is_ever_being_reassigned() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let request = ListPartitionReassignmentsRequest::default().with_topics(None);
    let response = client.ask(0, &request).await;
    assert_eq!((response.error_code, response.error_message), (0, None));
    assert!(response.topics.is_empty());
}
