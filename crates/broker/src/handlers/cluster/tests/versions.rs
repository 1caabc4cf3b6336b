//! ApiVersions.

use ottla_protocol::messages::{ApiVersionsRequest, StrBytes};

use crate::node::testing::{TestNode, name_of, text};

fn request() -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: StrBytes::from_static_str("test"),
        client_software_version: StrBytes::from_static_str("1.0"),
        ..ApiVersionsRequest::default()
    }
}

#[tokio::test]
async fn every_version_tells_the_apis_and_newer_ones_the_features() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    for version in 0..=5 {
        let response = client.ask(version, &request()).await.0;
        assert_eq!(response.error_code, 0);
        let produce = &response.api_keys[0];
        assert_eq!(
            (produce.api_key, produce.min_version, produce.max_version),
            (0, 0, 13)
        );
        assert_eq!(response.api_keys.len(), ottla_protocol::api::SERVED.len());
        let names = |names: &[StrBytes]| {
            names
                .iter()
                .map(|name| name.to_string())
                .collect::<Vec<_>>()
        };
        let supported: Vec<_> = response
            .supported_features
            .iter()
            .map(|feature| feature.name.clone())
            .collect();
        let finalized: Vec<_> = response
            .finalized_features
            .iter()
            .map(|feature| feature.name.clone())
            .collect();
        let expected: &[&str] = match version {
            0..=2 => &[],
            // A feature whose lowest level is 0 breaks older clients.
            3 => &["metadata.version"],
            _ => &["kraft.version", "metadata.version", "transaction.version"],
        };
        assert_eq!(names(&supported), expected, "version {version}");
        let expected: &[&str] = if version >= 3 {
            &["metadata.version", "transaction.version"]
        } else {
            &[]
        };
        assert_eq!(names(&finalized), expected, "version {version}");
    }
}

#[tokio::test]
async fn a_client_says_what_it_is_and_whom_it_has_reached() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let cluster = node.node.cluster_id().unwrap();
    let toward = |cluster: Option<&str>, node_id| ApiVersionsRequest {
        cluster_id: cluster.map(text),
        node_id,
        ..request()
    };
    let nameless = ApiVersionsRequest {
        client_software_name: StrBytes::new(),
        ..request()
    };
    for (version, request, expected) in [
        (2, ApiVersionsRequest::default(), "NONE"),
        (3, nameless, "INVALID_REQUEST"),
        (5, toward(None, -1), "NONE"),
        (5, toward(Some(&cluster), 1), "NONE"),
        (5, toward(Some(&cluster), -1), "INVALID_REQUEST"),
        (5, toward(None, 1), "INVALID_REQUEST"),
        (5, toward(Some("other"), 1), "REBOOTSTRAP_REQUIRED"),
        (5, toward(Some(&cluster), 2), "REBOOTSTRAP_REQUIRED"),
    ] {
        let response = client.ask(version, &request).await.0;
        assert_eq!(name_of(response.error_code), expected, "{request:?}");
        assert_eq!(response.api_keys.is_empty(), expected != "NONE");
    }
}
