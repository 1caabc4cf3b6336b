//! How much this process writes to its log lines, by target, changeable while it runs.
//!
//! Kafka calls a target a logger. The levels are kept here; a filter made of them is handed through
//! a door to whoever writes the lines. Nothing of it survives the process, as in Kafka.
//!
//! Invariant: what is described is what the filter was last made of.

use std::collections::BTreeMap;
use std::fmt;

pub use ottla_replication::OPENRAFT_LEVELS;
use parking_lot::Mutex;

/// The logger whose level counts where no other says.
pub const ROOT: &str = "root";

/// The crates that write lines. Any module of theirs is a logger too.
const CRATES: &[&str] = &[
    "openraft",
    "ottla",
    "ottla_broker",
    "ottla_replication",
    "ottla_storage",
];

/// Where a filter, in the syntax of tracing's `EnvFilter`, takes effect.
pub type Door = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The levels, and the door through which they take effect.
pub struct Loggers {
    door: Door,
    /// Held while a filter goes through the door, so that the last one to change it is the last one through.
    levels: Mutex<Levels>,
}

/// How severe a line must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Kafka's and say it")]
pub enum Level {
    Off,
    /// No line of this broker is: nothing is written.
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// What becomes of one logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelChange {
    /// It has this level of its own.
    Set(Level),
    /// It follows its parent.
    Unset,
}

impl Loggers {
    /// Begins with the filter that is in effect.
    pub fn new(
        filter: &str,
        door: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Loggers {
            door: Box::new(door),
            levels: Mutex::new(Levels::parse(filter)),
        }
    }

    /// Every logger that is known by name, with the level that counts for it, ordered by name.
    pub fn describe(&self) -> BTreeMap<String, Level> {
        let levels = self.levels.lock();
        let named = levels.own.keys().map(String::as_str);
        let all = named.chain(CRATES.iter().copied()).chain([ROOT]);
        all.map(|name| (name.to_owned(), levels.effective(name)))
            .collect()
    }

    /// Whether there can be a line of this logger.
    pub fn exists(&self, name: &str) -> bool {
        let a_crate = name.split("::").next().unwrap_or_default();
        let is_path = |name: &str| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte))
        };
        name == ROOT
            || self.levels.lock().own.contains_key(name)
            || (CRATES.contains(&a_crate) && is_path(name))
    }

    /// Changes levels, all of them or none.
    ///
    /// # Errors
    /// What the writer of the lines says about the filter.
    pub fn change(&self, changes: &BTreeMap<String, LevelChange>) -> Result<(), String> {
        let mut levels = self.levels.lock();
        let mut next = levels.clone();
        for (name, change) in changes {
            next.change(name, change);
        }
        (self.door)(&next.to_string())?;
        *levels = next;
        Ok(())
    }
}

/// A filter by its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Levels {
    root: Level,
    /// Of targets that have one of their own.
    own: BTreeMap<String, Level>,
    /// Parts that are about more than a target, as they were written.
    rest: Vec<String>,
}

impl Levels {
    fn parse(filter: &str) -> Levels {
        // What `EnvFilter` does where nobody says.
        let mut levels = Levels {
            root: Level::Error,
            own: BTreeMap::new(),
            rest: Vec::new(),
        };
        for part in parts(filter).into_iter().map(str::trim) {
            match part.split_once('=') {
                _ if part.contains('[') => levels.rest.push(part.to_owned()),
                None if part.is_empty() => {}
                None => match Level::parse_any_case(part) {
                    Some(level) => levels.root = level,
                    None => levels.change(part, &LevelChange::Set(Level::Trace)),
                },
                Some((target, level)) => match Level::parse_any_case(level) {
                    Some(level) => levels.change(target, &LevelChange::Set(level)),
                    None => levels.rest.push(part.to_owned()),
                },
            }
        }
        levels
    }

    fn change(&mut self, name: &str, change: &LevelChange) {
        match change {
            LevelChange::Set(level) if name == ROOT => self.root = *level,
            LevelChange::Set(level) => _ = self.own.insert(name.to_owned(), *level),
            LevelChange::Unset => _ = self.own.remove(name),
        }
    }

    /// That of the longest name that the logger's begins with, as the filter has it.
    fn effective(&self, name: &str) -> Level {
        let ancestors = self.own.iter().filter(|(own, _)| name.starts_with(&***own));
        let nearest = ancestors.max_by_key(|(own, _)| own.len());
        match nearest {
            Some((_, level)) if name != ROOT => *level,
            _ => self.root,
        }
    }
}

