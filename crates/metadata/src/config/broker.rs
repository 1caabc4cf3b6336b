//! The broker settings that topics get their defaults from, in the layers that can give them.
//!
//! | layer | where it is said | strength |
//! |---|---|---|
//! | own | the cluster's configuration of this one broker | strongest |
//! | all | the cluster's default for all brokers | |
//! | started | this broker's file, flags and environment | weakest |
//!
//! The first two can change while brokers run, and only some settings can be in them: a
//! [`Synonym`] knows whether it is one.

use std::collections::BTreeMap;

use super::{ConfigSource, InvalidDefault, Kind, Synonym, TOPIC_KEYS, TopicKey, Value, defaults};
use crate::image::{ConfigResource, Configs, Image, ResourceType};
use ottla_protocol::types::NodeId;

/// What the cluster says about brokers: changes of their settings while they run.
#[derive(Clone, Copy, Debug)]
pub struct BrokerConfigs<'a> {
    /// About one broker.
    pub own: Option<&'a Configs>,
    /// About all brokers.
    pub all: Option<&'a Configs>,
}

impl<'a> BrokerConfigs<'a> {
    /// What an image says about a broker.
    pub fn of(image: &'a Image, broker: NodeId) -> Self {
        let configs = |name: String| {
            let kind = ResourceType::Broker;
            let configs = image.config(&ConfigResource { kind, name });
            configs.map(|configs| &**configs)
        };
        Self {
            own: configs(broker.to_string()),
            all: configs(String::new()),
        }
    }

    /// One of the two rates of replication that is throttled; none is said, or cannot be read: [`None`].
    pub fn throttled_rate(&self, name: &str) -> Option<u64> {
        let mut layers = [self.own, self.all].into_iter().flatten();
        let text = layers.find_map(|configs| configs.get(name))?;
        read_throttled_rate(name, text).ok()
    }
}

/// The setting of this name, if topics get a default from it, and the topic's key.
pub fn broker_setting(name: &str) -> Option<(&'static TopicKey, &'static Synonym)> {
    TOPIC_KEYS.iter().find_map(|key| {
        let synonym = key.synonyms.iter().find(|synonym| synonym.name == name)?;
        Some((key, synonym))
    })
}

/// The setting of this name, if it can be changed while brokers run.
pub fn dynamic_broker_setting(name: &str) -> Option<(&'static TopicKey, &'static Synonym)> {
    broker_setting(name).filter(|(_, synonym)| synonym.is_dynamic())
}

/// How much of replication a broker sends as a leader while the replicas it goes to do not keep up, in
/// bytes per second (KIP-73): the cluster's configuration alone can say it.
pub const LEADER_THROTTLED_RATE: &str = "leader.replication.throttled.rate";

/// How much it takes as a follower.
pub const FOLLOWER_THROTTLED_RATE: &str = "follower.replication.throttled.rate";

/// Reads one of the two.
///
/// # Errors
/// It is no number, or a negative one.
pub(crate) fn read_throttled_rate(name: &str, text: &str) -> Result<u64, InvalidDefault> {
    let invalid = |reason: String| InvalidDefault {
        key: name.to_owned(),
        value: text.to_owned(),
        reason,
    };
    match Value::parse(Kind::Long, text).map_err(|error| invalid(error.to_string()))? {
        Value::Long(rate) => {
            u64::try_from(rate).map_err(|_| invalid("it must be at least 0".into()))
        }
        _ => unreachable!("a number was parsed"),
    }
}

pub(crate) fn is_throttled_rate(name: &str) -> bool {
    [LEADER_THROTTLED_RATE, FOLLOWER_THROTTLED_RATE].contains(&name)
}

/// A change of a broker's settings that it cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBrokerConfig {
    /// Settings that are read at a broker's start alone.
    #[error("these configs cannot be changed while brokers run: {}", keys.join(", "))]
    NotDynamic {
        /// Their names.
        keys: Vec<String>,
    },
    /// A value that cannot be.
    #[error(transparent)]
    Value(#[from] InvalidDefault),
}

/// Settings by name, as they were written.
type Given = BTreeMap<&'static str, String>;

