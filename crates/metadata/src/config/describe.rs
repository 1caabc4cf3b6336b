//! What DescribeConfigs and CreateTopics say about a topic's configuration.
//!
//! The two APIs differ in Kafka, and so they do here. DescribeConfigs shows the parsed value and
//! takes the source from its list of synonyms, which begins at the strongest broker setting: where
//! that one is not set (`log.retention.ms`, while `log.retention.hours` is), the list is empty and
//! the source is the default. CreateTopics shows the value as it was written and the setting that
//! it truly comes from.

use std::collections::BTreeMap;

use super::{Kind, TOPIC_KEYS, TopicDefaults, TopicKey, Unit, Visibility, broker_setting};

/// One configuration of a topic as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key.
    pub name: &'static str,
    /// The effective value.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: ConfigSource,
    /// Its type.
    pub kind: Kind,
    /// Whether it can only be set at the broker's start; no topic configuration is.
    pub read_only: bool,
    /// Whether the value must not be shown; no topic configuration is.
    pub sensitive: bool,
    /// Everything that was said about the key, the strongest first.
    pub synonyms: Vec<ConfigSynonym>,
    /// What it does, in one line.
    pub documentation: &'static str,
}

/// One thing that was said about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key or broker setting.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Where it was said.
    pub source: ConfigSource,
}

/// Where a value comes from, as Kafka numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// The topic's own override.
    Topic,
    /// The cluster's configuration of one broker.
    DynamicBroker,
    /// The cluster's default for all brokers.
    DynamicDefaultBroker,
    /// The broker's settings file, flags or environment.
    StaticBroker,
    /// Nobody said anything.
    Default,
    /// A broker's level of logging.
    BrokerLogger,
    /// The group's own override.
    Group,
}

impl ConfigSource {
    /// Whether it can change while brokers run.
    pub fn is_dynamic(self) -> bool {
        !matches!(self, ConfigSource::StaticBroker | ConfigSource::Default)
    }

    /// The number on the wire.
    pub fn code(self) -> i8 {
        match self {
            ConfigSource::Topic => 1,
            ConfigSource::DynamicBroker => 2,
            ConfigSource::DynamicDefaultBroker => 3,
            ConfigSource::StaticBroker => 4,
            ConfigSource::Default => 5,
            ConfigSource::BrokerLogger => 6,
            ConfigSource::Group => 8,
        }
    }
}

impl TopicDefaults {
    /// The entries of DescribeConfigs for a topic with these overrides, ordered by name.
    pub fn describe(&self, overrides: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
        let values = self.merged(overrides);
        let shown = TOPIC_KEYS.iter().filter(|key| is_shown(key, overrides));
        shown
            .map(|key| {
                let value = values.get(key).map(ToString::to_string);
                let own = overrides.contains_key(key.name).then(|| ConfigSynonym {
                    name: key.name,
                    value: value.clone().unwrap_or_default(),
                    source: ConfigSource::Topic,
                });
                let synonyms: Vec<_> = own.into_iter().chain(self.broker_synonyms(key)).collect();
                let source = synonyms
                    .first()
                    .map_or(ConfigSource::Default, |first| first.source);
                entry(key, value, source, synonyms)
            })
            .collect()
    }

    /// The entries that CreateTopics answers for a topic created with these overrides, ordered by
    /// name.
    pub fn effective(&self, overrides: &BTreeMap<String, String>) -> Vec<ConfigEntry> {
        let shown = TOPIC_KEYS.iter().filter(|key| is_shown(key, overrides));
        shown
            .map(|key| {
                let (value, source) = self.effective_value(key, overrides);
                entry(key, value, source, Vec::new())
            })
            .collect()
    }

    fn effective_value(
        &self,
        key: &TopicKey,
        overrides: &BTreeMap<String, String>,
    ) -> (Option<String>, ConfigSource) {
        if let Some(text) = overrides.get(key.name) {
            return (Some(text.clone()), ConfigSource::Topic);
        }
        let parsed = || self.values().get(key).map(ToString::to_string);
        let given = self
            .layers()
            .each()
            .into_iter()
            .find_map(|(source, layer)| {
                let mut synonyms = key.synonyms.iter();
                synonyms.find_map(|one| Some((source, one.unit, layer.get(one.name)?)))
            });
        match given {
            Some((source, Unit::Same, text)) => (Some(text.clone()), source),
            Some((source, Unit::Minutes | Unit::Hours, _)) => (parsed(), source),
            None => (parsed(), ConfigSource::Default),
        }
    }

