//! Changing configurations: each resource is changed whole or refused, all in one batch.
//!
//! What a value means is `config`'s business; here it is decided which keys change and what that
//! writes. A key that stays as it is writes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::NodeId;

use super::partition_plan::too_large;
use super::{CreationDefaults, Refused};
use crate::config::{BrokerConfigs, Kind, broker_list, topic_key, validate_group};
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
        let checked = self.defaults.configs.validate_broker(configs, changed);
        checked.map_err(|error| invalid(error.to_string()))
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
mod tests {
    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata, Reply};
    use crate::operations::TopicLimits;
    use crate::testing::{assert_refused, cluster, create_one, new_topic};

    fn on(kind: ResourceType, name: &str, change: ConfigChange) -> ResourceChange {
        let name = name.to_owned();
        ResourceChange {
            resource: ConfigResource { kind, name },
            change,
        }
    }

    fn update(changes: &[(&str, KeyChange)]) -> ConfigChange {
        let changes = changes.iter();
        ConfigChange::Update(
            changes
                .map(|(key, change)| ((*key).into(), change.clone()))
                .collect(),
        )
    }

    fn set(pairs: &[(&str, &str)]) -> ConfigChange {
        let sets = pairs
            .iter()
            .map(|(key, value)| (*key, KeyChange::Set((*value).into())));
        update(&sets.collect::<Vec<_>>())
    }

    fn append(items: &str) -> KeyChange {
        KeyChange::Append(items.into())
    }

    fn subtract(items: &str) -> KeyChange {
        KeyChange::Subtract(items.into())
    }

    fn request(resources: Vec<ResourceChange>) -> AlterConfigs {
        AlterConfigs {
            resources,
            validate_only: false,
            broker: NodeId(1),
            defaults: Arc::new(CreationDefaults::default()),
        }
    }

    fn ask(rig: &mut Rig<Metadata>, request: AlterConfigs) -> Vec<Result<(), Refused>> {
        match rig.ask(Input::AlterConfigs(request)) {
            Reply::AlterConfigs(outcomes) => outcomes,
            other => panic!("{other:?}"),
        }
    }

    fn alter(rig: &mut Rig<Metadata>, one: ResourceChange) -> Result<(), Refused> {
        ask(rig, request(vec![one])).remove(0)
    }

    fn shown(rig: &Rig<Metadata>, kind: ResourceType, name: &str) -> String {
        let name = name.to_owned();
        let configs = rig.hard().config(&ConfigResource { kind, name });
        let pairs = configs.into_iter().flat_map(|configs| configs.iter());
        let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(" ")
    }

    fn with_topic() -> Rig<Metadata> {
        let mut rig = cluster(1);
        create_one(&mut rig, new_topic("t", 1, 1)).unwrap();
        rig
    }

    #[test]
    fn keys_are_set_and_taken_away_and_the_others_stay() {
        let mut rig = with_topic();
        let topic = |change| on(ResourceType::Topic, "t", change);
        alter(
            &mut rig,
            topic(set(&[("retention.ms", "5"), ("flush.ms", "7")])),
        )
        .unwrap();
        let changes = [
            ("retention.ms", KeyChange::Delete),
            ("segment.ms", KeyChange::Set(" 9 ".into())),
            ("never.was", KeyChange::Delete),
        ];
        alter(&mut rig, topic(update(&changes))).unwrap();
        assert_eq!(
            shown(&rig, ResourceType::Topic, "t"),
            "flush.ms=7 segment.ms= 9 "
        );
        let before = rig.records().len();
        alter(&mut rig, topic(set(&[("flush.ms", "7")]))).unwrap();
        assert_eq!(rig.records().len(), before, "nothing has changed");
    }

    #[test]
    fn a_replaced_configuration_loses_what_it_does_not_name() {
        let mut rig = with_topic();
        let topic = |change| on(ResourceType::Topic, "t", change);
        alter(
            &mut rig,
            topic(set(&[("retention.ms", "5"), ("flush.ms", "7")])),
        )
        .unwrap();
        let only = Configs::from([("flush.ms".to_owned(), "8".to_owned())]);
        alter(&mut rig, topic(ConfigChange::Replace(only))).unwrap();
        assert_eq!(shown(&rig, ResourceType::Topic, "t"), "flush.ms=8");
        alter(&mut rig, topic(ConfigChange::Replace(Configs::new()))).unwrap();
        assert_eq!(shown(&rig, ResourceType::Topic, "t"), "");
    }

    #[test]
    fn items_are_added_to_and_taken_from_lists() {
        let mut rig = with_topic();
        let key = "cleanup.policy";
        for (change, expected) in [
            (append("compact"), "cleanup.policy=delete,compact"),
            (append("compact,delete"), "cleanup.policy=delete,compact"),
            (subtract("delete,shred"), "cleanup.policy=compact"),
            (subtract("compact"), "cleanup.policy="),
            (append("delete,"), "cleanup.policy=delete"),
        ] {
            let change = update(&[(key, change)]);
            alter(&mut rig, on(ResourceType::Topic, "t", change)).unwrap();
            assert_eq!(shown(&rig, ResourceType::Topic, "t"), expected);
        }
        let change = update(&[("log.cleanup.policy", append("compact"))]);
        alter(&mut rig, on(ResourceType::Broker, "", change)).unwrap();
        let expected = "log.cleanup.policy=delete,compact";
        assert_eq!(shown(&rig, ResourceType::Broker, ""), expected);
        for (kind, name, key) in [
            (ResourceType::Topic, "t", "retention.ms"),
            (ResourceType::Topic, "t", "never.was"),
            (ResourceType::Broker, "1", "log.retention.ms"),
            (ResourceType::Group, "g", "consumer.session.timeout.ms"),
        ] {
            let refused = alter(&mut rig, on(kind, name, update(&[(key, append("1"))])));
            assert_refused(refused, ErrorCode::InvalidConfig);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_kafkas_code() {
        use ResourceType::{Broker, ClientMetrics, Group, Topic};
        let mut rig = with_topic();
        let before = rig.records().len();
        for (kind, name, key, value, code) in [
            (Topic, "t", "retention.ms", "-2", ErrorCode::InvalidConfig),
            (Topic, "t", "never.was", "1", ErrorCode::InvalidConfig),
            (
                Topic,
                "t",
                "remote.storage.enable",
                "true",
                ErrorCode::InvalidConfig,
            ),
            (
                Topic,
                "nope",
                "retention.ms",
                "-2",
                ErrorCode::InvalidConfig,
            ),
            (
                Topic,
                "nope",
                "retention.ms",
                "2",
                ErrorCode::UnknownTopicOrPartition,
            ),
            (
                Topic,
                "a b",
                "retention.ms",
                "2",
                ErrorCode::InvalidTopicException,
            ),
            (Topic, "", "retention.ms", "2", ErrorCode::InvalidRequest),
            (
                Broker,
                "",
                "log.retention.ms",
                "x",
                ErrorCode::InvalidRequest,
            ),
            (
                Broker,
                "",
                "log.retention.hours",
                "1",
                ErrorCode::InvalidRequest,
            ),
            (
                Broker,
                "1",
                "listeners",
                "A://:1",
                ErrorCode::InvalidRequest,
            ),
            (Broker, "1", "never.was", "1", ErrorCode::InvalidRequest),
            (
                Broker,
                "x",
                "log.retention.ms",
                "1",
                ErrorCode::InvalidRequest,
            ),
            (
                Broker,
                "-1",
                "log.retention.ms",
                "1",
                ErrorCode::InvalidRequest,
            ),
            (
                Broker,
                "7",
                "log.retention.ms",
                "1",
                ErrorCode::BrokerIdNotRegistered,
            ),
            (
                Group,
                "",
                "consumer.session.timeout.ms",
                "45000",
                ErrorCode::InvalidRequest,
            ),
            (
                Group,
                "g",
                "consumer.session.timeout.ms",
                "1",
                ErrorCode::InvalidConfig,
            ),
            (
                Group,
                "g",
                "share.session.timeout.ms",
                "45000",
                ErrorCode::InvalidConfig,
            ),
            (
                ClientMetrics,
                "s",
                "interval.ms",
                "100",
                ErrorCode::InvalidConfig,
            ),
        ] {
            let refused = alter(&mut rig, on(kind, name, set(&[(key, value)])));
            assert_refused(refused, code);
        }
        assert_eq!(rig.records().len(), before);
    }

    #[test]
    fn a_resource_is_changed_whole_or_not_at_all_whatever_becomes_of_others() {
        let mut rig = with_topic();
        let half = set(&[("flush.ms", "7"), ("retention.ms", "x")]);
        let resources = vec![
            on(ResourceType::Topic, "t", half),
            on(ResourceType::Broker, "", set(&[("log.retention.ms", "5")])),
        ];
        let outcomes = ask(&mut rig, request(resources));
        assert!(outcomes[0].is_err() && outcomes[1].is_ok(), "{outcomes:?}");
        assert_eq!(shown(&rig, ResourceType::Topic, "t"), "");
        assert_eq!(shown(&rig, ResourceType::Broker, ""), "log.retention.ms=5");
    }

    #[test]
    fn brokers_are_checked_under_all_that_is_said_of_them() {
        let mut rig = cluster(1);
        let lag = |key, value| set(&[(key, value)]);
        let most = lag("log.cleaner.max.compaction.lag.ms", "5");
        alter(&mut rig, on(ResourceType::Broker, "1", most)).unwrap();
        let least = lag("log.cleaner.min.compaction.lag.ms", "6");
        let refused = alter(&mut rig, on(ResourceType::Broker, "", least));
        assert_refused(refused, ErrorCode::InvalidRequest);
    }

    #[test]
    fn validating_writes_nothing() {
        let mut rig = with_topic();
        let before = rig.records().len();
        let change = on(ResourceType::Topic, "t", set(&[("flush.ms", "7")]));
        let request = AlterConfigs {
            validate_only: true,
            ..request(vec![change])
        };
        assert_eq!(ask(&mut rig, request), [Ok(())]);
        assert_eq!(rig.records().len(), before);
    }

    #[test]
    fn a_request_for_too_much_is_refused_as_a_whole() {
        let mut rig = with_topic();
        let limits = TopicLimits {
            records_per_request_max: 1,
            ..TopicLimits::default()
        };
        let change = set(&[("flush.ms", "7"), ("retention.ms", "8")]);
        let request = AlterConfigs {
            defaults: Arc::new(CreationDefaults {
                limits,
                ..CreationDefaults::default()
            }),
            ..request(vec![on(ResourceType::Topic, "t", change)])
        };
        assert_refused(ask(&mut rig, request).remove(0), ErrorCode::PolicyViolation);
    }
}
