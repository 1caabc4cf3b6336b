//! DescribeConfigs: the settings of topics and of this broker, where each value comes from, what it
//! means.

use ottla_metadata::config::ConfigEntry;
use ottla_metadata::topic_name::TopicName;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use ottla_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse, StrBytes};

use crate::authorize::{Operation, Resource};
use crate::config::{KeyView, Source};
use crate::context::Call;
use crate::net::Reply;

/// Where a value comes from, by Kafka's numbers.
const STATIC_BROKER: i8 = 4;
const DEFAULT: i8 = 5;

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
            let failure = Failure::because(ErrorCode::InvalidRequest, "unexpected resource type");
            request
                .resources
                .into_iter()
                .map(|one| answer(one, Err(failure.clone())))
                .collect()
        }
        Some(kinds) => {
            let described = request
                .resources
                .into_iter()
                .zip(kinds)
                .map(|(resource, kind)| {
                    let entries = describe(call, kind, &resource, shown);
                    answer(resource, entries)
                });
            described.collect()
        }
    };
    Reply::now(DescribeConfigsResponse::default().with_results(results))
}

/// The kinds of resources that have settings, by Kafka's numbers.
#[derive(Clone, Copy)]
enum Kind {
    Topic,
    Broker,
    BrokerLogger,
    ClientMetrics,
    Group,
}

impl Kind {
    fn of(code: i8) -> Option<Kind> {
        match code {
            2 => Some(Kind::Topic),
            4 => Some(Kind::Broker),
            8 => Some(Kind::BrokerLogger),
            16 => Some(Kind::ClientMetrics),
            32 => Some(Kind::Group),
            _ => None,
        }
    }
}

/// What the client wants to see of an entry.
#[derive(Clone, Copy)]
struct Shown {
    synonyms: bool,
    documentation: bool,
}

/// Why a resource is not described.
#[derive(Clone)]
struct Failure {
    code: ErrorCode,
    message: Option<String>,
}

impl Failure {
    fn because(code: ErrorCode, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: Some(message.into()),
        }
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Failure {
        Failure {
            code,
            message: None,
        }
    }
}

type Entries = Vec<DescribeConfigsResourceResult>;

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
        Err(Failure { code, message }) => result
            .with_error_code(code.code())
            .with_error_message(message.map(StrBytes::from_string)),
    }
}

fn describe(
    call: Call<'_>,
    kind: Kind,
    resource: &DescribeConfigsResource,
    shown: Shown,
) -> Result<Entries, Failure> {
    let name = &*resource.resource_name;
    match kind {
        Kind::Topic => topic(call, name, shown),
        Kind::Broker => {
            allow(
                call,
                Resource::Cluster,
                ErrorCode::ClusterAuthorizationFailed,
            )?;
            broker(call, name, shown)
        }
        Kind::BrokerLogger => {
            allow(
                call,
                Resource::Cluster,
                ErrorCode::ClusterAuthorizationFailed,
            )?;
            if name.is_empty() {
                return Err(Failure::because(
                    ErrorCode::InvalidRequest,
                    "no broker is named",
                ));
            }
            check_broker(call, name)?;
            // Log levels are the process's, from its environment; none can be asked for here.
            Ok(Vec::new())
        }
        Kind::ClientMetrics => {
            allow(
                call,
                Resource::Cluster,
                ErrorCode::ClusterAuthorizationFailed,
            )?;
            if name.is_empty() {
                return Err(Failure::because(
                    ErrorCode::InvalidRequest,
                    "no subscription is named",
                ));
            }
            Ok(Vec::new())
        }
        Kind::Group => {
            allow(
                call,
                Resource::Group(name),
                ErrorCode::GroupAuthorizationFailed,
            )?;
            Err(Failure::because(
                ErrorCode::InvalidRequest,
                "groups are not served yet",
            ))
        }
    }
}

