//! Changing configurations: each resource is changed whole or refused, all in one batch.
//!
//! What a value means is `config`'s business; here it is decided which keys change and what that
//! writes. A key that stays as it is writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::NodeId;

use super::limits::FOREIGN_SETTINGS_MAX;
use super::partition_plan::too_large;
use super::{CreationDefaults, Refused};
use crate::config::{BrokerConfigs, Kind, broker_list, broker_setting, topic_key, validate_group};
use crate::image::{ConfigResource, Configs, Image, ResourceType};
use crate::record::{ConfigRecord, Record};
use crate::topic_name::TopicName;

/// Changes configurations, or says what would be refused.
#[derive(Clone, Debug)]
pub struct AlterConfigs {
    /// The changes, each of another resource.
    pub resources: Vec<ResourceChange>,
    /// Only says what would be; nothing is written.
    pub validate_only: bool,
    /// The broker that was asked: it must be able to run under what is said of all brokers.
    pub broker: NodeId,
    /// What that broker gives topics that do not say.
    pub defaults: Arc<CreationDefaults>,
}

/// A change of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceChange {
    /// Which resource.
    pub resource: ConfigResource,
    /// What becomes of its configuration.
    pub change: ConfigChange,
}

/// What becomes of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// It is this from now on; every other key is taken away.
    Replace(Configs),
    /// These keys change, the others stay.
    Update(BTreeMap<String, KeyChange>),
}

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// It gets this value.
    Set(String),
    /// It is taken away.
    Delete,
    /// These items are added to its list, but for those that it has.
    Append(String),
    /// These items are taken from its list.
    Subtract(String),
}

impl AlterConfigs {
    /// The records, and what to say about each resource, in the order of the request. `fits` says
    /// whether records are few enough for one batch.
    pub(crate) fn decide(
        self,
        image: &Image,
        fits: impl Fn(&[Record]) -> bool,
    ) -> (Vec<Record>, Vec<Result<(), Refused>>) {
        let mut records = Vec::new();
        let mut outcomes = Vec::new();
        for ResourceChange { resource, change } in &self.resources {
            outcomes.push(self.decide_one(image, resource, change).map(|written| {
                records.extend(written);
            }));
        }
        if records.len() > self.defaults.limits.records_per_request_max || !fits(&records) {
            let refused = || Err(too_large("the request asks for too much at once"));
            return (Vec::new(), outcomes.iter().map(|_| refused()).collect());
        }
        if self.validate_only {
            records.clear();
        }
        (records, outcomes)
    }

    fn decide_one(
        &self,
        image: &Image,
        resource: &ConfigResource,
        change: &ConfigChange,
    ) -> Result<Vec<Record>, Refused> {
        let current = image.config(resource).cloned().unwrap_or_default();
        let next = change.applied_to(&current, resource.kind)?;
        match resource.kind {
            ResourceType::Topic => self.check_topic(image, &resource.name, &next)?,
            ResourceType::Broker => self.check_broker(image, &resource.name, &current, &next)?,
            ResourceType::Group => check_group(&resource.name, &next)?,
            ResourceType::ClientMetrics => {
                return Err(Refused::new(
                    ErrorCode::InvalidConfig,
                    "metrics of clients are not collected by this broker",
                ));
            }
        }
        Ok(difference(resource, &current, &next))
    }

    fn check_topic(&self, image: &Image, name: &str, next: &Configs) -> Result<(), Refused> {
        if name.is_empty() {
            return Err(invalid("there is no default of all topics"));
        }
        TopicName::parse(name)?;
        self.defaults.configs.validate(next)?;
        if image.topic(name).is_none() {
            return Err(Refused::new(
                ErrorCode::UnknownTopicOrPartition,
                format!("topic '{name}' does not exist"),
            ));
        }
        Ok(())
    }