    fn broker_synonyms(&self, key: &TopicKey) -> impl Iterator<Item = ConfigSynonym> {
        let strongest = key.synonyms.first().map(|synonym| synonym.name);
        let all = self.said_of(key);
        all.into_iter()
            .skip_while(move |synonym| Some(synonym.name) != strongest)
    }

    /// Everything that was said about the settings behind a key, the strongest first.
    fn said_of(&self, key: &TopicKey) -> Vec<ConfigSynonym> {
        let mut said = Vec::new();
        for (source, layer) in self.layers().each() {
            said.extend(key.synonyms.iter().filter_map(|synonym| {
                Some(ConfigSynonym {
                    name: synonym.name,
                    value: layer.get(synonym.name)?.clone(),
                    source,
                })
            }));
        }
        said.extend(key.synonyms.iter().filter_map(|synonym| {
            Some(ConfigSynonym {
                name: synonym.name,
                value: synonym.default?.to_owned(),
                source: ConfigSource::Default,
            })
        }));
        said
    }

    /// Everything that was said about a broker's setting, if topics get a default from it: itself
    /// first, then what counts where it is silent.
    pub fn describe_broker_setting(&self, name: &str) -> Option<Vec<ConfigSynonym>> {
        let (key, _) = broker_setting(name)?;
        let said = self.said_of(key).into_iter();
        Some(said.skip_while(|synonym| synonym.name != name).collect())
    }
}

fn is_shown(key: &TopicKey, overrides: &BTreeMap<String, String>) -> bool {
    match key.visibility {
        Visibility::Public | Visibility::Own => true,
        Visibility::Internal => overrides.contains_key(key.name),
    }
}

