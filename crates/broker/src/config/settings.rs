//! The value of every key after all sources have spoken.
//!
//! Of one key the strongest source counts. Some keys say the same thing in several ways, as
//! `log.retention.ms` and `log.retention.hours`: Kafka then lets the finer one count. Here the source
//! counts first, so that a flag overrides a file whichever way each of them puts it.
//!
//! Invariants: only keys of [`keys::all`] are held; every value has passed its key's check; of a
//! family no member from a weaker source than another's remains.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Problem, Why};
use super::kafka::{Standing, standing, suggestion};
use super::key::{Key, Value};
use super::keys;
use super::report::Report;
use super::source::{Given, Source};

/// Keys that say one thing, the one that counts first.
const FAMILIES: &[&[&str]] = &[
    &[
        "log.retention.ms",
        "log.retention.minutes",
        "log.retention.hours",
    ],
    &["log.roll.ms", "log.roll.hours"],
    &["log.roll.jitter.ms", "log.roll.jitter.hours"],
    &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
    &["log.dirs", "log.dir"],
    NODE,
];

/// Two names of one value: Kafka shows each with what either says.
const NODE: &[&str] = &["node.id", "broker.id"];

/// Without it a node is open to all, which must not go under among other names.
const AUTHORIZER: &str = "authorizer.class.name";
const OPEN_TO_ALL: &str = "every client may do everything";

/// A value that somebody set.
#[derive(Clone, Debug)]
struct Setting {
    value: Value,
    source: Source,
}

/// The value of every key.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// What was set, by key.
    explicit: BTreeMap<&'static str, Setting>,
    /// What takes effect in a form that nobody wrote.
    effective: BTreeMap<&'static str, String>,
}

/// One key as it stands, for DescribeConfigs and `--print-config`.
#[derive(Clone, Debug)]
pub struct KeyView<'a> {
    /// What the key is.
    pub key: &'static Key,
    /// As text; `None` where it is not set and has no default.
    pub value: Option<String>,
    /// Who said so.
    pub source: &'a Source,
}

impl Settings {
    /// Lets the sources speak, weakest first.
    pub(super) fn merge(given: Vec<Given>, report: &mut Report) -> Settings {
        let mut winners: BTreeMap<String, Given> = BTreeMap::new();
        for given in given {
            winners.insert(given.key.clone(), given);
        }
        let placeholders = winners.contains_key("config.providers");
        let mut settings = Settings::default();
        let mut not_needed = BTreeSet::new();
        let mut ignored = BTreeSet::new();
        for (name, given) in winners {
            match standing(&name) {
                Standing::Obeyed(key) => settings.insert(key, given, placeholders, report),
                Standing::NotNeeded => _ = not_needed.insert(name),
                Standing::Ignored => {
                    if name == AUTHORIZER && !given.value.trim().is_empty() {
                        report.warn(format!("{name} is not supported: {OPEN_TO_ALL}"));
                    }
                    ignored.insert(name);
                }
                Standing::Unknown => report.problem(Problem::UnknownKey {
                    nearest: suggestion(&name),
                    key: name,
                    origin: given.source,
                }),
            }
        }
        settings.settle_families(report);
        if !not_needed.is_empty() {
            report.note(format!("not needed here: {}", list(not_needed)));
        }
        if !ignored.is_empty() {
            report.warn(format!("not supported, so ignored: {}", list(ignored)));
        }
        settings
    }

    fn insert(&mut self, key: &'static Key, given: Given, placeholders: bool, report: &mut Report) {
        let Given { value, source, .. } = given;
        let read = if placeholders && value.contains("${") {
            Err(Why::Placeholder)
        } else {
            key.read(&value).map_err(Why::Value)
        };
        match read {
            Ok(value) => _ = self.explicit.insert(key.name, Setting { value, source }),
            Err(why) => report.problem(Problem::BadValue {
                key: key.name,
                value,
                origin: source,
                why,
            }),
        }
    }

    /// Within each family, drops what a weaker source says.
    fn settle_families(&mut self, report: &mut Report) {
        for family in FAMILIES {
            let rank = |name: &&&str| self.explicit.get(**name).map(|s| s.source.rank());
            // The first of the strongest: `max_by_key` alone would take the last.
            let Some(strongest) = family.iter().rev().max_by_key(rank) else {
                continue;
            };
            let Some(winner) = self.explicit.get(strongest).cloned() else {
                continue;
            };
            for name in *family {
                let weaker = |setting: &mut Setting| setting.source.rank() < winner.source.rank();
                let dropped = self.explicit.get_mut(name).is_some_and(weaker);
                if let Some(setting) = dropped.then(|| self.explicit.remove(name)).flatten() {
                    report.warn(format!(
                        "{name} ({}) has no effect: {strongest} ({}) overrides it",
                        setting.source, winner.source
                    ));
                }
            }
        }
    }

