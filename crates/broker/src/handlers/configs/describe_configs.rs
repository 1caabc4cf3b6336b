//! DescribeConfigs: the settings of topics, groups and this broker, where each value comes from, what
//! it means.

use ottla_metadata::config::{ConfigSource, describe_group};
use ottla_metadata::image::{ConfigResource, Configs, ResourceType};
use ottla_metadata::topic_name::TopicName;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::DescribeConfigsResult;
use ottla_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::entries::{self, Entries, Shown};
use super::resource::{Failure, Kind, check_broker};
use crate::authorize::Operation;
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeConfigsRequest) -> Reply {
    let shown = Shown {
        synonyms: request.include_synonyms,
        documentation: request.include_documentation,
    };
    let kinds: Option<Vec<Kind>> = request
        .resources
        .iter()
        .map(|resource| Kind::of(resource.resource_type))
        .collect();
    let results = match kinds {
        None => {
            let failure = Failure::invalid("unexpected resource type");
            let resources = request.resources.into_iter();
            resources
                .map(|one| answer(one, Err(failure.clone())))
                .collect()
        }
        Some(kinds) => {
            let resources = request.resources.into_iter().zip(kinds);
            let described = resources.map(|(resource, kind)| {
                let name = &*resource.resource_name;
                let entries = kind
                    .authorize(call, Operation::DescribeConfigs, name)
                    .and_then(|()| describe(call, kind, name, shown));
                answer(resource, entries)
            });
            described.collect()
        }
    };
    Reply::now(DescribeConfigsResponse::default().with_results(results))
}

fn answer(
    resource: DescribeConfigsResource,
    entries: Result<Entries, Failure>,
) -> DescribeConfigsResult {
    let keys = resource.configuration_keys.filter(|keys| !keys.is_empty());
    let result = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name);
    match entries {
        Ok(mut entries) => {
            if let Some(keys) = keys {
                entries.retain(|entry| keys.contains(&entry.name));
            }
            result.with_configs(entries)
        }
        Err(failure) => result
            .with_error_code(failure.code.code())
            .with_error_message(Some(failure.text())),
    }
}

fn describe(call: Call<'_>, kind: Kind, name: &str, shown: Shown) -> Result<Entries, Failure> {
    match kind {
        Kind::Topic => topic(call, name, shown),
        // No name means the default of all brokers.
        Kind::Broker if name.is_empty() => Ok(entries::of_all_brokers(
            &of_resource(call, ResourceType::Broker, name),
            shown,
        )),
        Kind::Broker => {
            check_broker(call, name)?;
            let defaults = call.broker.defaults.current();
            let keys = call.broker.config.describe();
            let own = of_resource(call, ResourceType::Broker, name);
            let all = of_resource(call, ResourceType::Broker, "");
            let said = [
                (ConfigSource::DynamicBroker, &own),
                (ConfigSource::DynamicDefaultBroker, &all),
            ];
            let mut entries = entries::of_broker(keys, &defaults.configs, shown);
            entries.extend(entries::foreign(&said, shown));
            Ok(entries)
        }
        Kind::BrokerLogger => {
            if name.is_empty() {
                return Err(Failure::invalid("no broker is named"));
            }
            check_broker(call, name)?;
            Ok(entries::of_loggers(call.broker.loggers.describe()))
        }
        Kind::ClientMetrics => {
            if name.is_empty() {
                return Err(Failure::invalid("no subscription is named"));
            }
            Ok(entries::of_subscription(shown))
        }
        Kind::Group => {
            if name.is_empty() {
                return Err(Failure::invalid("no group is named"));
            }
            let configs = of_resource(call, ResourceType::Group, name);
            Ok(entries::of(describe_group(&configs), shown))
        }
    }
}

fn topic(call: Call<'_>, name: &str, shown: Shown) -> Result<Entries, Failure> {
    TopicName::parse(name)
        .map_err(|error| Failure::because(ErrorCode::InvalidTopicException, error.to_string()))?;
    let image = call.image();
    let topic = image
        .topic(name)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let defaults = call.broker.defaults.current();
    Ok(entries::of(
        defaults.configs.describe(&topic.configs),
        shown,
    ))
}

/// What was written about a resource; nothing about one that nobody has written about.
fn of_resource(call: Call<'_>, kind: ResourceType, name: &str) -> Configs {
    let name = name.to_owned();
    let image = call.image();
    let configs = image.config(&ConfigResource { kind, name });
    configs
        .map(|configs| (**configs).clone())
        .unwrap_or_default()
}