fn entry(
    key: &TopicKey,
    value: Option<String>,
    source: ConfigSource,
    synonyms: Vec<ConfigSynonym>,
) -> ConfigEntry {
    ConfigEntry {
        name: key.name,
        value,
        source,
        kind: key.kind,
        read_only: false,
        sensitive: false,
        synonyms,
        documentation: key.documentation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BrokerConfigs;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    /// `value source [synonym=value@source …]` of one key, as a broker of Kafka 4.4 with these
    /// settings answers.
    #[track_caller]
    fn check(broker: &[(&str, &str)], topic: &[(&str, &str)], key: &str, expected: &str) {
        let defaults = TopicDefaults::new(&map(broker)).unwrap();
        let entries = defaults.describe(&map(topic));
        let entry = entries.iter().find(|entry| entry.name == key).unwrap();
        let mut shown = format!("{} {:?}", entry.value.as_deref().unwrap(), entry.source);
        for ConfigSynonym {
            name,
            value,
            source,
        } in &entry.synonyms
        {
            shown += &format!(" {name}={value}@{source:?}");
        }
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_default_shows_the_broker_setting_that_could_change_it() {
        check(&[], &[], "flush.ms", "9223372036854775807 Default");
        check(&[], &[], "retention.ms", "604800000 Default");
        check(
            &[],
            &[],
            "max.message.bytes",
            "1048588 Default message.max.bytes=1048588@Default",
        );
        check(&[], &[], "remote.storage.enable", "false Default");
    }

    #[test]
    fn a_broker_setting_is_parsed_for_the_value_and_shown_raw_among_the_synonyms() {
        check(
            &[("log.cleanup.policy", "compact, delete")],
            &[],
            "cleanup.policy",
            "compact,delete StaticBroker log.cleanup.policy=compact, delete@StaticBroker \
             log.cleanup.policy=delete@Default",
        );
        check(
            &[("log.cleaner.min.cleanable.ratio", ".25")],
            &[],
            "min.cleanable.dirty.ratio",
            "0.25 StaticBroker log.cleaner.min.cleanable.ratio=.25@StaticBroker \
             log.cleaner.min.cleanable.ratio=0.5@Default",
        );
    }

    #[test]
    fn weaker_settings_show_only_behind_the_strongest() {
        check(
            &[("log.retention.hours", "24")],
            &[],
            "retention.ms",
            "86400000 Default",
        );
        check(
            &[
                ("log.retention.hours", "24"),
                ("log.retention.minutes", "10"),
                ("log.retention.ms", "-1"),
            ],
            &[],
            "retention.ms",
            "-1 StaticBroker log.retention.ms=-1@StaticBroker \
             log.retention.minutes=10@StaticBroker log.retention.hours=24@StaticBroker \
             log.retention.hours=168@Default",
        );
        check(
            &[("log.flush.interval.ms", "99")],
            &[],
            "flush.ms",
            "99 StaticBroker log.flush.interval.ms=99@StaticBroker \
             log.flush.scheduler.interval.ms=9223372036854775807@Default",
        );
    }

    #[test]
    fn an_override_is_shown_parsed_and_before_the_brokers() {
        check(
            &[],
            &[("retention.ms", " 77 ")],
            "retention.ms",
            "77 Topic retention.ms=77@Topic",
        );
        check(
            &[],
            &[("cleanup.policy", " compact , delete ,compact")],
            "cleanup.policy",
            "compact,delete Topic cleanup.policy=compact,delete@Topic \
             log.cleanup.policy=delete@Default",
        );
        check(
            &[],
            &[("min.cleanable.dirty.ratio", "1e-4")],
            "min.cleanable.dirty.ratio",
            "1.0E-4 Topic min.cleanable.dirty.ratio=1.0E-4@Topic \
             log.cleaner.min.cleanable.ratio=0.5@Default",
        );
    }

    #[test]
    fn what_the_cluster_says_of_brokers_stands_before_what_they_were_started_with() {
        let started = TopicDefaults::new(&map(&[("log.segment.bytes", "2000000")])).unwrap();
        let (own, all) = (
            map(&[("log.segment.bytes", "4000000")]),
            map(&[("log.segment.bytes", "3000000")]),
        );
        let shown = |own: Option<&_>, all: Option<&_>| {
            let defaults = started.under(BrokerConfigs { own, all });
            let mut entries = defaults.describe(&map(&[])).into_iter();
            let entry = entries.find(|entry| entry.name == "segment.bytes").unwrap();
            let created = defaults.effective(&map(&[]));
            let created = created.iter().find(|one| one.name == entry.name).unwrap();
            assert_eq!(
                (&created.value, created.source),
                (&entry.value, entry.source)
            );
            let said = defaults.describe_broker_setting("log.segment.bytes");
            assert_eq!(said.unwrap(), entry.synonyms);
            let sources: Vec<i8> = entry.synonyms.iter().map(|one| one.source.code()).collect();
            (entry.value.unwrap(), sources)
        };
        let value = |text: &str, sources: &[i8]| (text.to_owned(), sources.to_vec());
        assert_eq!(shown(None, None), value("2000000", &[4, 5]));
        assert_eq!(shown(None, Some(&all)), value("3000000", &[3, 4, 5]));
        assert_eq!(
            shown(Some(&own), Some(&all)),
            value("4000000", &[2, 3, 4, 5])
        );
        assert_eq!(shown(Some(&own), None), value("4000000", &[2, 4, 5]));
    }

    #[test]
    fn an_internal_key_shows_only_where_it_is_set() {
        let defaults = TopicDefaults::default();
        let names = |overrides| {
            let entries = defaults.describe(&overrides);
            entries
                .into_iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(map(&[])).len(), 38);
        assert!(names(map(&[("internal.segment.bytes", "9")])).contains(&"internal.segment.bytes"));
    }

    #[test]
    fn a_created_topics_entries_are_raw_and_name_the_true_source() {
        let settings = [
            ("log.retention.hours", "24"),
            ("log.cleanup.policy", "compact, delete"),
        ];
        let defaults = TopicDefaults::new(&map(&settings)).unwrap();
        let entries = defaults.effective(&map(&[("segment.ms", " 7 ")]));
        let shown = |key: &str| {
            let entry = entries.iter().find(|entry| entry.name == key).unwrap();
            (entry.value.clone().unwrap(), entry.source)
        };
        assert_eq!(shown("segment.ms"), (" 7 ".to_owned(), ConfigSource::Topic));
        assert_eq!(
            shown("retention.ms"),
            ("86400000".to_owned(), ConfigSource::StaticBroker)
        );
        let policy = ("compact, delete".to_owned(), ConfigSource::StaticBroker);
        assert_eq!(shown("cleanup.policy"), policy);
        assert_eq!(shown("flush.messages").1, ConfigSource::Default);
    }
}
