//! Creating topics.

use ottla_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use ottla_protocol::messages::create_topics_response::CreatableTopicResult;
use ottla_protocol::messages::{BrokerId, MetadataRequest};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{
    TestClient, TestNode, batch, create_request, metadata_request, name_of, new_topic,
};

async fn create(client: &mut TestClient, topics: Vec<CreatableTopic>) -> Vec<CreatableTopicResult> {
    client.ask(7, &create_request(topics)).await.topics
}

async fn error_of(client: &mut TestClient, topic: CreatableTopic) -> &'static str {
    let results = create(client, vec![topic]).await;
    assert_eq!(results.len(), 1);
    assert_eq!(
        results[0].error_message.is_some(),
        results[0].error_code != 0
    );
    name_of(results[0].error_code)
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignments = assignments.iter().map(|(partition, brokers)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(*partition)
            .with_broker_ids(brokers.iter().copied().map(BrokerId).collect())
    });
    new_topic(name, -1, -1, &[]).with_assignments(assignments.collect())
}

#[tokio::test]
async fn a_created_topic_can_be_used_at_once() {
    let node = TestNode::start(&["num.partitions=3"]).await;
    let mut client = node.client().await;
    for version in 2..=7 {
        let name = format!("t{version}");
        let request = create_request(vec![new_topic(&name, -1, -1, &[("retention.ms", "5")])]);
        let result = client.ask(version, &request).await.topics.remove(0);
        assert_eq!(result.error_code, 0, "version {version}: {result:?}");
        let told = if version >= 5 { (3, 1) } else { (-1, -1) };
        assert_eq!((result.num_partitions, result.replication_factor), told);
        assert_eq!(result.topic_id.is_nil(), version < 7);
        for partition in 0..3 {
            assert_eq!(
                client
                    .produce(&name, partition, batch(&["value"]))
                    .await
                    .error_code,
                0
            );
        }
    }
}

#[tokio::test]
async fn what_was_created_is_told_with_its_settings() {
    let node = TestNode::start(&["log.segment.bytes=2000000"]).await;
    let mut client = node.client().await;
    let topic = new_topic("t", 1, 1, &[("retention.ms", "5")]);
    let result = create(&mut client, vec![topic]).await.remove(0);
    let configs = result.configs.unwrap();
    let of = |name: &str| {
        let config = configs.iter().find(|config| &*config.name == name).unwrap();
        (
            config.value.as_deref().unwrap().to_owned(),
            config.config_source,
        )
    };
    assert_eq!(of("retention.ms"), ("5".to_owned(), 1));
    assert_eq!(of("segment.bytes"), ("2000000".to_owned(), 4));
    assert_eq!(of("cleanup.policy"), ("delete".to_owned(), 5));
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_as_kafka_does() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("taken", 1, &[]).await;
    client.create("with.dot", 1, &[]).await;
    let long = "x".repeat(250);
    let mut null = new_topic("t", 1, 1, &[("retention.ms", "")]);
    null.configs[0].value = None;
    for (case, topic, expected) in [
        (
            "taken",
            new_topic("taken", 1, 1, &[]),
            "TOPIC_ALREADY_EXISTS",
        ),
        (
            "collides",
            new_topic("with_dot", 1, 1, &[]),
            "INVALID_TOPIC_EXCEPTION",
        ),
        (
            "bad name",
            new_topic("a/b", 1, 1, &[]),
            "INVALID_TOPIC_EXCEPTION",
        ),
        (
            "no name",
            new_topic("", 1, 1, &[]),
            "INVALID_TOPIC_EXCEPTION",
        ),
        (
            "dots",
            new_topic("..", 1, 1, &[]),
            "INVALID_TOPIC_EXCEPTION",
        ),
        (
            "long name",
            new_topic(&long, 1, 1, &[]),
            "INVALID_TOPIC_EXCEPTION",
        ),
        (
            "metadata",
            new_topic("__cluster_metadata", 1, 1, &[]),
            "INVALID_REQUEST",
        ),
        (
            "no partitions",
            new_topic("t", 0, 1, &[]),
            "INVALID_PARTITIONS",
        ),
        ("negative", new_topic("t", -2, 1, &[]), "INVALID_PARTITIONS"),
        (
            "no replicas",
            new_topic("t", 1, 0, &[]),
            "INVALID_REPLICATION_FACTOR",
        ),
        (
            "too few brokers",
            new_topic("t", 1, 3, &[]),
            "INVALID_REPLICATION_FACTOR",
        ),
        (
            "unknown key",
            new_topic("t", 1, 1, &[("nonsense", "1")]),
            "INVALID_CONFIG",
        ),
        (
            "bad value",
            new_topic("t", 1, 1, &[("retention.ms", "-7")]),
            "INVALID_CONFIG",
        ),
        ("null value", null, "INVALID_CONFIG"),
        (
            "not served",
            new_topic("t", 1, 1, &[("remote.storage.enable", "true")]),
            "INVALID_CONFIG",
        ),
        (
            "far too many",
            new_topic("t", 20_000, 1, &[]),
            "POLICY_VIOLATION",
        ),
        (
            "gap",
            assigned("t", &[(0, &[1]), (2, &[1])]),
            "INVALID_REPLICA_ASSIGNMENT",
        ),
        (
            "no such broker",
            assigned("t", &[(0, &[9])]),
            "INVALID_REPLICA_ASSIGNMENT",
        ),
        (
            "broker twice",
            assigned("t", &[(0, &[1, 1])]),
            "INVALID_REPLICA_ASSIGNMENT",
        ),
        (
            "nobody",
            assigned("t", &[(0, &[])]),
            "INVALID_REPLICA_ASSIGNMENT",
        ),
        (
            "assigned and counted",
            assigned("t", &[(0, &[1])]).with_num_partitions(1),
            "INVALID_REQUEST",
        ),
        ("assigned", assigned("t", &[(0, &[1]), (1, &[1])]), "NONE"),
    ] {
        assert_eq!(error_of(&mut client, topic).await, expected, "{case}");
    }
}

