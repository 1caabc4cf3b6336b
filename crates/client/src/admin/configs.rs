//! Reading configs of topics and brokers.

use ottla_protocol::messages::DescribeConfigsRequest;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
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
}

impl ConfigResource {
    /// Kafka's number for the kind, and the name.
    fn kind_and_name(&self) -> (i8, String) {
        match self {
            ConfigResource::Topic(name) => (2, name.clone()),
            ConfigResource::Broker(id) => (4, id.to_string()),
        }
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
            // A broker's own configs are known to that broker alone.
            let response = match resource {
                ConfigResource::Topic(_) => self.client.ask_any(build).await?,
                ConfigResource::Broker(id) => self.client.ask(*id, build).await?,
            };
            let result =
                response
                    .results
                    .into_iter()
                    .next()
                    .ok_or_else(|| ClientError::Incomplete {
                        api: "DescribeConfigs",
                        subject: name.clone(),
                    })?;
            entries(&name, result)
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
