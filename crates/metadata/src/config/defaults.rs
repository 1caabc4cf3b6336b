//! What topics get where they say nothing: the broker's settings in their layers, and below them
//! Kafka's defaults.
//!
//! The strongest layer that says anything about a key wins; of its settings for the key
//! (`log.retention.ms`, `.minutes`, `.hours`) the first. Each one that is set must be valid.

use std::collections::BTreeMap;

use super::broker::{
    BrokerConfigs, InvalidBrokerConfig, Layers, broker_setting, dynamic_broker_setting,
    is_throttled_rate, read_throttled_rate,
};
use super::resolved::Values;
use super::{Kind, Synonym, TOPIC_KEYS, TopicKey, Value};

/// The defaults of every topic on this broker.
#[derive(Clone, Debug)]
pub struct TopicDefaults {
    layers: Layers,
    values: Values,
}

/// A broker setting cannot be a default for topics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}={value}: {reason}")]
pub struct InvalidDefault {
    /// The broker setting.
    pub key: String,
    /// Its value as it was given.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Default for TopicDefaults {
    /// Kafka's defaults, for a broker that sets nothing.
    fn default() -> Self {
        Self::new(&BTreeMap::new()).expect("the table's defaults are valid values")
    }
}

impl TopicDefaults {
    /// Takes the defaults for topics out of the settings that a broker was started with; other
    /// settings are ignored.
    pub fn new(broker_values: &BTreeMap<String, String>) -> Result<Self, InvalidDefault> {
        let defaults = Self::read(Layers::started(broker_values))?;
        defaults.check_lags()?;
        Ok(defaults)
    }

    /// The defaults of the same broker under other configurations. They were checked when they
    /// were written; what this broker cannot read counts as not said.
    pub fn under(&self, configs: BrokerConfigs<'_>) -> Self {
        Self::read(self.layers.under(configs)).expect("every layer was read before")
    }

    /// Whether brokers can run under these configurations, of which those named in `changed` are
    /// new. What is no setting of theirs they can run under whatever it is.
    pub(crate) fn validate_broker<'a>(
        &self,
        configs: BrokerConfigs<'_>,
        changed: impl Iterator<Item = (&'a str, &'a str)>,
        is_setting: fn(&str) -> bool,
    ) -> Result<(), InvalidBrokerConfig> {
        let (rates, changed): (Vec<_>, Vec<_>) =
            changed.partition(|(name, _)| is_throttled_rate(name));
        for (name, text) in rates {
            read_throttled_rate(name, text)?;
        }
        let changed = changed.into_iter();
        let changed =
            changed.filter(|(name, _)| broker_setting(name).is_some() || is_setting(name));
        let changed: Vec<_> = changed.collect();
        let fixed = changed
            .iter()
            .filter(|(name, _)| dynamic_broker_setting(name).is_none());
        let keys: Vec<String> = fixed.map(|(name, _)| (*name).to_owned()).collect();
        if !keys.is_empty() {
            return Err(InvalidBrokerConfig::NotDynamic { keys });
        }
        for (name, text) in changed {
            let (key, synonym) = dynamic_broker_setting(name).expect("the others were refused");
            parse_given(key, synonym, text)?;
        }
        Ok(self.under(configs).check_lags()?)
    }

    fn read(layers: Layers) -> Result<Self, InvalidDefault> {
        let mut values = Values::new();
        for key in TOPIC_KEYS {
            let mut chosen = None;
            for (_, layer) in layers.each() {
                for synonym in key.synonyms {
                    if let Some(text) = layer.get(synonym.name) {
                        let value = parse_given(key, synonym, text)?;
                        chosen.get_or_insert(value);
                    }
                }
            }
            match chosen {
                Some(value) => values.set(key, value),
                None => values.set_default(key),
            }
        }
        Ok(Self { layers, values })
    }

    /// What was given in each layer.
    pub(super) fn layers(&self) -> &Layers {
        &self.layers
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    fn check_lags(&self) -> Result<(), InvalidDefault> {
        let config = self.values.to_config();
        if config.min_compaction_lag_ms <= config.max_compaction_lag_ms {
            return Ok(());
        }
        Err(InvalidDefault {
            key: "log.cleaner.min.compaction.lag.ms".to_owned(),
            value: config.min_compaction_lag_ms.to_string(),
            reason: format!(
                "it must not be above log.cleaner.max.compaction.lag.ms, which is {}",
                config.max_compaction_lag_ms
            ),
        })
    }
}