/// What was given in each layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    own: Given,
    all: Given,
    started: Given,
}

impl Layers {
    /// The layer of a broker's start; of its settings those are kept that topics get defaults from.
    pub(super) fn started(broker_values: &BTreeMap<String, String>) -> Self {
        Self {
            started: known(broker_values, |_, _| true),
            ..Self::default()
        }
    }

    /// The same start under other configurations, of which what cannot be read is left out.
    pub(super) fn under(&self, configs: BrokerConfigs<'_>) -> Self {
        let readable = |key: &TopicKey, synonym: &Synonym, text: &str| {
            synonym.is_dynamic() && defaults::parse(key, synonym, text).is_ok()
        };
        let layer = |configs: Option<&Configs>| {
            configs.map_or_else(Given::new, |configs| {
                known(configs, |(key, synonym), text| readable(key, synonym, text))
            })
        };
        Self {
            own: layer(configs.own),
            all: layer(configs.all),
            started: self.started.clone(),
        }
    }

    /// The layers, the strongest first, as DescribeConfigs calls them.
    pub(super) fn each(&self) -> [(ConfigSource, &Given); 3] {
        [
            (ConfigSource::DynamicBroker, &self.own),
            (ConfigSource::DynamicDefaultBroker, &self.all),
            (ConfigSource::StaticBroker, &self.started),
        ]
    }
}

fn known(
    configs: &BTreeMap<String, String>,
    keep: impl Fn((&TopicKey, &Synonym), &str) -> bool,
) -> Given {
    let known = configs.iter().filter_map(|(name, text)| {
        let (key, synonym) = broker_setting(name)?;
        keep((key, synonym), text).then(|| (synonym.name, text.clone()))
    });
    known.collect()
}

/// Whether a value of this setting is a list, to which items can be added.
pub(crate) fn broker_list(name: &str) -> Option<&'static str> {
    let (key, synonym) = dynamic_broker_setting(name)?;
    (key.kind == Kind::List)
        .then_some(synonym.default)
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TopicDefaults;

    fn map(pairs: &[(&str, &str)]) -> Configs {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn the_stronger_layer_counts() {
        let started = TopicDefaults::new(&map(&[("log.retention.hours", "24")])).unwrap();
        let retention = |own: &Configs, all: &Configs| {
            let (own, all) = (Some(own), Some(all));
            let defaults = started.under(BrokerConfigs { own, all });
            defaults.resolve(&Configs::new()).retention_ms
        };
        let (none, five, seven) = (
            map(&[]),
            map(&[("log.retention.ms", "5")]),
            map(&[("log.retention.ms", "7")]),
        );
        assert_eq!(retention(&none, &none), 86_400_000);
        assert_eq!(retention(&none, &five), 5);
        assert_eq!(retention(&seven, &five), 7);
        assert_eq!(retention(&seven, &none), 7);
    }

    #[test]
    fn what_cannot_be_read_or_changed_counts_as_not_said() {
        let all = map(&[
            ("log.retention.hours", "1"),
            ("log.segment.bytes", "small"),
            ("from.the.future", "1"),
            ("log.roll.ms", "9"),
        ]);
        let configs = BrokerConfigs {
            own: None,
            all: Some(&all),
        };
        let config = TopicDefaults::default()
            .under(configs)
            .resolve(&Configs::new());
        assert_eq!(config.retention_ms, 604_800_000);
        assert_eq!((config.segment_bytes, config.segment_ms), (1 << 30, 9));
    }

    #[test]
    fn settings_in_other_units_are_read_at_the_start_alone() {
        for (name, dynamic) in [
            ("log.retention.ms", true),
            ("log.retention.minutes", false),
            ("log.retention.hours", false),
            ("log.flush.scheduler.interval.ms", false),
            ("log.flush.interval.ms", true),
            ("ottla.flush", true),
            ("retention.ms", false),
            ("listeners", false),
        ] {
            assert_eq!(dynamic_broker_setting(name).is_some(), dynamic, "{name}");
        }
        assert_eq!(broker_list("log.cleanup.policy"), Some("delete"));
        assert_eq!(broker_list("log.segment.bytes"), None);
    }
}
