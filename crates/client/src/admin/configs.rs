//! Reading and changing configs of topics, brokers, groups and log levels.

use std::fmt;

use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use ottla_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use ottla_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use ottla_protocol::{ErrorCode, NodeId};

use super::Admin;
use crate::error::ClientError;
use crate::wire::{StrBytes, text};

/// What has configs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConfigResource {
    /// A topic.
    Topic(String),
    /// A broker.
    Broker(NodeId),
    /// What brokers use that say nothing themselves.
    AllBrokers,
    /// The log levels of a broker.
    BrokerLogger(NodeId),
    /// A group.
    Group(String),
}

impl ConfigResource {
    /// Kafka's number for the kind, and the name.
    fn kind_and_name(&self) -> (i8, String) {
        match self {
            ConfigResource::Topic(name) => (2, name.clone()),
            ConfigResource::Broker(id) => (4, id.to_string()),
            ConfigResource::AllBrokers => (4, String::new()),
            ConfigResource::BrokerLogger(id) => (8, id.to_string()),
            ConfigResource::Group(name) => (32, name.clone()),
        }
    }

    /// The broker that alone can answer for it, if not any can.
    fn broker(&self) -> Option<NodeId> {
        match self {
            ConfigResource::Broker(id) | ConfigResource::BrokerLogger(id) => Some(*id),
            ConfigResource::Topic(_) | ConfigResource::AllBrokers | ConfigResource::Group(_) => {
                None
            }
        }
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigResource::Topic(name) => write!(formatter, "topic {name}"),
            ConfigResource::Broker(id) => write!(formatter, "broker {id}"),
            ConfigResource::AllBrokers => formatter.write_str("all brokers"),
            ConfigResource::BrokerLogger(id) => write!(formatter, "the loggers of broker {id}"),
            ConfigResource::Group(name) => write!(formatter, "group {name}"),
        }
    }
}

/// A change of one config.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigChange {
    /// The config's name.
    pub name: String,
    /// What becomes of it.
    pub operation: ConfigOperation,
}

/// What becomes of a config.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConfigOperation {
    /// It gets this value.
    Set(String),
    /// It is what it is where nothing is set.
    Unset,
    /// These values, with commas between, are added to its list.
    Append(String),
    /// These values are taken out of its list.
    Subtract(String),
}

impl ConfigChange {
    fn alterable(&self) -> AlterableConfig {
        let (number, value) = match &self.operation {
            ConfigOperation::Set(value) => (0, Some(value)),
            ConfigOperation::Unset => (1, None),
            ConfigOperation::Append(value) => (2, Some(value)),
            ConfigOperation::Subtract(value) => (3, Some(value)),
        };
        AlterableConfig::default()
            .with_name(text(&self.name))
            .with_config_operation(number)
            .with_value(value.map(|value| text(value)))
    }
}

/// One config of a resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it has none or is secret.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// Whether it cannot be altered.
    pub is_read_only: bool,
    /// Whether it is secret.
    pub is_sensitive: bool,
    /// The values it would have otherwise, the effective one first; empty unless asked for.
    pub synonyms: Vec<ConfigSynonym>,
    /// What it means; `None` unless asked for.
    pub documentation: Option<String>,
}

/// A config under the name and value it has at one source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigSynonym {
    /// The name there.
    pub name: String,
    /// The value there.
    pub value: Option<String>,
    /// The source.
    pub source: ConfigSource,
}

/// Where a config's value comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set on this broker while it ran.
    Broker,
    /// Set on all brokers while they ran.
    BrokerDefault,
    /// From the broker's start.
    BrokerStart,
    /// Nowhere set.
    Default,
    /// A log level that was set while the broker ran.
    BrokerLogger,
    /// Set on the group.
    Group,
    /// Another of Kafka's numbers.
    Other(i8),
}

impl From<i8> for ConfigSource {
    fn from(number: i8) -> Self {
        match number {
            1 => ConfigSource::Topic,
            2 => ConfigSource::Broker,
            3 => ConfigSource::BrokerDefault,
            4 => ConfigSource::BrokerStart,
            5 => ConfigSource::Default,
            6 => ConfigSource::BrokerLogger,
            8 => ConfigSource::Group,
            other => ConfigSource::Other(other),
        }
    }
}

impl Admin<'_> {
    /// All configs of a resource, in order of their names, with `synonyms` also where else they could come from.
    pub async fn describe_configs(
        &self,
        resource: &ConfigResource,
        synonyms: bool,
    ) -> Result<Vec<ConfigEntry>, ClientError> {
        let (kind, name) = resource.kind_and_name();
        let asked = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(&name))
            .with_configuration_keys(None);
        let build = |_| {
            DescribeConfigsRequest::default()
                .with_resources(vec![asked.clone()])
                .with_include_synonyms(synonyms)
        };
        let attempt = |_| async {
            let response = match resource.broker() {
                Some(id) => self.client.ask(id, build).await?,
                None => self.client.ask_any(build).await?,
            };
            let result =
                response
                    .results
                    .into_iter()
                    .next()
                    .ok_or_else(|| ClientError::Incomplete {
                        api: "DescribeConfigs",
                        subject: resource.to_string(),
                    })?;
            entries(&resource.to_string(), result)
        };
        self.client.retry(attempt).await
    }

    /// Changes some configs of a resource, all or none, or with `validate_only` says whether they could be changed.
    pub async fn alter_configs(
        &self,
        resource: &ConfigResource,
        changes: &[ConfigChange],
        validate_only: bool,
    ) -> Result<(), ClientError> {
        let (kind, name) = resource.kind_and_name();
        let altered = AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(&name))
            .with_configs(changes.iter().map(ConfigChange::alterable).collect());
        let build = |_| {
            IncrementalAlterConfigsRequest::default()
                .with_resources(vec![altered.clone()])
                .with_validate_only(validate_only)
        };
        let attempt = |_| async {
            let response = match resource.broker() {
                Some(id) => self.client.ask(id, build).await?,
                None => self.client.ask_any(build).await?,
            };
            let told = response.responses.first();
            let told = told.ok_or_else(|| ClientError::Incomplete {
                api: "IncrementalAlterConfigs",
                subject: resource.to_string(),
            })?;
            let detail = told.error_message.as_ref().map(|text| text.as_str());
            match ErrorCode::from_code(told.error_code) {
                ErrorCode::None => Ok(()),
                code => Err(ClientError::refused(resource.to_string(), code, detail)),
            }
        };
        self.client.retry(attempt).await
    }
}

fn entries(subject: &str, result: DescribeConfigsResult) -> Result<Vec<ConfigEntry>, ClientError> {
    match ErrorCode::from_code(result.error_code) {
        ErrorCode::None => {}
        code => {
            return Err(ClientError::refused(
                subject,
                code,
                result.error_message.as_ref().map(|text| text.as_str()),
            ));
        }
    }
    let mut entries: Vec<ConfigEntry> = result.configs.iter().map(entry).collect();
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn entry(config: &DescribeConfigsResourceResult) -> ConfigEntry {
    let owned = |text: &Option<StrBytes>| text.as_ref().map(|text| text.to_string());
    let synonyms = config.synonyms.iter().map(|synonym| ConfigSynonym {
        name: synonym.name.to_string(),
        value: owned(&synonym.value),
        source: synonym.source.into(),
    });
    ConfigEntry {
        name: config.name.to_string(),
        value: owned(&config.value),
        source: config.config_source.into(),
        is_read_only: config.read_only,
        is_sensitive: config.is_sensitive,
        synonyms: synonyms.collect(),
        documentation: owned(&config.documentation),
    }
}