fn parse_given(key: &TopicKey, synonym: &Synonym, text: &str) -> Result<Value, InvalidDefault> {
    parse(key, synonym, text).map_err(|reason| InvalidDefault {
        key: synonym.name.to_owned(),
        value: text.to_owned(),
        reason,
    })
}

/// Reads a broker's setting as the topic's key.
pub(super) fn parse(key: &TopicKey, synonym: &Synonym, text: &str) -> Result<Value, String> {
    let mut value = match synonym.unit.milliseconds() {
        None => Value::parse(key.kind, text).map_err(|error| error.to_string())?,
        Some(unit_ms) => match Value::parse(Kind::Int, text).map_err(|error| error.to_string())? {
            Value::Int(count) => Value::Long(i64::from(count) * unit_ms),
            _ => unreachable!("a number was parsed"),
        },
    };
    if key.name == "retention.ms" {
        value = broker_retention(value)?;
    }
    key.check.apply(&mut value)?;
    Ok(value)
}

/// For a broker, unlike for a topic, any negative retention is no bound and 0 is a mistake.
fn broker_retention(value: Value) -> Result<Value, String> {
    match value {
        Value::Long(..=-1) => Ok(Value::Long(-1)),
        Value::Long(0) => Err("it must be -1 (no bound) or at least 1".to_owned()),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TopicConfig;

    fn defaults(settings: &[(&str, &str)]) -> Result<TopicConfig, InvalidDefault> {
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        let settings: BTreeMap<String, String> = settings.collect();
        TopicDefaults::new(&settings).map(|defaults| defaults.values().to_config())
    }

    #[test]
    fn without_settings_topics_get_kafkas_defaults() {
        let config = defaults(&[]).unwrap();
        assert_eq!(config.retention_ms, 604_800_000);
        assert_eq!(config.segment_ms, 604_800_000);
        assert_eq!(config.segment_bytes, 1 << 30);
        assert_eq!(config.max_message_bytes, 1_048_588);
        assert_eq!(config.min_cleanable_dirty_ratio, 0.5);
    }

    #[test]
    fn of_several_settings_for_one_key_the_finer_unit_wins() {
        let retention = |settings: &[_]| defaults(settings).unwrap().retention_ms;
        let hours = ("log.retention.hours", "24");
        let minutes = ("log.retention.minutes", "10");
        let ms = ("log.retention.ms", "-1");
        assert_eq!(retention(&[hours]), 86_400_000);
        assert_eq!(retention(&[hours, minutes]), 600_000);
        assert_eq!(retention(&[hours, minutes, ms]), -1);
        let config = defaults(&[("log.roll.hours", "3"), ("log.roll.jitter.ms", "7")]).unwrap();
        assert_eq!(
            (config.segment_ms, config.segment_jitter_ms),
            (10_800_000, 7)
        );
        let flush = defaults(&[("log.flush.scheduler.interval.ms", "500")]).unwrap();
        assert_eq!(flush.flush_ms, 500);
    }

    #[test]
    fn a_brokers_negative_retention_is_no_bound_and_zero_is_refused() {
        for setting in [
            "log.retention.ms",
            "log.retention.minutes",
            "log.retention.hours",
        ] {
            assert_eq!(defaults(&[(setting, "-7")]).unwrap().retention_ms, -1);
            assert!(defaults(&[(setting, "0")]).is_err());
        }
    }

    #[test]
    fn each_setting_must_be_valid_even_where_another_one_wins() {
        for (setting, value, reason) in [
            ("log.retention.hours", "x", "it is not a number of type INT"),
            (
                "log.segment.bytes",
                "1048575",
                "it must be at least 1048576",
            ),
            ("log.roll.hours", "0", "it must be at least 1"),
            ("log.cleanup.policy", "shred", "'shred' is not allowed"),
            ("ottla.flush", "never", "it must be one of: fsync, async"),
        ] {
            let error = defaults(&[("log.retention.ms", "5"), (setting, value)]).unwrap_err();
            assert_eq!((error.key.as_str(), error.value.as_str()), (setting, value));
            assert!(error.reason.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn a_lag_that_must_be_waited_for_cannot_exceed_the_longest_allowed() {
        let settings = [
            ("log.cleaner.min.compaction.lag.ms", "9"),
            ("log.cleaner.max.compaction.lag.ms", "8"),
        ];
        let error = defaults(&settings).unwrap_err();
        assert_eq!(error.key, "log.cleaner.min.compaction.lag.ms");
    }
}