/// What stands between commas, but for those in brackets.
fn parts(filter: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let ends = |symbol: char| {
        match symbol {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        symbol == ',' && depth == 0
    };
    filter.split(ends).collect()
}

/// The filter.
impl fmt::Display for Levels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.rest {
            write!(formatter, "{part},")?;
        }
        write!(formatter, "{}", self.root.directive())?;
        for (target, level) in &self.own {
            write!(formatter, ",{target}={}", level.directive())?;
        }
        Ok(())
    }
}

impl Level {
    /// The level that Kafka's tools call so.
    pub fn parse(name: &str) -> Option<Level> {
        let levels = [
            Level::Fatal,
            Level::Error,
            Level::Warn,
            Level::Info,
            Level::Debug,
            Level::Trace,
        ];
        levels.into_iter().find(|level| level.name() == name)
    }

    /// As Kafka's tools show it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Off => "OFF",
            Level::Fatal => "FATAL",
            Level::Error => "ERROR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Debug => "DEBUG",
            Level::Trace => "TRACE",
        }
    }

    fn directive(self) -> &'static str {
        match self {
            Level::Off | Level::Fatal => "off",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    fn parse_any_case(text: &str) -> Option<Level> {
        match text.trim().to_ascii_uppercase().as_str() {
            "OFF" => Some(Level::Off),
            "FATAL" => None,
            name => Level::parse(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Loggers, and what last went through their door.
    fn loggers(filter: &str) -> (Loggers, Arc<Mutex<String>>) {
        let last = Arc::new(Mutex::new(String::new()));
        let sees = Arc::clone(&last);
        let door = move |filter: &str| {
            if filter.contains("broken") {
                return Err("no".to_owned());
            }
            filter.clone_into(&mut sees.lock());
            Ok(())
        };
        (Loggers::new(filter, door), last)
    }

    fn change(loggers: &Loggers, name: &str, change: LevelChange) -> Result<(), String> {
        loggers.change(&BTreeMap::from([(name.to_owned(), change)]))
    }

    #[test]
    fn the_filter_at_the_start_is_described_as_loggers() {
        let (loggers, _) = loggers("info,openraft=error, ottla_broker::net=Debug");
        let described = loggers.describe();
        assert_eq!(described[ROOT], Level::Info);
        assert_eq!(described["openraft"], Level::Error);
        assert_eq!(described["ottla_broker::net"], Level::Debug);
        assert_eq!(described["ottla_broker"], Level::Info);
        assert_eq!(Levels::parse("").root, Level::Error);
    }

    #[test]
    fn a_level_that_is_set_and_unset_goes_through_the_door() {
        let (loggers, filter) = loggers("info,openraft=error");
        change(&loggers, "ottla_broker", LevelChange::Set(Level::Debug)).unwrap();
        assert_eq!(*filter.lock(), "info,openraft=error,ottla_broker=debug");
        change(&loggers, ROOT, LevelChange::Set(Level::Fatal)).unwrap();
        change(&loggers, "openraft", LevelChange::Unset).unwrap();
        assert_eq!(*filter.lock(), "off,ottla_broker=debug");
        assert_eq!(loggers.describe()["openraft"], Level::Fatal);
    }

    #[test]
    fn what_does_not_get_through_the_door_is_not_described() {
        let (loggers, _) = loggers("info");
        assert!(change(&loggers, "broken", LevelChange::Set(Level::Debug)).is_err());
        assert!(!loggers.describe().contains_key("broken"));
    }

    #[test]
    fn parts_about_more_than_a_target_stay() {
        let parsed = Levels::parse("warn,ottla[span{a=1,b}]=debug,openraft=off");
        let filter = "ottla[span{a=1,b}]=debug,warn,openraft=off";
        assert_eq!(parsed.to_string(), filter);
        assert_eq!(Levels::parse("a=b=c").to_string(), "a=b=c,error");
    }

    #[test]
    fn modules_of_our_crates_are_loggers_and_others_are_not() {
        let (loggers, _) = loggers("info,hyper=warn");
        for (name, exists) in [
            (ROOT, true),
            ("ottla_broker", true),
            ("ottla_broker::net::connection", true),
            ("hyper", true),
            ("ottla_brokers", false),
            ("ottla_broker::a=b,c", false),
            ("kafka.server.KafkaApis", false),
            ("", false),
        ] {
            assert_eq!(loggers.exists(name), exists, "{name:?}");
        }
    }

    #[test]
    fn levels_are_kafkas_and_nothing_else() {
        assert_eq!(Level::parse("DEBUG"), Some(Level::Debug));
        for name in ["debug", "OFF", "ALL", ""] {
            assert_eq!(Level::parse(name), None);
        }
    }
}
