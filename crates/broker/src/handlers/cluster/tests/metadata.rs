//! Metadata.

use ottla_protocol::messages::MetadataRequest;
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::metadata_response::MetadataResponseTopic;
use uuid::Uuid;

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, batch, metadata_request, name_of, topic_name};

fn by_id(ids: &[Uuid]) -> MetadataRequest {
    let topic = |&id: &Uuid| {
        MetadataRequestTopic::default()
            .with_name(None)
            .with_topic_id(id)
    };
    MetadataRequest::default().with_topics(Some(ids.iter().map(topic).collect()))
}

fn shown(topics: &[MetadataResponseTopic]) -> Vec<(String, &'static str, usize)> {
    let shown = topics.iter().map(|topic| {
        let name = topic
            .name
            .as_ref()
            .map_or_else(String::new, |name| name.to_string());
        (name, name_of(topic.error_code), topic.partitions.len())
    });
    shown.collect()
}

async fn named(client: &mut TestClient, name: &str, create: bool) -> MetadataResponseTopic {
    let request = metadata_request(Some(&[name]), create);
    client.ask(13, &request).await.topics.remove(0)
}

#[tokio::test]
async fn every_version_tells_brokers_and_leaders() {
    let node = TestNode::start(&["broker.rack=r1"]).await;
    let mut client = node.client().await;
    client.create("t", 2, &[]).await;
    let port = i32::from(node.node.listeners()[0].1.port());
    for version in 0..=13 {
        let request = metadata_request(Some(&["t"]), version < 4);
        let response = client.ask(version, &request).await;
        let broker = &response.brokers[0];
        assert_eq!(
            (broker.node_id.0, &*broker.host, broker.port),
            (1, "127.0.0.1", port)
        );
        assert_eq!(broker.rack.as_deref(), (version >= 1).then_some("r1"));
        assert_eq!(response.controller_id.0, if version >= 1 { 1 } else { -1 });
        let expected = node.node.cluster_id().filter(|_| version >= 2);
        assert_eq!(response.cluster_id.as_deref().map(str::to_owned), expected);
        let topic = &response.topics[0];
        assert_eq!(
            (topic.error_code, topic.topic_id.is_nil()),
            (0, version < 10)
        );
        for partition in &topic.partitions {
            assert_eq!((partition.error_code, partition.leader_id.0), (0, 1));
            assert_eq!(
                partition.leader_epoch >= 0,
                version >= 7,
                "version {version}"
            );
            let nodes = [&partition.replica_nodes, &partition.isr_nodes];
            assert!(
                nodes
                    .into_iter()
                    .all(|ids| ids.iter().map(|id| id.0).eq([1]))
            );
            assert!(partition.offline_replicas.is_empty());
        }
    }
}

#[tokio::test]
async fn which_topics_are_meant_depends_on_the_version() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("a", 1, &[]).await;
    client.create("b", 2, &[]).await;
    let all = [("a".to_owned(), "NONE", 1), ("b".to_owned(), "NONE", 2)];
    let none = metadata_request(Some(&[]), true);
    assert_eq!(shown(&client.ask(0, &none).await.topics), all);
    for version in 1..=13 {
        assert_eq!(shown(&client.ask(version, &none).await.topics), []);
        let everything = metadata_request(None, true);
        assert_eq!(shown(&client.ask(version, &everything).await.topics), all);
    }
}

#[tokio::test]
async fn topics_are_found_by_id_from_version_12_on() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    let unknown = Uuid::from_u128(9);
    for version in [12, 13] {
        let response = client.ask(version, &by_id(&[id, unknown])).await;
        let mut got = shown(&response.topics);
        got.sort();
        assert_eq!(
            got,
            [
                (String::new(), "UNKNOWN_TOPIC_ID", 0),
                ("t".to_owned(), "NONE", 1)
            ]
        );
    }
    for (version, request) in [
        (11, by_id(&[id])),
        (10, by_id(&[Uuid::nil()])),
        (13, by_id(&[Uuid::nil()])),
    ] {
        let response = client.ask(version, &request).await;
        assert_eq!(name_of(response.topics[0].error_code), "INVALID_REQUEST");
        assert!(response.brokers.is_empty());
    }
}

