//! Configs, against a broker with a script.

use std::sync::Arc;

use ottla_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use ottla_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use ottla_protocol::{ErrorCode, NodeId};
use parking_lot::Mutex;

use super::connected;
use crate::admin::{ConfigChange, ConfigOperation, ConfigResource};
use crate::fake::broker::Answer;
use crate::wire::text;

const APIS: &[(i16, i16, i16)] = &[(3, 0, 12), (18, 0, 4), (44, 0, 1)];

fn changes() -> Vec<ConfigChange> {
    let change = |name: &str, operation| ConfigChange {
        name: name.to_owned(),
        operation,
    };
    vec![
        change("retention.ms", ConfigOperation::Set("5".to_owned())),
        change("segment.ms", ConfigOperation::Unset),
        change(
            "cleanup.policy",
            ConfigOperation::Append("compact".to_owned()),
        ),
        change("other.list", ConfigOperation::Subtract("x".to_owned())),
    ]
}

#[tokio::test]
async fn changes_are_sent_as_kafka_numbers_them() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let (_broker, client) = connected(APIS, move |request| {
        let (_, body) = request.body::<IncrementalAlterConfigsRequest>();
        assert!(body.validate_only);
        let resource = body.resources.into_iter().next().unwrap();
        let configs = resource.configs.iter().map(|config| {
            let value = config.value.as_ref().map(|value| value.to_string());
            (config.name.to_string(), config.config_operation, value)
        });
        kept.lock().push((
            resource.resource_type,
            resource.resource_name.to_string(),
            configs.collect::<Vec<_>>(),
        ));
        let told = AlterConfigsResourceResponse::default();
        let response = IncrementalAlterConfigsResponse::default().with_responses(vec![told]);
        Answer::Frame(request.answer::<IncrementalAlterConfigsRequest>(&response))
    })
    .await;
    let resources = [
        ConfigResource::Topic("t".to_owned()),
        ConfigResource::Broker(NodeId(1)),
        ConfigResource::AllBrokers,
        ConfigResource::BrokerLogger(NodeId(1)),
        ConfigResource::Group("g".to_owned()),
    ];
    for resource in &resources {
        let altered = client
            .admin()
            .alter_configs(resource, &changes(), true)
            .await;
        altered.unwrap();
    }
    let seen = seen.lock();
    let named: Vec<(i8, &str)> = seen
        .iter()
        .map(|(kind, name, _)| (*kind, name.as_str()))
        .collect();
    assert_eq!(named, [(2, "t"), (4, "1"), (4, ""), (8, "1"), (32, "g")]);
    let operations: Vec<(i8, Option<&str>)> = seen[0]
        .2
        .iter()
        .map(|(_, operation, value)| (*operation, value.as_deref()))
        .collect();
    assert_eq!(
        operations,
        [
            (0, Some("5")),
            (1, None),
            (2, Some("compact")),
            (3, Some("x"))
        ]
    );
}

#[tokio::test]
async fn a_refused_change_says_what_it_was_about() {
    let (_broker, client) = connected(APIS, |request| {
        let told = AlterConfigsResourceResponse::default()
            .with_error_code(ErrorCode::InvalidConfig.code())
            .with_error_message(Some(text("not a number")));
        let response = IncrementalAlterConfigsResponse::default().with_responses(vec![told]);
        Answer::Frame(request.answer::<IncrementalAlterConfigsRequest>(&response))
    })
    .await;
    let resource = ConfigResource::Topic("t".to_owned());
    let error = client
        .admin()
        .alter_configs(&resource, &changes(), false)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "topic t: not a number (INVALID_CONFIG)");
}