    /// Whether a key of its family counts in its place.
    pub(super) fn is_eclipsed(&self, name: &str) -> bool {
        FAMILIES
            .iter()
            .find(|family| family.contains(&name))
            .is_some_and(|family| self.spokesman(family) != name)
    }

    /// The member of the family of this key that counts.
    pub(super) fn spokesman_of(&self, name: &'static str) -> &'static str {
        FAMILIES
            .iter()
            .find(|family| family.contains(&name))
            .map_or(name, |family| self.spokesman(family))
    }

    /// The first member that somebody set, otherwise the first that has a default.
    fn spokesman(&self, family: &[&'static str]) -> &'static str {
        let has_default = |name: &str| keys::find(name).is_some_and(|key| key.default.is_some());
        family
            .iter()
            .find(|name| self.is_explicit(name))
            .or_else(|| family.iter().find(|name| has_default(name)))
            .expect("every family has a member with a default")
    }

    /// Whether somebody set the key.
    pub(super) fn is_explicit(&self, name: &str) -> bool {
        self.explicit.contains_key(name)
    }

    /// Who said so.
    pub(super) fn source(&self, name: &str) -> &Source {
        self.explicit
            .get(name)
            .map_or(&Source::Default, |setting| &setting.source)
    }

    /// The value, read; `None` where it is not set and has no default.
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let key = keys::find(name).expect("only names of the table are asked for");
        match self.explicit.get(name) {
            Some(setting) => Some(setting.value.clone()),
            None => key
                .default
                .map(|default| key.read(default).expect("a test reads every default")),
        }
    }

    /// The value of a boolean key.
    pub(super) fn boolean(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Boolean(value)) => value,
            other => unreachable!("{name} is a boolean with a default, not {other:?}"),
        }
    }

    /// The value of a key that is a decimal number.
    pub(super) fn double(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Double(value)) => value,
            other => unreachable!("{name} is a decimal number that is set, not {other:?}"),
        }
    }

    /// The value of a number key.
    pub(super) fn number(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Number(value)) => value,
            other => unreachable!("{name} is a number that is set, not {other:?}"),
        }
    }

    /// The value of a text key, if it has one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Value::String(text)) => Some(text),
            None => None,
            other => unreachable!("{name} is a text, not {other:?}"),
        }
    }

    /// The items of a list key; none where it has no value.
    pub(super) fn items(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::List(items)) => items,
            None => Vec::new(),
            other => unreachable!("{name} is a list, not {other:?}"),
        }
    }

    /// Notes what takes effect where that is more than what was written.
    pub(super) fn set_effective(&mut self, name: &'static str, text: String) {
        self.effective.insert(name, text);
    }

    /// Refuses the value of a key for what it means rather than for how it is written.
    pub(super) fn refuse(&self, name: &'static str, why: impl Into<Why>, report: &mut Report) {
        report.problem(Problem::BadValue {
            key: name,
            value: self
                .get(name)
                .map(|value| value.to_string())
                .unwrap_or_default(),
            origin: self.source(name).clone(),
            why: why.into(),
        });
    }

    /// Every key, by name.
    pub(super) fn view(&self) -> Vec<KeyView<'_>> {
        let mut views: Vec<_> = keys::all().map(|key| self.view_of(key)).collect();
        views.sort_by_key(|view| view.key.name);
        views
    }

    fn view_of(&self, key: &'static Key) -> KeyView<'_> {
        let name = match key.name {
            name if NODE.contains(&name) => self.spokesman(NODE),
            name => name,
        };
        let effective = self.effective.get(name).cloned();
        KeyView {
            key,
            value: effective.or_else(|| self.get(name).map(|value| value.to_string())),
            source: self.source(name),
        }
    }

    /// What was set, in canonical text.
    pub(super) fn explicit(&self) -> BTreeMap<String, String> {
        self.explicit
            .iter()
            .map(|(name, setting)| ((*name).to_owned(), setting.value.to_string()))
            .collect()
    }
}

fn list(names: BTreeSet<String>) -> String {
    Vec::from_iter(names).join(", ")
}
