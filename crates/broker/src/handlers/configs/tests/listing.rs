//! ListConfigResources.

use ottla_protocol::messages::ListConfigResourcesRequest;

use super::altering::{SET, alter};
use super::describing::{BROKER, CLIENT_METRICS, GROUP, LOGGER, TOPIC};
use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestClient, TestNode, name_of};

/// `kind name` of each resource, and the error.
async fn list(client: &mut TestClient, version: i16, kinds: &[i8]) -> (Vec<String>, &'static str) {
    let request = ListConfigResourcesRequest::default().with_resource_types(kinds.to_vec());
    let response = client.ask(version, &request).await;
    let resources = response.config_resources.iter();
    let listed = resources.map(|one| format!("{} {}", one.resource_type, &*one.resource_name));
    (listed.collect(), name_of(response.error_code))
}

#[tokio::test]
async fn what_has_configurations_is_listed_by_type() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("u", 1, &[]).await;
    client.create("t", 1, &[]).await;
    let key = "consumer.session.timeout.ms";
    alter(&mut client, GROUP, "g", &[(key, SET, Some("50000"))]).await;
    let all = ["2 t", "2 u", "4 1", "8 1", "32 g"];
    let (listed, error) = list(&mut client, 1, &[]).await;
    assert_eq!((&listed[..], error), (&all.map(String::from)[..], "NONE"));
    for (kinds, expected) in [
        (&[TOPIC][..], &["2 t", "2 u"][..]),
        (&[LOGGER, BROKER, BROKER], &["4 1", "8 1"]),
        (&[GROUP, CLIENT_METRICS], &["32 g"]),
    ] {
        assert_eq!(list(&mut client, 1, kinds).await.0, expected);
    }
    assert_eq!(
        list(&mut client, 1, &[TOPIC, 7]).await.1,
        "UNSUPPORTED_VERSION"
    );
    assert_eq!(list(&mut client, 0, &[]).await, (vec![], "NONE"));
}

#[tokio::test]
async fn resources_are_listed_to_those_who_may_see_them() {
    let gate = Gate::refusing(&[Operation::DescribeConfigs]);
    let node = TestNode::start_behind(gate, &[]).await;
    let mut client = node.client().await;
    let refused = list(&mut client, 1, &[]).await;
    assert_eq!(refused, (vec![], "CLUSTER_AUTHORIZATION_FAILED"));
}