    fn check_broker(
        &self,
        image: &Image,
        name: &str,
        current: &Configs,
        next: &Configs,
    ) -> Result<(), Refused> {
        let configs = if name.is_empty() {
            BrokerConfigs {
                all: Some(next),
                ..BrokerConfigs::of(image, self.broker)
            }
        } else {
            BrokerConfigs {
                own: Some(next),
                ..BrokerConfigs::of(image, registered(image, name)?)
            }
        };
        let changed = next
            .iter()
            .filter(|(key, value)| current.get(*key) != Some(value));
        let changed = changed.map(|(key, value)| (key.as_str(), value.as_str()));
        let is_setting = self.defaults.is_broker_setting;
        let checked = self
            .defaults
            .configs
            .validate_broker(configs, changed, is_setting);
        checked.map_err(|error| invalid(error.to_string()))?;
        let is_foreign = |name: &&String| broker_setting(name).is_none() && !is_setting(name);
        if next.keys().filter(is_foreign).count() > FOREIGN_SETTINGS_MAX {
            return Err(invalid(format!(
                "more than {FOREIGN_SETTINGS_MAX} settings that no broker has"
            )));
        }
        Ok(())
    }
}

/// The number of a broker that the cluster knows.
fn registered(image: &Image, name: &str) -> Result<NodeId, Refused> {
    let id = match name.parse() {
        Ok(id @ 0..) => NodeId(id),
        _ => return Err(invalid(format!("a broker's id is a number, not '{name}'"))),
    };
    if image.broker(id).is_none() {
        return Err(Refused::new(
            ErrorCode::BrokerIdNotRegistered,
            format!("broker {id} is not registered"),
        ));
    }
    Ok(id)
}

fn check_group(name: &str, next: &Configs) -> Result<(), Refused> {
    if name.is_empty() {
        return Err(invalid("there is no default of all groups"));
    }
    validate_group(next).map_err(|error| Refused::new(ErrorCode::InvalidConfig, error.to_string()))
}

fn invalid(message: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidRequest, message)
}

impl ConfigChange {
    fn applied_to(&self, current: &Configs, kind: ResourceType) -> Result<Configs, Refused> {
        let changes = match self {
            ConfigChange::Replace(next) => return Ok(next.clone()),
            ConfigChange::Update(changes) => changes,
        };
        let mut next = current.clone();
        for (key, change) in changes {
            let value = match change {
                KeyChange::Set(value) => value.clone(),
                KeyChange::Delete => {
                    next.remove(key);
                    continue;
                }
                KeyChange::Append(items) => {
                    let mut list = list_of(current, kind, key)?;
                    for item in split(items) {
                        if !list.contains(&item) {
                            list.push(item);
                        }
                    }
                    list.join(",")
                }
                KeyChange::Subtract(items) => {
                    let mut list = list_of(current, kind, key)?;
                    for item in split(items) {
                        if let Some(at) = list.iter().position(|one| *one == item) {
                            list.remove(at);
                        }
                    }
                    list.join(",")
                }
            };
            next.insert(key.clone(), value);
        }
        Ok(next)
    }
}

/// The items that a list key has now: its own, or else the key's default. What brokers were
/// started with is not asked, as by Kafka.
fn list_of<'a>(
    current: &'a Configs,
    kind: ResourceType,
    key: &str,
) -> Result<Vec<&'a str>, Refused> {
    let default = match kind {
        ResourceType::Topic => topic_key(key)
            .filter(|key| key.kind == Kind::List)
            .and_then(|key| key.default),
        ResourceType::Broker => broker_list(key),
        ResourceType::ClientMetrics | ResourceType::Group => None,
    };
    let default = default.ok_or_else(|| {
        Refused::new(
            ErrorCode::InvalidConfig,
            format!("items cannot be added to or taken from {key}: it is not a list"),
        )
    })?;
    let text = current.get(key).map_or(default, String::as_str);
    Ok(split(text).filter(|item| !item.is_empty()).collect())
}

fn split(items: &str) -> impl Iterator<Item = &str> {
    // Java's split gives nothing for what follows the last comma, if that is empty.
    items.trim_end_matches(',').split(',')
}

fn difference(resource: &ConfigResource, current: &Configs, next: &Configs) -> Vec<Record> {
    let record = |name: &String, value: Option<&String>| {
        Record::Config(ConfigRecord {
            resource_type: resource.kind.code(),
            resource_name: resource.name.clone(),
            name: name.clone(),
            value: value.cloned(),
        })
    };
    let set = next
        .iter()
        .filter(|(key, value)| current.get(*key) != Some(value));
    let set = set.map(|(key, value)| record(key, Some(value)));
    let gone = current.keys().filter(|key| !next.contains_key(*key));
    set.chain(gone.map(|key| record(key, None))).collect()
}

#[cfg(test)]
mod tests;