#[tokio::test]
async fn a_topic_that_somebody_asks_for_is_created_if_both_sides_want_it() {
    let node = TestNode::start(&["num.partitions=2"]).await;
    let mut client = node.client().await;
    let refused = named(&mut client, "t", false).await;
    assert_eq!(name_of(refused.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    let invalid = named(&mut client, "not a name", true).await;
    assert_eq!(name_of(invalid.error_code), "INVALID_TOPIC_EXCEPTION");
    let created = named(&mut client, "t", true).await;
    assert_eq!(shown(&[created]), [("t".to_owned(), "NONE", 2)]);
    assert_eq!(
        client.produce("t", 1, batch(&["value"])).await.error_code,
        0
    );
    // Versions that cannot say want it.
    let response = client.ask(3, &metadata_request(Some(&["old"]), true)).await;
    assert_eq!(shown(&response.topics), [("old".to_owned(), "NONE", 2)]);

    let node = TestNode::start(&["auto.create.topics.enable=false"]).await;
    let mut client = node.client().await;
    let refused = named(&mut client, "t", true).await;
    assert_eq!(name_of(refused.error_code), "UNKNOWN_TOPIC_OR_PARTITION");
}

#[tokio::test]
async fn a_topic_that_many_ask_for_at_once_is_created_once() {
    let node = TestNode::start(&[]).await;
    let ask = async || {
        let mut client = node.client().await;
        named(&mut client, "t", true).await
    };
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert_eq!(first.error_code, 0);
    assert_eq!([second.topic_id, third.topic_id], [first.topic_id; 2]);
}

#[tokio::test]
async fn what_the_caller_may_do_is_told_where_the_version_has_a_place_for_it() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    for version in 8..=13 {
        let request = metadata_request(Some(&["t", "nope"]), false)
            .with_include_topic_authorized_operations(true)
            .with_include_cluster_authorized_operations(version <= 10);
        let response = client.ask(version, &request).await;
        let cluster = if version <= 10 { 8096 } else { i32::MIN };
        assert_eq!(
            response.cluster_authorized_operations, cluster,
            "version {version}"
        );
        for topic in &response.topics {
            assert_eq!(topic.topic_authorized_operations, 3576);
        }
    }
    let unasked = client.ask(9, &metadata_request(Some(&["t"]), false)).await;
    assert_eq!(unasked.topics[0].topic_authorized_operations, i32::MIN);
}

#[tokio::test]
async fn who_may_not_describe_is_not_told_what_exists() {
    let gate = Gate::refusing(&[Operation::Describe]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    let id = client.create("t", 1, &[]).await;
    for name in ["t", "nope"] {
        let topic = named(&mut client, name, true).await;
        assert_eq!(name_of(topic.error_code), "TOPIC_AUTHORIZATION_FAILED");
        assert!(topic.topic_id.is_nil());
    }
    let response = client.ask(13, &by_id(&[id])).await;
    assert_eq!(
        shown(&response.topics),
        [(String::new(), "TOPIC_AUTHORIZATION_FAILED", 0)]
    );
    assert!(
        client
            .ask(13, &metadata_request(None, false))
            .await
            .topics
            .is_empty()
    );

    let node = TestNode::start_behind(Gate::refusing(&[Operation::Create]), &[]).await;
    let mut client = node.client().await;
    let topic = named(&mut client, "t", true).await;
    assert_eq!(name_of(topic.error_code), "TOPIC_AUTHORIZATION_FAILED");
    assert_eq!(topic.name, Some(topic_name("t")));
}

#[tokio::test]
async fn each_listener_tells_its_own_addresses() {
    let settings = [
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT",
        "advertised.listeners=PLAINTEXT://inside:1111,OUTSIDE://outside.example:2222",
    ];
    let node = TestNode::start_listening(
        &["PLAINTEXT://127.0.0.1:0", "OUTSIDE://127.0.0.1:0"],
        &settings,
    )
    .await;
    for (at, host, port) in [(0, "inside", 1111), (1, "outside.example", 2222)] {
        let mut client = node.client_of(at).await;
        let response = client.ask(12, &metadata_request(Some(&[]), false)).await;
        assert_eq!(
            (&*response.brokers[0].host, response.brokers[0].port),
            (host, port)
        );
    }
}
