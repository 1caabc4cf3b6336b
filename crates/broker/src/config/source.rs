//! Where settings come from, and what each source gives.
//!
//! Everything is an argument: nobody here reads a file, the environment or the host's name.

use std::fmt;

use super::environment;
use super::error::Problem;
use super::properties;
use super::report::Report;

/// All that decides a configuration.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What the command line says.
    pub flags: Flags,
    /// The environment of the process; only `OTTLA_` variables count.
    pub environment: Vec<(String, String)>,
    /// What `--config` names.
    pub file: Option<PropertiesFile>,
    /// What a listener on every address advertises, unless told otherwise.
    pub host_name: String,
}

/// The flags of `ottla serve` that are settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen [NAME://]host:port`, in order.
    pub listen: Vec<String>,
    /// `--advertise [NAME://]host:port`, in order.
    pub advertise: Vec<String>,
    /// `--data dir`.
    pub data: Option<String>,
    /// `--http host:port`.
    pub http: Option<String>,
    /// `--node-id number`.
    pub node_id: Option<String>,
    /// `--peer-listen host:port`.
    pub peer_listen: Option<String>,
    /// `--peer-advertise host:port`.
    pub peer_advertise: Option<String>,
    /// `--join host:port,…`.
    pub join: Option<String>,
    /// `--set key=value`, in order; of one key, the last counts.
    pub set: Vec<String>,
}

/// A file of settings, already read.
#[derive(Clone, Debug)]
pub struct PropertiesFile {
    /// As messages call it.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Where a value comes from. Later variants give way to earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag {
        /// With its dashes.
        name: &'static str,
    },
    /// A variable.
    Environment {
        /// With its `OTTLA_`.
        variable: String,
    },
    /// The file of settings.
    File {
        /// As given to `--config`.
        name: String,
        /// Counted from one.
        line: usize,
    },
    /// Nobody said anything.
    Default,
}

/// A value that a source gives for a key, both as yet unread.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) source: Source,
}

impl Source {
    /// A source of a higher rank hides what those below say.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Source::Flag { .. } => 3,
            Source::Environment { .. } => 2,
            Source::File { .. } => 1,
            Source::Default => 0,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag { name } => write!(formatter, "flag {name}"),
            Source::Environment { variable } => write!(formatter, "environment {variable}"),
            Source::File { name, line } => write!(formatter, "file {name}:{line}"),
            Source::Default => write!(formatter, "default"),
        }
    }
}

impl Sources {
    /// All that is given, weakest source first and in each source's order.
    pub(super) fn gather(self, report: &mut Report) -> Vec<Given> {
        let mut given = match self.file {
            Some(file) => file.gather(report),
            None => Vec::new(),
        };
        given.extend(environment::gather(self.environment, report));
        given.extend(self.flags.gather(report));
        given
    }
}

impl PropertiesFile {
    fn gather(self, report: &mut Report) -> Vec<Given> {
        let PropertiesFile { name, bytes } = self;
        let entries = match properties::parse(&bytes) {
            Ok(entries) => entries,
            Err(error) => {
                report.problem(Problem::Syntax { file: name, error });
                return Vec::new();
            }
        };
        for (at, entry) in entries.iter().enumerate() {
            if let Some(later) = entries[at + 1..].iter().find(|next| next.key == entry.key) {
                report.warn(format!(
                    "{name}: {} is set on line {} and again on line {}; the last one counts",
                    entry.key, entry.line, later.line
                ));
            }
        }
        entries
            .into_iter()
            .map(|entry| Given {
                key: entry.key,
                value: entry.value,
                source: Source::File {
                    name: name.clone(),
                    line: entry.line,
                },
            })
            .collect()
    }
}

impl Flags {
    fn gather(self, report: &mut Report) -> Vec<Given> {
        let joined = |items: Vec<String>| (!items.is_empty()).then(|| items.join(","));
        let named = [
            ("--listen", "listeners", joined(self.listen)),
            (
                "--advertise",
                "advertised.listeners",
                joined(self.advertise),
            ),
            ("--data", "log.dirs", self.data),
            ("--http", "ottla.http.address", self.http),
            ("--node-id", "node.id", self.node_id),
            ("--peer-listen", "ottla.peer.listener", self.peer_listen),
            (
                "--peer-advertise",
                "ottla.peer.advertised",
                self.peer_advertise,
            ),
            ("--join", "ottla.peer.seeds", self.join),
        ];
        let mut given: Vec<Given> = named
            .into_iter()
            .filter_map(|(name, key, value)| {
                value.map(|value| Given {
                    key: key.to_owned(),
                    value,
                    source: Source::Flag { name },
                })
            })
            .collect();
        let flags = given.len();
        for text in self.set {
            let Some((key, value)) = text.split_once('=') else {
                report.problem(Problem::SetWithoutValue { text });
                continue;
            };
            let key = key.trim();
            if let Some(flag) = given[..flags].iter().find(|flag| flag.key == key) {
                report.problem(Problem::SetTwice {
                    key: key.to_owned(),
                    flag: flag.source.clone(),
                });
                continue;
            }
            given.push(Given {
                key: key.to_owned(),
                value: value.to_owned(),
                source: Source::Flag { name: "--set" },
            });
        }
        given
    }
}