fn allow(call: Call<'_>, resource: Resource<'_>, refusal: ErrorCode) -> Result<(), Failure> {
    if call.may(Operation::DescribeConfigs, resource) {
        Ok(())
    } else {
        Err(refusal.into())
    }
}

fn topic(call: Call<'_>, name: &str, shown: Shown) -> Result<Entries, Failure> {
    allow(
        call,
        Resource::Topic(name),
        ErrorCode::TopicAuthorizationFailed,
    )?;
    TopicName::parse(name)
        .map_err(|error| Failure::because(ErrorCode::InvalidTopicException, error.to_string()))?;
    let image = call.image();
    let topic = image
        .topic(name)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let entries = call
        .broker
        .creation_defaults
        .configs
        .describe(&topic.configs);
    Ok(entries
        .into_iter()
        .map(|entry| topic_entry(entry, shown))
        .collect())
}

fn topic_entry(entry: ConfigEntry, shown: Shown) -> DescribeConfigsResourceResult {
    let synonyms = entry
        .synonyms
        .into_iter()
        .filter(|_| shown.synonyms)
        .map(|synonym| {
            DescribeConfigsSynonym::default()
                .with_name(StrBytes::from_static_str(synonym.name))
                .with_value(Some(StrBytes::from_string(synonym.value)))
                .with_source(synonym.source.code())
        });
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(entry.name))
        .with_value(entry.value.map(StrBytes::from_string))
        .with_read_only(entry.read_only)
        .with_config_source(entry.source.code())
        .with_is_sensitive(entry.sensitive)
        .with_synonyms(synonyms.collect())
        .with_config_type(entry.kind.code())
        .with_documentation(documentation(entry.documentation, shown))
}

/// No name means the default of all brokers, of which nothing is set.
fn broker(call: Call<'_>, name: &str, shown: Shown) -> Result<Entries, Failure> {
    if name.is_empty() {
        return Ok(Vec::new());
    }
    check_broker(call, name)?;
    let keys = call.broker.config.describe();
    Ok(keys
        .into_iter()
        .map(|view| broker_entry(view, shown))
        .collect())
}

fn check_broker(call: Call<'_>, name: &str) -> Result<(), Failure> {
    let invalid = |message| Err(Failure::because(ErrorCode::InvalidRequest, message));
    let own = call.broker.node_id.0;
    match name.parse::<i32>() {
        Ok(id) if id == own => Ok(()),
        Ok(id) => invalid(format!("this is broker {own}, not {id}")),
        Err(_) => invalid(format!("a broker's id is a number, not '{name}'")),
    }
}

fn broker_entry(view: KeyView<'_>, shown: Shown) -> DescribeConfigsResourceResult {
    let name = StrBytes::from_static_str(view.key.name);
    let value = view.value.map(StrBytes::from_string);
    let is_default = matches!(view.source, Source::Default);
    let synonym = |value: Option<StrBytes>, source| {
        let synonym = DescribeConfigsSynonym::default().with_name(name.clone());
        synonym.with_value(value).with_source(source)
    };
    let given = (!is_default).then(|| synonym(value.clone(), STATIC_BROKER));
    let default = view
        .key
        .default
        .map(|default| synonym(Some(StrBytes::from_static_str(default)), DEFAULT));
    let synonyms = given.into_iter().chain(default).filter(|_| shown.synonyms);
    DescribeConfigsResourceResult::default()
        .with_synonyms(synonyms.collect())
        .with_name(name)
        .with_value(value)
        // Nothing of a broker can be changed while it runs.
        .with_read_only(true)
        .with_config_source(if is_default { DEFAULT } else { STATIC_BROKER })
        .with_config_type(view.key.kind.code())
        .with_documentation(documentation(view.key.doc, shown))
}

fn documentation(text: &'static str, shown: Shown) -> Option<StrBytes> {
    shown.documentation.then(|| StrBytes::from_static_str(text))
}
