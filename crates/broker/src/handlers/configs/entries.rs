//! Entries of DescribeConfigs.

use std::collections::{BTreeMap, BTreeSet};

use ottla_metadata::config::{
    ConfigEntry, ConfigSource, ConfigSynonym, TopicDefaults, broker_setting, dynamic_broker_setting,
};
use ottla_metadata::image::Configs;
use ottla_protocol::messages::StrBytes;
use ottla_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsSynonym,
};

use crate::config::{Key, KeyView, Kind, Source, is_setting, keys};
use crate::loggers::Level;

/// What is told of one resource.
pub(super) type Entries = Vec<DescribeConfigsResourceResult>;

/// What the client wants to see of an entry.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) synonyms: bool,
    pub(super) documentation: bool,
}

/// Those of a topic or group.
pub(super) fn of(entries: Vec<ConfigEntry>, shown: Shown) -> Entries {
    entries.into_iter().map(|one| entry(one, shown)).collect()
}

fn entry(entry: ConfigEntry, shown: Shown) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(entry.name))
        .with_value(entry.value.map(StrBytes::from_string))
        .with_read_only(entry.read_only)
        .with_config_source(entry.source.code())
        .with_is_sensitive(entry.sensitive)
        .with_synonyms(synonyms(entry.synonyms, shown))
        .with_config_type(entry.kind.code())
        .with_documentation(documentation(entry.documentation, shown))
}

/// Those of this broker: what it was started with, under what the cluster says of it and of all.
pub(super) fn of_broker(keys: Vec<KeyView<'_>>, defaults: &TopicDefaults, shown: Shown) -> Entries {
    let entries = keys.into_iter().map(|view| {
        let name = view.key.name;
        let said = match defaults.describe_broker_setting(name) {
            Some(said) => said,
            None => said_at_start(&view),
        };
        let source = said
            .first()
            .map_or(ConfigSource::Default, |first| first.source);
        DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(name))
            .with_value(broker_value(view.key, view.value, &said).map(StrBytes::from_string))
            .with_read_only(dynamic_broker_setting(name).is_none())
            .with_config_source(source.code())
            .with_synonyms(synonyms(said, shown))
            .with_config_type(view.key.kind.code())
            .with_documentation(documentation(view.key.doc, shown))
    });
    entries.collect()
}

/// The value that counts: the first that was said of the setting itself, read as the setting is.
fn broker_value(key: &Key, started: Option<String>, said: &[ConfigSynonym]) -> Option<String> {
    match said.first() {
        Some(first) if first.source.is_dynamic() => {
            let read = key.read(&first.value);
            Some(read.map_or_else(|_| first.value.clone(), |value| value.to_string()))
        }
        _ => started,
    }
}

fn said_at_start(view: &KeyView<'_>) -> Vec<ConfigSynonym> {
    let synonym = |value: String, source| ConfigSynonym {
        name: view.key.name,
        value,
        source,
    };
    let given = match view.source {
        Source::Default => None,
        Source::Flag { .. } | Source::Environment { .. } | Source::File { .. } => {
            let value = view.value.clone().unwrap_or_default();
            Some(synonym(value, ConfigSource::StaticBroker))
        }
    };
    let default = view
        .key
        .default
        .map(|default| synonym(default.to_owned(), ConfigSource::Default));
    given.into_iter().chain(default).collect()
}

/// What is said of a broker that is no setting of brokers: somebody else's, and perhaps a secret.
/// `said` has where it is said, the strongest first.
pub(super) fn foreign(said: &[(ConfigSource, &Configs)], shown: Shown) -> Entries {
    let names = said.iter().flat_map(|(_, configs)| configs.keys());
    let names: BTreeSet<&String> = names.filter(|name| !is_setting(name)).collect();
    let entries = names.into_iter().map(|name| {
        let sources = said
            .iter()
            .filter(|(_, configs)| configs.contains_key(name));
        let sources: Vec<i8> = sources.map(|(source, _)| source.code()).collect();
        let synonyms = sources.iter().filter(|_| shown.synonyms).map(|source| {
            DescribeConfigsSynonym::default()
                .with_name(StrBytes::from_string(name.clone()))
                .with_value(None)
                .with_source(*source)
        });
        DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_string(name.clone()))
            .with_value(None)
            .with_read_only(true)
            .with_config_source(sources[0])
            .with_is_sensitive(true)
            .with_synonyms(synonyms.collect())
            .with_documentation(None)
    });
    entries.collect()
}

/// Those of a subscription to client metrics: the defaults, since none can be made here.
pub(super) fn of_subscription(shown: Shown) -> Entries {
    let entry = |name, value, kind: Kind, text| {
        DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(name))
            .with_value(Some(StrBytes::from_static_str(value)))
            .with_config_source(ConfigSource::Default.code())
            .with_config_type(kind.code())
            .with_documentation(documentation(text, shown))
    };
    vec![
        entry(
            "interval.ms",
            "300000",
            Kind::Int,
            "Milliseconds between two reports of a client.",
        ),
        entry(
            "match",
            "",
            Kind::List,
            "Which clients are to report: selectors and patterns.",
        ),
        entry(
            "metrics",
            "",
            Kind::List,
            "What they are to report: prefixes of names of metrics.",
        ),
    ]
}

/// What is said of all brokers, as it was written.
pub(super) fn of_all_brokers(configs: &Configs, shown: Shown) -> Entries {
    let entries = configs.iter().filter_map(|(name, value)| {
        let (_, synonym) = broker_setting(name)?;
        let key = keys::find(name)?;
        let said = ConfigSynonym {
            name: synonym.name,
            value: value.clone(),
            source: ConfigSource::DynamicDefaultBroker,
        };
        let entry = DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(synonym.name))
            .with_value(Some(StrBytes::from_string(value.clone())))
            .with_config_source(said.source.code())
            .with_synonyms(synonyms(vec![said], shown))
            .with_config_type(key.kind.code())
            .with_documentation(documentation(key.doc, shown));
        Some(entry)
    });
    let all = (ConfigSource::DynamicDefaultBroker, configs);
    entries.chain(foreign(&[all], shown)).collect()
}

/// Those of the loggers; Kafka says nothing of their type.
pub(super) fn of_loggers(loggers: BTreeMap<String, Level>) -> Entries {
    let entries = loggers.into_iter().map(|(name, level)| {
        DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_string(name))
            .with_value(Some(StrBytes::from_static_str(level.name())))
            .with_config_source(ConfigSource::BrokerLogger.code())
    });
    entries.collect()
}

fn synonyms(said: Vec<ConfigSynonym>, shown: Shown) -> Vec<DescribeConfigsSynonym> {
    let said = said.into_iter().filter(|_| shown.synonyms);
    said.map(|synonym| {
        DescribeConfigsSynonym::default()
            .with_name(StrBytes::from_static_str(synonym.name))
            .with_value(Some(StrBytes::from_string(synonym.value)))
            .with_source(synonym.source.code())
    })
    .collect()
}

fn documentation(text: &'static str, shown: Shown) -> Option<StrBytes> {
    shown.documentation.then(|| StrBytes::from_static_str(text))
}