#[tokio::test]
async fn topics_of_one_request_are_created_or_refused_each_for_itself() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let topics = vec![
        new_topic("good", 1, 1, &[]),
        new_topic("bad/name", 1, 1, &[]),
        new_topic("twice", 1, 1, &[]),
        new_topic("twice", 2, 1, &[]),
    ];
    let results = create(&mut client, topics).await;
    let codes: Vec<_> = results
        .iter()
        .map(|one| (one.name.to_string(), name_of(one.error_code)))
        .collect();
    let code_of = |name: &str| {
        codes
            .iter()
            .filter(|(of, _)| of == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(code_of("good"), [&("good".to_owned(), "NONE")]);
    assert_eq!(
        code_of("bad/name"),
        [&("bad/name".to_owned(), "INVALID_TOPIC_EXCEPTION")]
    );
    assert_eq!(code_of("twice"), [&("twice".to_owned(), "INVALID_REQUEST")]);
}

#[tokio::test]
async fn what_is_only_validated_is_not_created() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let request = create_request(vec![new_topic("t", 2, 1, &[])]).with_validate_only(true);
    let result = client.ask(7, &request).await.topics.remove(0);
    assert_eq!((result.error_code, result.num_partitions), (0, 2));
    let request: MetadataRequest = metadata_request(Some(&["t"]), false);
    let metadata = client.ask(13, &request).await;
    assert_eq!(
        name_of(metadata.topics[0].error_code),
        "UNKNOWN_TOPIC_OR_PARTITION"
    );
}

#[tokio::test]
async fn the_gate_decides_who_creates_and_who_sees_settings() {
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Create]), &[]).await;
    let mut client = node.client().await;
    let refused = error_of(&mut client, new_topic("t", 1, 1, &[])).await;
    assert_eq!(refused, "TOPIC_AUTHORIZATION_FAILED");

    let gate = Gate::refusing(&[Operation::DescribeConfigs]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    let result = create(&mut client, vec![new_topic("t", 1, 1, &[])])
        .await
        .remove(0);
    assert_eq!(name_of(result.error_code), "NONE");
    assert_eq!(
        name_of(result.topic_config_error_code),
        "TOPIC_AUTHORIZATION_FAILED"
    );
    assert_eq!((result.num_partitions, result.configs), (-1, None));
}

#[tokio::test]
async fn topics_and_their_records_are_there_after_a_restart() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 2, &[("max.message.bytes", "100")]).await;
    client.produce("t", 1, batch(&["value"])).await;
    let node = node.restarted().await;
    let mut client = node.client().await;
    assert_eq!(client.topic_id("t").await, id);
    assert_eq!(
        client.produce("t", 1, batch(&["value"])).await.base_offset,
        1
    );
    let large = client.produce("t", 0, batch(&[&"x".repeat(200)])).await;
    assert_eq!(name_of(large.error_code), "MESSAGE_TOO_LARGE");
    assert_eq!(
        error_of(&mut client, new_topic("t", 1, 1, &[])).await,
        "TOPIC_ALREADY_EXISTS"
    );
}
